//! One target being asked for a chat answer once: its stream under the time limits, up to the commit point and after it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::admission::Admission;
use super::calls::Guard;
use super::estimate::text_tokens;
use super::pace::Pace;
use super::thoughts::Thoughts;
use crate::chat::{Event, FinishReason};
use crate::provider::{Class, Error, Events};
use crate::seldom::Seldom;

/// What is held back at most before the commit point. It is lifecycle noise by definition; beyond this it is dropped.
const HELD_EVENTS: usize = 64;
const HELD_BYTES: usize = 256 * 1024;

/// How much longer an answer may pause while its caller reads along.
const LONGER_READ_ALONG: f64 = 1.5;

pub(super) struct Attempt {
    pub(super) admission: Admission,
    events: Events,
    timer: Seldom<Sleep>,
    due: Due,
    idle: Duration,
    /// The server's own chunks are handed on.
    is_wire: bool,
    total_ends: Instant,
    /// Characters per second that are asked of it, and what came once it has begun.
    least_pace: Option<u32>,
    pace: Option<Pace>,
    held: Held,
    /// Until it is known that the text is the answer.
    thoughts: Option<Thoughts>,
    guard: Option<Guard>,
    /// What these two have let through and nobody has taken yet.
    safe: VecDeque<Event>,
}

