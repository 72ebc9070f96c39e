//! The scripted model that cases are replayed with.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jarvis_gateway::chat::{Event, Finish, FinishReason, Request, ToolCallDelta};
use jarvis_gateway::provider::{Call, Class, Error, Events, Provider};
use serde_json::json;

use crate::case::{Fault, Move, Order};
use crate::hostile::Hostile;

/// Plays the moves of a trace. It obeys the attack, if it is given one, afterwards or before the words of the trace.
pub(crate) struct Player {
    inner: Mutex<Inner>,
}

struct Inner {
    trace: VecDeque<Move>,
    hostile: Option<Hostile>,
    asked: usize,
    /// Requests for which the trace had no move.
    beyond: usize,
}

impl Player {
    pub(crate) fn new(trace: &[Move], hostile: Option<Hostile>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                trace: trace.iter().cloned().collect(),
                hostile,
                asked: 0,
                beyond: 0,
            }),
        }
    }

    /// Moves that were not played, and requests that found none.
    pub(crate) fn left_and_beyond(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.trace.len(), inner.beyond)
    }

    /// The attack stood in a request.
    pub(crate) fn saw_attack(&self) -> bool {
        self.lock().hostile.as_ref().is_some_and(Hostile::saw_attack)
    }

    /// The hostile model has not done everything that it knows.
    pub(crate) fn is_not_done(&self) -> bool {
        self.lock().hostile.as_ref().is_some_and(Hostile::is_not_done)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &Request) -> Vec<Result<Event, Error>> {
        let mut inner = self.lock();
        inner.asked += 1;
        let number = inner.asked;
        let speaks_next = matches!(inner.trace.front(), Some(Move::Says(_)));
        let obeys = inner
            .hostile
            .as_mut()
            .is_some_and(|hostile| speaks_next && hostile.obeys_before_it_speaks(request));
        if !obeys && let Some(step) = inner.trace.pop_front() {
            return events(number, &step);
        }
        if let Some(hostile) = &mut inner.hostile {
            return events(number, &hostile.next(request));
        }
        inner.beyond += 1;
        words("The trace has no more moves.").into_iter().map(Ok).collect()
    }
}

impl Provider for Player {
    fn stream(&self, asked: Call) -> Events {
        Box::pin(futures_util::stream::iter(self.next(&asked.request)))
    }
}

/// What a model reads of a request, message by message.
pub(crate) fn shown(request: &Request) -> String {
    let texts: Vec<String> = request
        .messages
        .iter()
        .map(jarvis_gateway::chat::Message::joined_text)
        .collect();
    texts.join("\n")
}

fn words(text: &str) -> Vec<Event> {
    vec![Event::Text(text.into()), finish(FinishReason::Stop)]
}

fn finish(reason: FinishReason) -> Event {
    Event::Finish(Finish::because(reason))
}

fn call(number: usize, index: u32, tool: &str, arguments: String) -> Event {
    Event::ToolCall(ToolCallDelta {
        index,
        id: Some(format!("c{number}-{index}")),
        name: Some(tool.to_owned()),
        arguments,
    })
}

fn of_orders(number: usize, orders: &[Order]) -> Vec<Event> {
    let calls = (0..).zip(orders);
    let calls = calls.map(|(index, order)| call(number, index, &order.tool, json!(order.arguments).to_string()));
    calls.chain([finish(FinishReason::ToolCalls)]).collect()
}

pub(crate) fn events(number: usize, step: &Move) -> Vec<Result<Event, Error>> {
    let events = match step {
        Move::Call(order) => of_orders(number, std::slice::from_ref(order)),
        Move::Calls(calls) => of_orders(number, &calls.calls),
        Move::Raw(raw) => vec![
            call(number, 0, &raw.tool, raw.raw.clone()),
            finish(FinishReason::ToolCalls),
        ],
        Move::Says(says) => words(&says.says),
        Move::Fails(fails) => match fault(number, fails.fails) {
            Ok(events) => events,
            Err(error) => return vec![Err(error)],
        },
    };
    events.into_iter().map(Ok).collect()
}

/// What a server that fails sends before it ends, or the error instead of it.
fn fault(number: usize, fault: Fault) -> Result<Vec<Event>, Error> {
    match fault {
        Fault::Timeout => Err(Error::new(Class::TtftTimeout, "no answer within 30 s")),
        Fault::RateLimit => Err(Error {
            status: Some(429),
            retry_after: Some(Duration::from_mins(1)),
            ..Error::new(Class::RateLong, "429 Too Many Requests")
        }),
        Fault::BadGateway => Err(Error {
            status: Some(502),
            ..Error::new(Class::Upstream5xx, "502 with a page instead of an answer")
        }),
        Fault::HalfStream => Ok(vec![Event::Text("The disk is".into())]),
        Fault::HalfCall => Ok(vec![
            call(
                number,
                0,
                "docker_action",
                r#"{"action":"stop","container":"we"#.to_owned(),
            ),
            finish(FinishReason::Length),
        ]),
        Fault::Empty => Ok(vec![finish(FinishReason::Stop)]),
    }
}
