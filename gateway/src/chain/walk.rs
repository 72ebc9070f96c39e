//! One request on its way down the chain: which target is next, and what a failure means. It knows nothing of what is
//! asked, so that every kind of work goes down a chain in the same way.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Account;
use super::admission::Admission;
use super::errand::Errand;
use super::gate::Slot;
use super::provider::Route;
use super::target::Target;
use crate::breaker::{Next, Retry, Ticket};
use crate::chat::{Left, Served};
use crate::provider::{Class, Error};
use crate::usage::Hold;

/// The longest that a request waits for a target which asked to be asked again soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// A trial of a half-open breaker holds its lease for this much longer than its first token may take.
const LEASE_SLACK: Duration = Duration::from_secs(5);

/// Ask [`Walk::next`] for a target; when it fails, hand it to [`Walk::failed`] and ask again; when there is none,
/// [`Walk::exhausted`] is the error for the caller.
pub struct Walk {
    route: Route,
    errand: Arc<Errand>,
    /// When looking for a target that answers ends.
    ends: Instant,
    /// The next target in order.
    next: usize,
    /// The target that is asked once more, and when.
    again: Option<(usize, Instant)>,
    retried: bool,
    least_bad_asked: bool,
    was_asked: Vec<bool>,
    attempts: u32,
    left: Vec<Left>,
    /// Only targets that can read more than this are of use.
    needs_context_over: Option<u32>,
}

impl Walk {
    pub fn new(route: Route, errand: Errand) -> Self {
        Self {
            ends: Instant::now() + route.deadline,
            was_asked: vec![false; route.targets.len()],
            route,
            errand: Arc::new(errand),
            next: 0,
            again: None,
            retried: false,
            least_bad_asked: false,
            attempts: 0,
            left: Vec::new(),
            needs_context_over: None,
        }
    }

    /// In this order:
    /// 1. the target that is owed a second try,
    /// 2. the next target that is fit for the request and that its breakers and its queue let through,
    /// 3. once, if there is none, the one whose breaker would have opened up soonest.
    ///
    /// It may be dropped while it waits and called again.
    pub async fn next(&mut self) -> Option<Admission> {
        if let Some((index, at)) = self.again {
            tokio::time::sleep_until(at).await;
            let admission = if self.is_over() { None } else { self.admit(index).await };
            self.again = None;
            if admission.is_some() {
                return admission;
            }
        }
        while !self.is_over() && self.next < self.route.targets.len() {
            let admission = self.admit(self.next).await;
            self.next += 1;
            if admission.is_some() {
                return admission;
            }
        }
        self.least_bad()
    }

    /// The target failed before anything of its answer was handed on. The error comes back when no other target can do
    /// better and the caller must be told.
    pub fn failed(&mut self, mut admission: Admission, error: Error) -> Result<(), Error> {
        admission.fail(&error, false);
        let disposition = error.class.disposition();
        if let Some(pause) = self.pause(&error, disposition.retry) {
            self.retried = true;
            self.again = Some((admission.index, Instant::now() + pause));
            return Ok(());
        }
        let target = admission.target();
        self.note(target.name(), &error.message, error.class);
        match disposition.next {
            Next::Any => Ok(()),
            Next::LargerContext => {
                self.needs_context_over = self.needs_context_over.max(target.context);
                Ok(())
            }
            // The request's own deadline is told with what every target said.
            Next::Relay if error.class == Class::CallerDeadline => Ok(()),
            Next::Relay => Err(error),
        }
    }

    /// The target died after a part of its answer was handed on. It is not asked again; the others get the whole time
    /// anew.
    pub fn broke(&mut self, target: &str, error: &Error) {
        self.ends = Instant::now() + self.route.deadline;
        self.passed_over(target, error);
    }

    /// The target is not asked, for a reason that is told like a failure.
    pub fn passed_over(&mut self, target: &str, error: &Error) {
        self.note(target, &error.message, error.class);
    }

