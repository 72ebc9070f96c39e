//! The chain as a [`Provider`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::drive::{Answer, Drive, Source};
use super::going_on::Said;
use super::manner::Manner;
use super::surroundings::Surroundings;
use super::target::Target;
use crate::breaker::{Next, Shown};
use crate::chat::{Delivery, Event, Request};
use crate::provider::{Call, Events, Provider};

/// An ordered list of targets. Clones share the list, so that a target which is found later is used by all of them.
///
/// `Call::model` is not looked at: every target brings its own name of the model.
#[derive(Clone)]
pub struct Chain {
    route: Arc<RwLock<Route>>,
    last: Option<Arc<dyn Provider>>,
}

/// A chain as one request sees it: what is changed later does not change for it.
#[derive(Clone)]
pub struct Route {
    pub(super) targets: Arc<[Arc<Target>]>,
    pub(super) surroundings: Arc<Surroundings>,
    pub(super) manner: Arc<Manner>,
}

impl Route {
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// Only the targets that are `fit`, in their order.
    #[must_use]
    pub fn keeping(self, mut fit: impl FnMut(&Target) -> bool) -> Self {
        Self {
            targets: self.targets.iter().filter(|target| fit(target)).cloned().collect(),
            ..self
        }
    }

    /// How long a request may look for a target that answers, where the chain does not say so itself.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        let manner = Manner {
            deadline: self.manner.deadline.or(Some(deadline)),
            ..(*self.manner).clone()
        };
        Self {
            manner: Arc::new(manner),
            ..self
        }
    }
}

impl Chain {
    pub fn new(targets: Vec<Arc<Target>>) -> Self {
        let route = Route {
            targets: targets.into(),
            surroundings: Arc::default(),
            manner: Arc::default(),
        };
        Self {
            route: Arc::new(RwLock::new(route)),
            last: None,
        }
    }

    /// The same chain with something that answers when no target does, and is told by `Call::left` why.
    #[must_use]
    pub fn with_last(self, last: Arc<dyn Provider>) -> Self {
        Self {
            last: Some(last),
            ..self
        }
    }

    #[must_use]
    pub fn with_manner(self, manner: Manner) -> Self {
        self.change(|route| route.manner = Arc::new(manner));
        self
    }

    #[must_use]
    pub fn with_surroundings(self, surroundings: Arc<Surroundings>) -> Self {
        self.change(|route| route.surroundings = surroundings);
        self
    }

    pub fn targets(&self) -> Arc<[Arc<Target>]> {
        self.route().targets
    }

    /// For a [`Walk`](super::Walk) down this chain.
    pub fn route(&self) -> Route {
        self.route.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets how requests are treated, for this chain and all its clones.
    pub fn set_manner(&self, manner: Manner) {
        self.change(|route| route.manner = Arc::new(manner));
    }

    /// Puts other targets in place, for this chain and all its clones. Requests under way keep theirs.
    pub fn replace(&self, targets: Vec<Arc<Target>>) {
        self.change(|route| route.targets = targets.into());
    }

    fn change(&self, change: impl FnOnce(&mut Route)) {
        change(&mut self.route.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Provider for Chain {
    /// Of the first target that is not left alone.
    fn context(&self, _model: &str) -> Option<u32> {
        let targets = self.targets();
        let first = targets.iter().find(|target| target.state().state == Shown::Closed)?;
        first.context(&first.facts())
    }

    fn stream(&self, call: Call) -> Events {
        let chain = self.clone();
        Box::pin(async_stream::stream! {
            let takes_reset = takes_reset(&call.request);
            let route = chain.route();
            let mut said = Said::of(&route.manner, &call.request);
            let mut drive = Drive::new(route, chain.last, call);
            loop {
                let Answer { served, held, source } = match drive.advance().await {
                    Ok(answer) => answer,
                    Err(error) => {
                        yield Err(error);
                        return;
                    }
                };
                yield Ok(Event::Served(served.clone()));
                let mut attempt = match source {
                    Source::Target(attempt) => attempt,
                    Source::Last(mut events) => {
                        while let Some(item) = futures_util::StreamExt::next(&mut events).await {
                            yield item;
                        }
                        return;
                    }
                };
                for event in held {
                    attempt.passed_on(&event);
                    if let Some(said) = &mut said {
                        said.note(&event);
                    }
                    yield Ok(event);
                }
                let broken = loop {
                    match attempt.rest().await {
                        Some(Ok(event)) => {
                            if let Some(said) = &mut said {
                                said.note(&event);
                            }
                            yield Ok(event);
                        }
                        Some(Err(error)) => break error,
                        None => return,
                    }
                };
                let is_last_word = broken.class.disposition().next == Next::Relay;
                if let Some(text) = said.take().filter(|_| !is_last_word).and_then(Said::text) {
                    drop(attempt);
                    drive.broke(&served, &broken);
                    if let Some(mut resumed) = drive.go_on(&text).await {
                        yield Ok(Event::Served(drive.served_by(resumed.target())));
                        while let Some(Ok(event)) = resumed.next().await {
                            let is_end = matches!(event, Event::Finish(_));
                            yield Ok(event);
                            if is_end {
                                return;
                            }
                        }
                    }
                    // What the one who tried to help says is of no use to the caller.
                    yield Err(broken);
                    return;
                }
                if !takes_reset || is_last_word {
                    yield Err(broken);
                    return;
                }
                yield Ok(Event::Reset);
                drive.broke(&served, &broken);
            }
        })
    }
}

/// First-party callers understand a reset, and who waits for the whole answer never sees it. API callers who read along
/// have already been given what is void.
fn takes_reset(request: &Request) -> bool {
    request.delivery != Delivery::Live
}