/// How an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The caller is given words as they come and cannot be told to forget them.
    pub(super) is_read_along: bool,
    /// Characters per second that an answer must bring.
    pub(super) least_pace: Option<u32>,
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
    pub(super) fn start(admission: Admission, events: Events, guard: Option<Guard>, patience: Patience) -> Self {
        let (at, error) = admission.first_token_due();
        // Nobody else can go on with what was read along, so that a pause is worth waiting out.
        let idle = if patience.is_read_along {
            admission.idle().mul_f64(LONGER_READ_ALONG)
        } else {
            admission.idle()
        };
        Self {
            events,
            timer: Seldom::new(sleep_until(at)),
            due: Due::FirstToken { at, error },
            idle,
            is_wire: false,
            total_ends: admission.total_ends(),
            least_pace: patience.least_pace,
            pace: None,
            held: Held::default(),
            thoughts: Some(Thoughts::default()),
            guard,
            safe: VecDeque::new(),
            admission,
        }
    }

    pub(super) fn into_parts(self) -> (Admission, Events) {
        (self.admission, self.events)
    }

    /// Reads up to the commit point. It may be dropped and called again. Failures are not told to the breakers yet.
    pub(super) fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<Opened, Error>> {
        loop {
            return Poll::Ready(match self.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Event::Finish(finish)))) => {
                    let said_why = matches!(finish.reason, FinishReason::Length | FinishReason::ContentFilter);
                    self.held.events.push(Event::Finish(finish));
                    let held = std::mem::take(&mut self.held.events);
                    if said_why {
                        self.begun();
                        Ok(Opened::Committed(held))
                    } else {
                        Ok(Opened::Empty(held))
                    }
                }
                Poll::Ready(Some(Ok(event))) if is_meaningful(&event) => {
                    self.held.events.push(event);
                    Ok(Opened::Committed(std::mem::take(&mut self.held.events)))
                }
                Poll::Ready(Some(Ok(event))) => {
                    self.held.push(event);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => Err(error),
                Poll::Ready(None) => Err(truncated()),
            });
        }
    }

    /// The next event after the commit point. `None` only after [`Event::Finish`] was returned. Failures are told to the
    /// breakers.
    pub(super) async fn rest(&mut self) -> Option<Result<Event, Error>> {
        if !self.admission.is_open() {
            return None;
        }
        Some(match self.next().await {
            Some(Ok(event)) => {
                self.passed_on(&event);
                Ok(event)
            }
            Some(Err(error)) => Err(self.broke(error)),
            None => Err(self.broke(truncated())),
        })
    }

    /// Must see every event that is given to the caller: the last one settles the attempt.
    pub(super) fn passed_on(&mut self, event: &Event) {
        if let Event::Finish(finish) = event {
            self.admission.answered(finish);
        }
    }

    /// The first sign of an answer came, whether it is handed on or not.
    fn begun(&mut self) {
        self.admission.works();
        self.due = Due::Idle { since: Instant::now() };
        self.pace = self.least_pace.map(Pace::new);
        let ends = self.ends();
        self.timer.change().reset(ends);
    }

    fn broke(&mut self, error: Error) -> Error {
        self.admission.fail(&error, true);
        error
    }

    async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        loop {
            if let Some(event) = self.safe.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.guard.is_none() && self.thoughts.is_none() {
                return self.poll_target(context);
            }
            match ready!(self.poll_target(context)) {
                Some(Ok(event)) => {
                    if let Err(error) = self.look_at(event) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                item => return Poll::Ready(item),
            }
        }
    }

    /// Puts what may be handed on of an event into `safe`.
    fn look_at(&mut self, event: Event) -> Result<(), Error> {
        let Some(thoughts) = &mut self.thoughts else {
            return self.guarded(event);
        };
        let mut events = VecDeque::with_capacity(2);
        thoughts.take(event, &mut events);
        if thoughts.is_over() {
            self.thoughts = None;
        }
        events.into_iter().try_for_each(|event| self.guarded(event))
    }

    fn guarded(&mut self, event: Event) -> Result<(), Error> {
        if let Some(guard) = &mut self.guard {
            return guard.take(event, &mut self.safe);
        }
        self.safe.push_back(event);
        Ok(())
    }

    fn poll_target(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        if let Poll::Ready(mut item) = self.events.as_mut().poll_next(context) {
            match &mut item {
                Some(Ok(Event::Finish(finish))) => self.admission.judge(finish, self.is_wire),
                Some(Ok(event)) if is_meaningful(event) => self.came(event),
                _ => {}
            }
            return Poll::Ready(item);
        }
        // The timer is moved when it fires and not with every event, because moving it takes a lock.
        while self.timer.poll(context).is_ready() {
            if let Some(pace) = &mut self.pace
                && pace.is_slow(Instant::now())
            {
                return Poll::Ready(Some(Err(Error::new(Class::IdleTimeout, pace.says()))));
            }
            let ends = self.ends();
            if ends <= Instant::now() {
                return Poll::Ready(Some(Err(self.late())));
            }
            self.timer.change().reset(ends);
        }
        Poll::Pending
    }

    fn came(&mut self, event: &Event) {
        self.is_wire |= matches!(event, Event::Wire(_));
        self.admission.account.tokens += tokens_in(event);
        match &mut self.due {
            Due::FirstToken { .. } => self.begun(),
            Due::Idle { since } => *since = Instant::now(),
        }
        if let Some(pace) = &mut self.pace {
            pace.note(event);
        }
    }

    fn ends(&self) -> Instant {
        match self.due {
            Due::FirstToken { at, .. } => at,
            Due::Idle { since } => {
                let ends = (since + self.idle).min(self.total_ends);
                self.pace.map_or(ends, |pace| ends.min(pace.window_ends()))
            }
        }
    }

    fn late(&self) -> Error {
        let waited = self.admission.started().elapsed().as_secs_f64().round();
        match self.due {
            Due::FirstToken { error, .. } => Error::new(error, format!("no answer within {waited} s")),
            Due::Idle { .. } if self.total_ends <= Instant::now() => {
                Error::new(Class::CallerDeadline, format!("the answer took longer than {waited} s"))
            }
            Due::Idle { .. } => {
                let idle = self.idle.as_secs();
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

/// Roughly; for answers whose end never tells.
fn tokens_in(event: &Event) -> u64 {
    match event {
        Event::Text(text) | Event::Reasoning(text) => text_tokens(text.len()),
        Event::ToolCall(call) => text_tokens(call.arguments.len()),
        // Servers send about one token in a chunk.
        Event::Wire(_) => 1,
        Event::Served(_) | Event::Logprobs(_) | Event::Reset | Event::Finish(_) => 0,
    }
}
