//! One request on its way down the chain: which target is next, and what became of those before.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Attempt, Budget, Opened};
use super::target::{Target, estimated_tokens};
use crate::breaker::{Next, Retry, Ticket};
use crate::chat::{Event, Left, Served};
use crate::provider::{Call, Class, Error, Events, Provider};

/// The longest that a request waits for a target which asked to be asked again soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// A trial of a half-open breaker holds its lease for this much longer than its first token may take.
const LEASE_SLACK: Duration = Duration::from_secs(5);

pub(super) struct Walk {
    targets: Arc<[Arc<Target>]>,
    last: Option<Arc<dyn Provider>>,
    call: Call,
    deadline: Duration,
    ends: Instant,
    prompt_tokens: u32,
    /// The next target in order.
    next: usize,
    /// The target that is asked once more.
    again: Option<usize>,
    retried: bool,
    least_bad_asked: bool,
    was_asked: Vec<bool>,
    attempts: u32,
    left: Vec<Left>,
    /// Only targets that can read more than this are of use.
    needs_context_over: Option<u32>,
    empty: Option<Answer>,
}

/// What the caller is given.
pub(super) struct Answer {
    pub(super) served: Served,
    pub(super) held: Vec<Event>,
    pub(super) source: Source,
}

pub(super) enum Source {
    Target(Box<Attempt>),
    Last(Events),
}

impl Walk {
    pub(super) fn new(
        targets: Arc<[Arc<Target>]>,
        last: Option<Arc<dyn Provider>>,
        call: Call,
        deadline: Duration,
    ) -> Self {
        Self {
            prompt_tokens: estimated_tokens(&call.request),
            was_asked: vec![false; targets.len()],
            targets,
            last,
            call,
            deadline,
            ends: Instant::now() + deadline,
            next: 0,
            again: None,
            retried: false,
            least_bad_asked: false,
            attempts: 0,
            left: Vec::new(),
            needs_context_over: None,
            empty: None,
        }
    }

    /// Asks targets until one commits to an answer.
    pub(super) async fn advance(&mut self) -> Result<Answer, Error> {
        while let Some((index, ticket)) = self.pick() {
            let Some(target) = self.targets.get(index).cloned() else {
                break;
            };
            let mut attempt = self.start(index, &target, ticket);
            match attempt.open().await {
                Ok(Opened::Committed(held)) => return Ok(self.answer(&target, attempt, held)),
                Ok(Opened::Empty(held)) => {
                    let error = attempt.empty();
                    let answer = self.answer(&target, attempt, held);
                    self.leave(&target, &error);
                    // A second opinion is worth one more attempt; two empty answers are the answer.
                    if self.empty.replace(answer).is_some() {
                        break;
                    }
                }
                Err(error) => self.failed(index, &target, error).await?,
            }
        }
        self.exhausted()
    }

    /// The target died after it had begun to answer. It is not asked again; the others get the whole time anew.
    pub(super) fn broke(&mut self, answer: &Served, error: &Error) {
        self.ends = Instant::now() + self.deadline;
        self.note(&answer.target, &error.message, error.class);
    }

    /// In this order:
    /// 1. the target that is owed a second try,
    /// 2. the next target that its breakers let through,
    /// 3. once, if there is none, the one whose breaker would have opened up soonest.
    fn pick(&mut self) -> Option<(usize, Ticket)> {
        if Instant::now() >= self.ends || self.attempts as usize > self.targets.len() {
            return None;
        }
        if let Some(index) = self.again.take()
            && let Some(ticket) = self.admit(index)
        {
            return Some((index, ticket));
        }
        while self.next < self.targets.len() {
            let index = self.next;
            self.next += 1;
            if let Some(ticket) = self.admit(index) {
                return Some((index, ticket));
            }
        }
        self.least_bad()
    }

