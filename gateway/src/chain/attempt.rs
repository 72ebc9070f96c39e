//! One target being asked once: its stream under the time limits, up to the commit point and after it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::target::Target;
use crate::breaker::Ticket;
use crate::chat::{Event, FinishReason};
use crate::provider::{Call, Class, Error, Events};

/// What is held back at most before the commit point. It is lifecycle noise by definition; beyond this it is dropped.
const HELD_EVENTS: usize = 64;
const HELD_BYTES: usize = 256 * 1024;

/// What an attempt may take, fixed before it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) first_token: Duration,
    pub(super) warm: bool,
    /// The whole request's own end, when it comes before the target's limit.
    pub(super) request_ends: Instant,
}

pub(super) struct Attempt {
    target: Arc<Target>,
    ticket: Option<Ticket>,
    events: Events,
    timer: Pin<Box<Sleep>>,
    due: Due,
    total_ends: Instant,
    started: Instant,
}

/// What the timer waits for.
#[derive(Debug, Clone, Copy)]
enum Due {
    FirstToken {
        at: Instant,
        error: Class,
    },
    /// Moved on by every meaningful event.
    Idle {
        since: Instant,
    },
}

/// How the time until the commit point ended.
pub(super) enum Opened {
    /// Events up to and including the first meaningful one.
    Committed(Vec<Event>),
    /// It finished without having said anything.
    Empty(Vec<Event>),
}

impl Attempt {
    pub(super) fn start(target: &Arc<Target>, ticket: Ticket, call: Call, budget: Budget) -> Self {
        let started = Instant::now();
        let own_end = started + budget.first_token;
        let (at, error) = match (budget.request_ends < own_end, budget.warm) {
            (true, _) => (budget.request_ends, Class::CallerDeadline),
            (false, true) => (own_end, Class::TtftTimeout),
            (false, false) => (own_end, Class::ColdSlow),
        };
        Self {
            events: target.provider.stream(call),
            target: target.clone(),
            ticket: Some(ticket),
            timer: Box::pin(sleep_until(at)),
            due: Due::FirstToken { at, error },
            total_ends: started + target.limits.total,
            started,
        }
    }

    /// Reads up to the commit point. Failures are told to the breakers.
    pub(super) async fn open(&mut self) -> Result<Opened, Error> {
        let mut held = Held::default();
        loop {
            match self.next().await {
                Some(Ok(Event::Finish(finish))) => {
                    let said_why = matches!(finish.reason, FinishReason::Length | FinishReason::ContentFilter);
                    held.events.push(Event::Finish(finish));
                    if said_why {
                        self.commit();
                        return Ok(Opened::Committed(held.events));
                    }
                    return Ok(Opened::Empty(held.events));
                }
                Some(Ok(event)) if is_meaningful(&event) => {
                    held.events.push(event);
                    self.commit();
                    return Ok(Opened::Committed(held.events));
                }
                Some(Ok(event)) => held.push(event),
                Some(Err(error)) => return Err(self.fail(error, false)),
                None => return Err(self.fail(truncated(), false)),
            }
        }
    }

    /// The next event after the commit point. `None` only after [`Event::Finish`] was returned.
    pub(super) async fn rest(&mut self) -> Option<Result<Event, Error>> {
        self.ticket.as_ref()?;
        Some(match self.next().await {
            Some(Ok(event)) => {
                self.passed_on(&event);
                Ok(event)
            }
            Some(Err(error)) => Err(self.fail(error, true)),
            None => Err(self.fail(truncated(), true)),
        })
    }

    /// Must see every event that is given to the caller: the last one settles the attempt.
    pub(super) fn passed_on(&mut self, event: &Event) {
        if matches!(event, Event::Finish(_))
            && let Some(ticket) = self.ticket.take()
        {
            ticket.finished();
            self.target.answered();
        }
    }

    /// The attempt gave an empty answer.
    pub(super) fn empty(&mut self) -> Error {
        self.fail(Error::new(Class::Empty, "an empty answer"), false)
    }

    fn commit(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            ticket.works();
        }
        self.due = Due::Idle { since: Instant::now() };
        let ends = self.idle_ends();
        self.timer.as_mut().reset(ends);
    }

    fn fail(&mut self, error: Error, had_begun: bool) -> Error {
        if let Some(ticket) = self.ticket.take() {
            ticket.failed(&error, had_begun);
        }
        error
    }

    async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        if let Poll::Ready(item) = self.events.as_mut().poll_next(context) {
            if let (Due::Idle { since }, Some(Ok(event))) = (&mut self.due, &item)
                && is_meaningful(event)
            {
                *since = Instant::now();
            }
            return Poll::Ready(item);
        }
        // The timer is moved when it fires and not with every event, because moving it takes a lock.
        while self.timer.as_mut().poll(context).is_ready() {
            let ends = self.ends();
            if ends <= Instant::now() {
                return Poll::Ready(Some(Err(self.late())));
            }
            self.timer.as_mut().reset(ends);
        }
        Poll::Pending
    }

    fn ends(&self) -> Instant {
        match self.due {
            Due::FirstToken { at, .. } => at,
            Due::Idle { .. } => self.idle_ends(),
        }
    }

    fn idle_ends(&self) -> Instant {
        match self.due {
            Due::FirstToken { at, .. } => at,
            Due::Idle { since } => (since + self.target.limits.idle).min(self.total_ends),
        }
    }

    fn late(&self) -> Error {
        let waited = self.started.elapsed().as_secs_f64().round();
        match self.due {
            Due::FirstToken { error, .. } => Error::new(error, format!("no answer within {waited} s")),
            Due::Idle { .. } if self.total_ends <= Instant::now() => {
                Error::new(Class::CallerDeadline, format!("the answer took longer than {waited} s"))
            }
            Due::Idle { .. } => {
                let idle = self.target.limits.idle.as_secs();
                Error::new(Class::IdleTimeout, format!("nothing more came for {idle} s"))
            }
        }
    }
}

#[derive(Default)]
struct Held {
    events: Vec<Event>,
    bytes: usize,
}

impl Held {
    fn push(&mut self, event: Event) {
        let bytes = match &event {
            Event::Wire(chunk) => chunk.data.len(),
            Event::Served(_)
            | Event::Text(_)
            | Event::Reasoning(_)
            | Event::Logprobs(_)
            | Event::ToolCall(_)
            | Event::Reset
            | Event::Finish(_) => 0,
        };
        if self.events.len() < HELD_EVENTS && self.bytes + bytes <= HELD_BYTES {
            self.bytes += bytes;
            self.events.push(event);
        }
    }
}

fn is_meaningful(event: &Event) -> bool {
    match event {
        Event::Text(text) | Event::Reasoning(text) => !text.is_empty(),
        Event::ToolCall(_) => true,
        Event::Wire(chunk) => chunk.meaningful,
        Event::Served(_) | Event::Logprobs(_) | Event::Reset | Event::Finish(_) => false,
    }
}

fn truncated() -> Error {
    Error::new(Class::Truncated, "the answer was cut off")
}
