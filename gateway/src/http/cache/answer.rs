//! Answers on their way out: kept while they pass, or given again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::flight::{End, Lead, Turn, Waited};
use super::question::question;
use super::shelf::{Answer, Cache, Question};
use super::wish::{HEADER, HIT, JOINED, MISS, wish};
use crate::caller::Caller;
use crate::chat::{Event, Finish, FinishReason, More, Request, Served, Timings, Usage, WireChunk};
use crate::demands::Origin;
use crate::http::error::Error;
use crate::http::router;
use crate::provider::{self, Class, Events};
use crate::usage::{Attempt, Outcome, Pieces};

/// How a request is answered.
pub(in crate::http) struct Found {
    kind: Kind,
    /// What the caller is told of it.
    told: Option<&'static str>,
}

enum Kind {
    /// The cache is not wanted, or this is never kept.
    Ask,
    Again(Arc<[Event]>),
    Keep(Kept),
    Join(End, Question, Duration),
}

/// An answer that is asked for everybody, and how long it is kept.
struct Kept {
    lead: Lead,
    question: Question,
    time: Duration,
}

/// Looks for an answer, when the request or the key wants one from the cache. `body` is all that the question says;
/// `None` when it goes on from something else.
pub(in crate::http) async fn look_up(
    state: &router::State,
    headers: &HeaderMap,
    request: &Request,
    (model, body): (&str, Option<&[u8]>),
) -> Result<Found, Error> {
    let cache = &state.cache;
    let found = |kind, told| Ok(Found { kind, told });
    let Some(time) = wish(cache, headers, &request.caller)? else {
        return found(Kind::Ask, None);
    };
    // What the program itself registered is the agent.
    let is_chain = matches!(state.registry.chain_of(&request.caller, model), Ok(Some(_)));
    let body = body.filter(|_| is_chain);
    let Some(question) = body.and_then(|body| question(request, body, model, cache.is_shared())) else {
        return found(Kind::Ask, None);
    };
    match cache.turn(question) {
        Turn::Kept(Answer::Said(events)) => found(Kind::Again(events), Some(HIT)),
        // A question for vectors has another digest.
        Turn::Kept(Answer::Vectors(_)) => found(Kind::Ask, None),
        Turn::Lead(lead) => match cache.fetch(&question).await {
            Some(Answer::Said(events)) => found(Kind::Again(events), Some(HIT)),
            Some(Answer::Vectors(_)) | None => found(Kind::Keep(Kept { lead, question, time }), Some(MISS)),
        },
        Turn::Wait(ends) => found(Kind::Join(ends, question, time), Some(JOINED)),
    }
}

impl Found {
    /// `x-jarvis-cache: hit`, `miss` or `joined`; nothing when the cache has no part in it.
    pub(in crate::http) fn tell(&self, headers: &mut HeaderMap) {
        headers.extend(self.told.map(|told| (HEADER, HeaderValue::from_static(told))));
    }

    /// The answer, from the cache or from whoever is asked.
    pub(in crate::http) fn stream(
        &mut self,
        state: &router::State,
        request: Arc<Request>,
        ask: impl FnOnce(Arc<Request>) -> Events + Send + 'static,
    ) -> Events {
        match std::mem::replace(&mut self.kind, Kind::Ask) {
            Kind::Ask => ask(request),
            Kind::Again(events) => again(state, &request, events),
            Kind::Keep(kept) => keeping(state, ask(request), kept),
            Kind::Join(ends, question, time) => {
                let joined = Joined { ends, question, time };
                joined.stream(state.clone(), request, ask)
            }
        }
    }
}

fn again(state: &router::State, request: &Request, events: Arc<[Event]>) -> Events {
    tell_observers(state, request, &events);
    let count = events.len();
    let again = (0..count).filter_map(move |place| events.get(place).cloned().map(Ok));
    Box::pin(futures_util::stream::iter(again))
}

fn keeping(state: &router::State, events: Events, kept: Kept) -> Events {
    Box::pin(Keeping {
        events,
        cache: Arc::clone(&state.cache),
        question: kept.question,
        time: kept.time,
        kept: Some((Vec::new(), kept.lead)),
        bytes: 0,
    })
}

/// A question that somebody else asks.
struct Joined {
    ends: End,
    question: Question,
    time: Duration,
}

impl Joined {
    fn stream(
        self,
        state: router::State,
        mut request: Arc<Request>,
        ask: impl FnOnce(Arc<Request>) -> Events + Send + 'static,
    ) -> Events {
        let Self { ends, question, time } = self;
        Box::pin(async_stream::stream! {
            let began = Instant::now();
            let deadline = request.demands.deadline;
            let waited = state.cache.wait(question, ends, deadline.map(|deadline| began + deadline)).await;
            if let Some(deadline) = deadline {
                let rest = deadline.saturating_sub(began.elapsed());
                if rest.is_zero() {
                    yield Err(late());
                    return;
                }
                Arc::make_mut(&mut request).demands.deadline = Some(rest);
            }
            let mut events = match waited {
                Waited::Kept(Answer::Said(events)) => again(&state, &request, events),
                Waited::Lead(lead) => keeping(&state, ask(request), Kept { lead, question, time }),
                Waited::Kept(Answer::Vectors(_)) | Waited::Alone => ask(request),
            };
            while let Some(event) = events.next().await {
                yield event;
            }
        })
    }
}

pub(super) fn late() -> provider::Error {
    let message = "the same question was being asked already, and its answer did not come in time";
    provider::Error::new(Class::CallerDeadline, message)
}

/// Passes an answer on, and keeps it when it reached its end.
struct Keeping {
    events: Events,
    cache: Arc<Cache>,
    question: Question,
    time: Duration,
    /// `None` once it is clear that this is not kept: then nobody has to wait for it.
    kept: Option<(Vec<Event>, Lead)>,
    bytes: usize,
}

impl Keeping {
    fn see(&mut self, event: &Event) {
        let Some((kept, _)) = &mut self.kept else {
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
            && let Some((kept, lead)) = self.kept.take()
        {
            if kept.iter().any(says_something) {
                self.cache
                    .keep(self.question, Answer::Said(kept.into()), self.bytes, self.time);
            }
            drop(lead);
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
        Event::Finish(finish) => finish.more.as_deref().map_or(0, More::size),
        Event::Served(_) | Event::Reset => 0,
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
    let origin = Arc::new(request.origin.clone());
    let usage = finish.and_then(|finish| finish.usage).unwrap_or_default();
    let timings = finish.map(|finish| finish.timings).unwrap_or_default();
    tell_spared(state, (origin, &request.caller), served, (usage, timings));
}

pub(super) fn tell_spared(
    state: &router::State,
    (origin, caller): (Arc<Origin>, &Caller),
    served: Option<&Served>,
    (usage, timings): (Usage, Timings),
) {
    let target = served.map_or("", |served| served.target.as_str());
    let (backend, model) = target.split_once('/').unwrap_or(("", target));
    let Some((kind, class)) = state.registry.backend(backend) else {
        return;
    };
    let attempt = Attempt {
        origin,
        caller: caller.clone(),
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
        usage,
        estimated: false,
        pieces: Pieces::default(),
        timings,
        truncated: false,
    };
    for observer in state.registry.observers() {
        observer.attempt(&attempt);
    }
}
