//! One request on its way down the chain: which target is next, and what a failure means. It knows nothing of what is
//! asked, so that every kind of work goes down a chain in the same way.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Admission;
use super::errand::Errand;
use super::fit::{misfit, overfull};
use super::provider::Route;
use super::target::Target;
use crate::breaker::{Next, Place, Retry, Shown};
use crate::chat::{Left, Served};
use crate::demands::Cold;
use crate::health::{Ability, Facts};
use crate::provider::{Class, Error};

/// The longest that a request waits for a target which asked to be asked again soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Upper end of the pause before a server is asked again that has too much to do and does not say for how long.
const BACKOFF: Duration = Duration::from_millis(500);

/// Ask [`Walk::next`] for a target; when it fails, hand it to [`Walk::failed`] and ask again; when there is none,
/// [`Walk::exhausted`] is the error for the caller.
pub struct Walk {
    pub(super) route: Route,
    pub(super) errand: Arc<Errand>,
    pub(super) cold: Cold,
    /// When looking for a target that answers ends.
    pub(super) ends: Instant,
    /// When the caller no longer waits, whatever is under way.
    pub(super) caller_ends: Option<Instant>,
    /// The next target in order.
    next: usize,
    /// Targets that are being loaded while others were asked first.
    skipped: Vec<usize>,
    /// The target that is asked once more, and when.
    again: Option<(usize, Instant)>,
    retried: bool,
    pub(super) least_bad_asked: bool,
    pub(super) was_asked: Vec<bool>,
    pub(super) attempts: u32,
    pub(super) left: Vec<Left>,
    /// Only targets that can read more than this are of use.
    pub(super) needs_context_over: Option<u32>,
    /// The context of the target that would be asked, were the request not too long for it; nobody is asked any more.
    pub(super) to_shorten: Option<u32>,
    /// When the money that was missing is there again.
    pub(super) money_in: Option<Duration>,
}

impl Walk {
    pub fn new(route: Route, errand: Errand) -> Self {
        let started = Instant::now();
        let (demands, surface) = (&errand.demands, errand.origin.surface);
        Self {
            cold: route.manner.cold(demands, surface),
            ends: started + route.manner.deadline(demands, errand.caller.waits(), surface),
            caller_ends: demands.deadline.map(|deadline| started + deadline),
            was_asked: vec![false; route.targets.len()],
            route,
            errand: Arc::new(errand),
            next: 0,
            skipped: Vec::new(),
            again: None,
            retried: false,
            least_bad_asked: false,
            attempts: 0,
            left: Vec::new(),
            needs_context_over: None,
            to_shorten: None,
            money_in: None,
        }
    }

    /// In this order:
    /// 1. the target that is owed a second try,
    /// 2. the next target that is fit for the request and that its breakers and its queue let through,
    /// 3. a target whose model was being loaded meanwhile,
    /// 4. once, if there is none, the one whose breaker would have opened up soonest.
    ///
    /// It may be dropped while it waits and called again.
    pub async fn next(&mut self) -> Option<Admission> {
        match self.next_in_order().await {
            Some(admission) => Some(admission),
            None => self.least_bad(),
        }
    }

    /// Like [`Walk::next`] without the last resort.
    pub(super) async fn next_in_order(&mut self) -> Option<Admission> {
        if let Some((index, at)) = self.again {
            tokio::time::sleep_until(at).await;
            let admission = if self.is_over() { None } else { self.admit(index).await };
            self.again = None;
            if admission.is_some() {
                return admission;
            }
        }
        while !self.is_over() && self.next < self.route.targets.len() {
            let admission = if self.is_skipped().await {
                self.skipped.push(self.next);
                None
            } else {
                self.admit(self.next).await
            };
            self.next += 1;
            if admission.is_some() {
                return admission;
            }
        }
        while let (false, Some(index)) = (self.is_over(), self.skipped.first().copied()) {
            let admission = self.admit(index).await;
            self.skipped.remove(0);
            if admission.is_some() {
                return admission;
            }
        }
        None
    }

    /// The target failed before anything of its answer was handed on. The error comes back when no other target can do
    /// better and the caller must be told.
    pub fn failed(&mut self, mut admission: Admission, error: Error) -> Result<(), Error> {
        let error = self.perhaps_soon(error);
        admission.fail(&error, false);
        let target = admission.target().clone();
        learn(&target, &error);
        let disposition = error.class.disposition();
        if let Some(pause) = self.pause(&error, disposition.retry) {
            self.retried = true;
            self.again = Some((admission.index, Instant::now() + pause));
            return Ok(());
        }
        self.passed_over(target.name(), &error);
        match disposition.next {
            Next::Any => Ok(()),
            Next::LargerContext => {
                self.needs_context_over = self.needs_context_over.max(target.context(&target.facts()));
                Ok(())
            }
            // The request's own deadline is told with what every target said.
            Next::Relay if error.class == Class::CallerDeadline => Ok(()),
            Next::Relay if error.class == Class::Policy && self.route.manner.fallback_on_policy => Ok(()),
            Next::Relay => Err(error),
        }
    }