    fn admit(&mut self, index: usize) -> Option<Ticket> {
        let target = self.targets.get(index)?.clone();
        if !self.is_large_enough(&target) {
            self.note(target.name(), "its context is not larger either", Class::ContextLength);
            return None;
        }
        let limit = target.first_token_limit(self.prompt_tokens, target.is_warm());
        let ticket = target.breakers.admit(limit + LEASE_SLACK);
        if ticket.is_none() {
            let state = target.state();
            let reason = state.reason.unwrap_or_else(|| "it is being tried".into());
            self.note(target.name(), &reason, state.class.unwrap_or(Class::HostDown));
        }
        ticket
    }

    fn least_bad(&mut self) -> Option<(usize, Ticket)> {
        if std::mem::replace(&mut self.least_bad_asked, true) {
            return None;
        }
        let unasked = (0..).zip(self.targets.iter()).zip(&self.was_asked);
        let candidates = unasked.filter(|((_, target), asked)| !**asked && self.is_large_enough(target));
        let mut candidates: Vec<_> = candidates
            .map(|((index, target), _)| (target.state().open_until, index, target))
            .collect();
        candidates.sort_by_key(|(until, index, _)| (*until, *index));
        candidates
            .into_iter()
            .find_map(|(_, index, target)| Some((index, target.breakers.admit_anyway()?)))
    }

    fn is_large_enough(&self, target: &Target) -> bool {
        match (self.needs_context_over, target.context) {
            (Some(over), Some(context)) => context > over,
            (None, _) | (_, None) => true,
        }
    }

    fn start(&mut self, index: usize, target: &Arc<Target>, ticket: Ticket) -> Attempt {
        self.attempts += 1;
        if let Some(asked) = self.was_asked.get_mut(index) {
            *asked = true;
        }
        let warm = target.is_warm();
        let call = Call {
            request: self.call.request.clone(),
            model: target.model().to_owned(),
            left: self.left.clone(),
        };
        let budget = Budget {
            first_token: target.first_token_limit(self.prompt_tokens, warm),
            warm,
            request_ends: self.ends,
        };
        Attempt::start(target, ticket, call, budget)
    }

    async fn failed(&mut self, index: usize, target: &Target, error: Error) -> Result<(), Error> {
        let disposition = error.class.disposition();
        if let Some(pause) = self.pause(&error, disposition.retry) {
            self.retried = true;
            self.again = Some(index);
            tokio::time::sleep(pause).await;
            return Ok(());
        }
        self.leave(target, &error);
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

    fn answer(&self, target: &Target, attempt: Attempt, held: Vec<Event>) -> Answer {
        Answer {
            served: Served {
                target: target.name().to_owned(),
                model: target.model().to_owned(),
                attempts: self.attempts,
                left: self.left.clone(),
                dropped: target.provider.dropped(&self.call.request),
            },
            held,
            source: Source::Target(Box::new(attempt)),
        }
    }

    /// Nobody else can be asked: command mode, an empty answer, or an error that says what every target said.
    fn exhausted(&mut self) -> Result<Answer, Error> {
        let too_long = self.left.iter().find(|left| left.class == Class::ContextLength);
        if let Some(left) = too_long {
            return Err(Error::new(
                Class::ContextLength,
                format!("{}: {}", left.target, left.reason),
            ));
        }
        if let Some(last) = &self.last {
            let left = self.left.clone();
            let call = Call {
                request: self.call.request.clone(),
                model: COMMAND_MODE.to_owned(),
                left: left.clone(),
            };
            return Ok(Answer {
                served: Served {
                    target: COMMAND_MODE.to_owned(),
                    model: COMMAND_MODE.to_owned(),
                    attempts: self.attempts,
                    left,
                    dropped: Vec::new(),
                },
                held: Vec::new(),
                source: Source::Last(last.stream(call)),
            });
        }
        match self.empty.take() {
            Some(answer) => Ok(answer),
            None => Err(self.nobody_answered()),
        }
    }

    fn nobody_answered(&self) -> Error {
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
        Error {
            retry_after: self.targets.iter().filter_map(|target| target.comes_back_in()).min(),
            ..Error::new(class, message)
        }
    }

    fn leave(&mut self, target: &Target, error: &Error) {
        self.note(target.name(), &error.message, error.class);
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

/// What is shown as target and model when no model answered.
const COMMAND_MODE: &str = "command";
