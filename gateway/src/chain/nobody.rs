//! What the caller is told when no target answered.

use std::time::Duration;

use super::walk::Walk;
use crate::chat::Left;
use crate::provider::{Class, Error};

impl Walk {
    /// Nobody else can be asked; the error says what every target said. In this order:
    /// 0. the caller shortens the request for the target whose turn it was,
    /// 1. a bound or a budget is used up, and there was money in the way of an answer; or a price is not known, when nothing that
    ///    could have answered comes back by itself,
    /// 2. no target can do what the request needs, so that asking again is useless: too long, else not able to,
    /// 3. what the last target said that could have answered, with the time after which one comes back.
    pub fn exhausted(&self) -> Error {
        if let Some(window) = self.to_shorten {
            let message = format!("the request fills too much of a context of {window} tokens");
            return Error {
                window: Some(window),
                ..Error::new(Class::ContextLength, message)
            };
        }
        let is = |class| move |left: &&Left| left.class == class;
        for class in [Class::OverBound, Class::OverBudget] {
            if self.left.iter().any(|left| left.class == class) {
                return Error {
                    retry_after: self.money_in.into_iter().chain(self.comes_back_in()).min(),
                    ..Error::new(class, self.told("no model answered"))
                };
            }
        }
        let hope = self.left.iter().rev().find(|left| !is_hopeless(left.class));
        if let Some(left) = hope {
            return Error {
                retry_after: self.comes_back_in(),
                ..Error::new(left.class, self.told("no model answered"))
            };
        }
        if self.left.iter().any(|left| left.class == Class::NoPrice) {
            return Error::new(Class::NoPrice, self.told("no model answered"));
        }
        if self.left.iter().any(|left| left.class == Class::ContextLength) {
            return self.too_long();
        }
        if let Some(left) = self.left.iter().find(is(Class::Capability)).or(self.left.first()) {
            return Error::new(left.class, self.told("no model can do what this request needs"));
        }
        Error::new(Class::HostDown, "no model is set up")
    }

    /// In the words that clients of OpenAI look for.
    fn too_long(&self) -> Error {
        let targets = self.route.targets.iter();
        let longest = targets.filter_map(|target| target.context(&target.facts())).max();
        let tokens = self.errand.prompt_tokens;
        let limit = longest.map_or_else(
            || "This request is longer than the context of the model.".to_owned(),
            |longest| {
                format!(
                    "This model's maximum context length is {longest} tokens. However, your messages are about {tokens} \
                     tokens."
                )
            },
        );
        let message = format!("{limit} Please reduce the length of the messages. ({})", self.reasons());
        // A server that refused it counts otherwise than the estimate, or has a context that nobody knew of.
        let refused_at = longest.unwrap_or(u32::MAX).min(tokens);
        let shortens = self.errand.demands.shortens;
        Error {
            window: shortens.and_then(|shortens| (refused_at < shortens.below).then_some(refused_at)),
            ..Error::new(Class::ContextLength, message)
        }
    }

    /// When the first target that could have answered lets a trial through.
    fn comes_back_in(&self) -> Option<Duration> {
        let hopeless = |name: &str| {
            self.left
                .iter()
                .any(|left| left.target == name && is_hopeless(left.class))
        };
        let targets = self.route.targets.iter();
        let of_use = targets.filter(|target| !hopeless(target.name()));
        of_use.filter_map(|target| target.comes_back_in()).min()
    }

    fn told(&self, beginning: &str) -> String {
        format!("{beginning} ({})", self.reasons())
    }

    fn reasons(&self) -> String {
        let reasons = self.left.iter().map(|left| format!("{}: {}", left.target, left.reason));
        reasons.collect::<Vec<_>>().join("; ")
    }
}

/// Asking the same target again later would come to the same.
fn is_hopeless(class: Class) -> bool {
    matches!(
        class,
        Class::Capability
            | Class::Loop
            | Class::Privacy
            | Class::ContextLength
            | Class::OverBudget
            | Class::OverBound
            | Class::NoPrice
    )
}