    /// The target died after a part of its answer was handed on. It is not asked again; the others get the whole time
    /// anew, unless the caller said when it no longer waits.
    pub fn broke(&mut self, target: &str, error: &Error) {
        let (demands, surface) = (&self.errand.demands, self.errand.origin.surface);
        let waits = self.errand.caller.waits();
        let anew = Instant::now() + self.route.manner.deadline(demands, waits, surface);
        self.ends = self.caller_ends.map_or(anew, |ends| ends.min(anew));
        self.passed_over(target, error);
    }

    /// The target is not asked, for a reason that is told like a failure.
    pub fn passed_over(&mut self, target: &str, error: &Error) {
        self.note(target, &error.message, error.class);
    }

    /// What the caller is told of who answers.
    pub fn served(&self, target: &Target) -> Served {
        let left = self.left.iter().filter(|left| left.target != target.name());
        Served {
            target: target.name().to_owned(),
            model: target.model().to_owned(),
            attempts: self.attempts,
            left: left.cloned().collect(),
            dropped: Vec::new(),
        }
    }

    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why each target was left or passed over.
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    pub(super) fn is_over(&self) -> bool {
        self.to_shorten.is_some() || Instant::now() >= self.ends || self.attempts as usize > self.route.targets.len()
    }

    pub(super) fn note(&mut self, target: &str, reason: &str, class: Class) {
        let entry = Left {
            target: target.to_owned(),
            reason: reason.to_owned(),
            class,
        };
        match self.left.iter_mut().find(|left| left.target == target) {
            Some(left) => *left = entry,
            None => self.left.push(entry),
        }
    }

    /// Whether the next target has to load its model first while another one could answer. Then it is loaded in the
    /// background, for the next request.
    async fn is_skipped(&mut self) -> bool {
        let Some(target) = self.route.targets.get(self.next).cloned() else {
            return false;
        };
        if self.cold != Cold::SkipAndWarm || target.class.place() == Place::Cloud {
            return false;
        }
        let facts = fresh(&target).await;
        let of_use = |target: &Target, facts: &Facts| {
            target.state().state == Shown::Closed
                && misfit(&self.errand, target, facts).is_none()
                && overfull(&self.errand, target, facts).is_none()
        };
        let others = self.route.targets.iter().skip(self.next + 1);
        let is_cold = !target.is_warm(&facts) && of_use(&target, &facts);
        if !is_cold
            || !others
                .map(|other| (other, other.facts()))
                .any(|(other, facts)| other.is_warm(&facts) && of_use(other, &facts))
        {
            return false;
        }
        target.load_soon();
        self.note(target.name(), "its model is being loaded", Class::ColdSlow);
        true
    }

    /// A server that has too much to do and does not say for how long is asked once more soon, at a time that differs
    /// between callers. What it says then holds.
    fn perhaps_soon(&self, error: Error) -> Error {
        if error.class != Class::RateLong || error.retry_after.is_some() || self.retried {
            return error;
        }
        Error {
            class: Class::RateShort,
            retry_after: Some(BACKOFF.mul_f64(rand::random_range(0.0..=1.0))),
            ..error
        }
    }

    /// How long to wait before the same target is asked once more; `None` when it is not. One request gets one such
    /// second try, so that a chain of `n` targets makes at most `n + 1` attempts.
    fn pause(&self, error: &Error, retry: Retry) -> Option<Duration> {
        let pause = match retry {
            Retry::Never => return None,
            // A runner that died inside a 200 answer was already asked for real.
            Retry::After(_) if error.class == Class::Upstream5xx && error.status.is_none_or(|status| status < 500) => {
                return None;
            }
            Retry::After(pause) => pause.mul_f64(rand::random_range(0.8..=1.2)),
            Retry::AsAsked => error.retry_after.unwrap_or(Duration::from_secs(1)),
        };
        let in_time = pause <= LONGEST_PAUSE && Instant::now() + pause < self.ends;
        (in_time && !self.retried).then_some(pause)
    }
}

/// What is known of a target whose model may be cold, asked of its server when that was not done just now.
async fn fresh(target: &Target) -> Arc<Facts> {
    let facts = target.facts();
    match target.health() {
        Some(health) if !target.is_warm(&facts) => {
            health.warmth_now().await;
            target.facts()
        }
        Some(_) | None => facts,
    }
}

/// What a failure says for requests to come.
fn learn(target: &Target, error: &Error) {
    if error.class == Class::ColdSlow {
        target.load_soon();
    }
    if error.class == Class::Capability
        && let (Some(ability), Some(health)) = (Ability::lacking_by(&error.message), target.health())
    {
        health.refused(ability);
    }
}
