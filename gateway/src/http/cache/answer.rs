//! Answers on their way out: kept while they pass, or given again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::header::{HeaderMap, HeaderValue};

use super::question::question;
use super::shelf::{Cache, Question};
use super::wish::{HEADER, wish};
use crate::chat::{Event, Finish, FinishReason, Request, Served, WireChunk};
use crate::http::error::Error;
use crate::http::router;
use crate::provider::{self, Events};
use crate::usage::{Attempt, Outcome, Pieces};

/// How a request is answered.
pub(in crate::http) struct Found {
    kind: Kind,
}

enum Kind {
    /// The cache is not wanted, or this is never kept.
    Ask,
    Again(Arc<[Event]>),
    Keep {
        question: Question,
        time: Duration,
    },
}

/// Looks for an answer, when the request or the key wants one from the cache. `body` is all that the question says;
/// `None` when it goes on from something else.
pub(in crate::http) fn look_up(
    state: &router::State,
    headers: &HeaderMap,
    request: &Request,
    (model, body): (&str, Option<&[u8]>),
) -> Result<Found, Error> {
    let cache = &state.cache;
    let Some(time) = wish(cache, headers, &request.caller)? else {
        return Ok(Found { kind: Kind::Ask });
    };
    // What the program itself registered is the agent.
    let is_chain = matches!(state.registry.chain_of(&request.caller, model), Ok(Some(_)));
    let body = body.filter(|_| is_chain);
    let question = body.and_then(|body| question(request, body, model, cache.is_shared()));
    let kind = question.map_or(Kind::Ask, |question| match cache.find(&question) {
        Some(events) => Kind::Again(events),
        None => Kind::Keep { question, time },
    });
    Ok(Found { kind })
}

impl Found {
    /// `x-jarvis-cache: hit` or `miss`; nothing when the cache has no part in it.
    pub(in crate::http) fn tell(&self, headers: &mut HeaderMap) {
        let told = match self.kind {
            Kind::Ask => return,
            Kind::Again(_) => "hit",
            Kind::Keep { .. } => "miss",
        };
        headers.insert(HEADER, HeaderValue::from_static(told));
    }

    /// The answer, from the cache or from whoever is asked.
    pub(in crate::http) fn stream(
        &self,
        state: &router::State,
        request: Arc<Request>,
        ask: impl FnOnce(Arc<Request>) -> Events,
    ) -> Events {
        match &self.kind {
            Kind::Ask => ask(request),
            Kind::Again(events) => {
                tell_observers(state, &request, events);
                let events = Arc::clone(events);
                let count = events.len();
                let again = (0..count).filter_map(move |place| events.get(place).cloned().map(Ok));
                Box::pin(futures_util::stream::iter(again))
            }
            Kind::Keep { question, time } => Box::pin(Keeping {
                events: ask(request),
                cache: Arc::clone(&state.cache),
                question: *question,
                time: *time,
                kept: Some(Vec::new()),
                bytes: 0,
            }),
        }
    }
}

/// Passes an answer on, and keeps it when it reached its end.
struct Keeping {
    events: Events,
    cache: Arc<Cache>,
    question: Question,
    time: Duration,
    /// `None` once it is clear that this is not kept.
    kept: Option<Vec<Event>>,
    bytes: usize,
}

impl Keeping {
    fn see(&mut self, event: &Event) {
        let Some(kept) = &mut self.kept else {
            return;
        };
        match event {
            Event::Reset => {
                kept.clear();
                self.bytes = 0;
                return;
            }
            Event::Finish(finish) if !is_whole(finish) => {
                self.kept = None;
                return;
            }
            _ => {}
        }
        self.bytes += size(event);
        kept.push(of_its_own(event));
        if !self.cache.has_room_for(self.bytes) {
            self.kept = None;
        } else if matches!(event, Event::Finish(_))
            && let Some(kept) = self.kept.take()
            && kept.iter().any(says_something)
        {
            self.cache.keep(self.question, kept, self.bytes, self.time);
        }
    }
}

impl Stream for Keeping {
    type Item = Result<Event, provider::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.events.as_mut().poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(event))) => self.see(event),
            Poll::Ready(Some(Err(_)) | None) => self.kept = None,
            Poll::Pending => {}
        }
        polled
    }
}

/// A copy that holds on to nothing else: a chunk may be a piece of a much larger buffer. Who answers from the cache asks
/// no target.
fn of_its_own(event: &Event) -> Event {
    match event {
        Event::Wire(chunk) => Event::Wire(WireChunk {
            data: Bytes::copy_from_slice(&chunk.data),
            meaningful: chunk.meaningful,
        }),
        Event::Served(served) => Event::Served(Served {
            attempts: 0,
            left: Vec::new(),
            ..served.clone()
        }),
        event => event.clone(),
    }
}

/// It ended by itself, and the model has read all of the question.
fn is_whole(finish: &Finish) -> bool {
    matches!(finish.reason, FinishReason::Stop | FinishReason::ToolCalls)
        && !finish.truncated
        && finish.approvals.is_empty()
}

fn says_something(event: &Event) -> bool {
    match event {
        Event::Text(text) => !text.is_empty(),
        Event::ToolCall(_) => true,
        Event::Wire(chunk) => chunk.meaningful,
        _ => false,
    }
}

fn size(event: &Event) -> usize {
    let held = match event {
        Event::Text(text) | Event::Reasoning(text) => text.len(),
        Event::ToolCall(delta) => delta.arguments.len(),
        Event::Wire(chunk) => chunk.data.len(),
        // A token with its neighbours, roughly.
        Event::Logprobs(tokens) => tokens.len() * 512,
        Event::Served(_) | Event::Reset | Event::Finish(_) => 0,
    };
    size_of::<Event>() + held
}

/// The ledger shows what was asked for and cost nothing, with the tokens that were spared.
fn tell_observers(state: &router::State, request: &Request, events: &[Event]) {
    let served = events.iter().find_map(|event| match event {
        Event::Served(served) => Some(served),
        _ => None,
    });
    let finish = events.iter().find_map(|event| match event {
        Event::Finish(finish) => Some(finish),
        _ => None,
    });
    let target = served.map_or("", |served| served.target.as_str());
    let (backend, model) = target.split_once('/').unwrap_or(("", target));
    let Some((kind, class)) = state.registry.backend(backend) else {
        return;
    };
    let attempt = Attempt {
        origin: Arc::new(request.origin.clone()),
        caller: request.caller.clone(),
        backend: backend.into(),
        model: model.into(),
        kind,
        class,
        number: 1,
        left: Vec::new(),
        started_at: state.clock.now(),
        waited: None,
        took: Duration::ZERO,
        first_token: None,
        outcome: Outcome::Cached,
        usage: finish.and_then(|finish| finish.usage).unwrap_or_default(),
        estimated: false,
        pieces: Pieces::default(),
        timings: finish.map(|finish| finish.timings).unwrap_or_default(),
        truncated: false,
    };
    for observer in state.registry.observers() {
        observer.attempt(&attempt);
    }
}