    /// What the caller is told of who answers.
    pub fn served(&self, target: &Target) -> Served {
        Served {
            target: target.name().to_owned(),
            model: target.model().to_owned(),
            attempts: self.attempts,
            left: self.left.clone(),
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

    /// Nobody else can be asked; the error says what every target said.
    pub fn exhausted(&self) -> Error {
        let too_long = self.left.iter().find(|left| left.class == Class::ContextLength);
        if let Some(left) = too_long {
            return Error::new(Class::ContextLength, format!("{}: {}", left.target, left.reason));
        }
        let reasons: Vec<String> = self
            .left
            .iter()
            .map(|left| format!("{}: {}", left.target, left.reason))
            .collect();
        let message = if reasons.is_empty() {
            "no model is set up".to_owned()
        } else {
            format!("no model answered ({})", reasons.join("; "))
        };
        let class = self.left.last().map_or(Class::HostDown, |left| left.class);
        let targets = self.route.targets.iter();
        Error {
            retry_after: targets.filter_map(|target| target.comes_back_in()).min(),
            ..Error::new(class, message)
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.ends || self.attempts as usize > self.route.targets.len()
    }

    async fn admit(&mut self, index: usize) -> Option<Admission> {
        let target = self.route.targets.get(index)?.clone();
        if !self.is_large_enough(&target) {
            self.note(target.name(), "its context is not larger either", Class::ContextLength);
            return None;
        }
        let slot = self.slot(&target).await?;
        let limit = target.first_token_limit(self.errand.prompt_tokens, target.is_warm());
        let Some(ticket) = target.breakers.admit(limit + LEASE_SLACK) else {
            self.note_state(&target);
            return None;
        };
        Some(self.start(index, target, ticket, slot))
    }

    /// A place at the target. Nobody queues for a target that would not be asked afterwards.
    async fn slot(&mut self, target: &Target) -> Option<Slot> {
        if let Some(slot) = target.gate.enter() {
            return Some(slot);
        }
        if target.comes_back_in().is_some() {
            self.note_state(target);
            return None;
        }
        let left = self.ends.saturating_duration_since(Instant::now());
        let slot = target.gate.queue(target.limits.queue.min(left)).await;
        if slot.is_none() {
            self.note(target.name(), "it is busy with other requests", Class::Saturated);
        }
        slot
    }

    fn least_bad(&mut self) -> Option<Admission> {
        if self.is_over() || std::mem::replace(&mut self.least_bad_asked, true) {
            return None;
        }
        let unasked = (0..).zip(self.route.targets.iter()).zip(&self.was_asked);
        let candidates = unasked.filter(|((_, target), asked)| !**asked && self.is_large_enough(target));
        let mut candidates: Vec<_> = candidates
            .map(|((index, target), _)| (target.state().open_until, index, target.clone()))
            .collect();
        candidates.sort_by_key(|(until, index, _)| (*until, *index));
        candidates.into_iter().find_map(|(_, index, target)| {
            let slot = target.gate.enter()?;
            let ticket = target.breakers.admit_anyway()?;
            Some(self.start(index, target, ticket, slot))
        })
    }

    fn is_large_enough(&self, target: &Target) -> bool {
        match (self.needs_context_over, target.context) {
            (Some(over), Some(context)) => context > over,
            (None, _) | (_, None) => true,
        }
    }

    fn start(&mut self, index: usize, target: Arc<Target>, ticket: Ticket, slot: Slot) -> Admission {
        self.attempts += 1;
        if let Some(asked) = self.was_asked.get_mut(index) {
            *asked = true;
        }
        let warm = target.is_warm();
        let limit = target.first_token_limit(self.errand.prompt_tokens, warm);
        let surroundings = &self.route.surroundings;
        let account = Account::open(
            &self.errand,
            surroundings,
            &target,
            self.attempts,
            &self.left,
            Hold::default(),
        );
        Admission::new(target, index, (ticket, slot), account, (limit, warm), self.ends)
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

    fn note_state(&mut self, target: &Target) {
        let state = target.state();
        let reason = state.reason.unwrap_or_else(|| "it is being tried".into());
        self.note(target.name(), &reason, state.class.unwrap_or(Class::HostDown));
    }

    fn note(&mut self, target: &str, reason: &str, class: Class) {
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
}
