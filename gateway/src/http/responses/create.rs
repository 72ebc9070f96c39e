//! `POST /v1/responses`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use serde_json::Value;

use super::answer::Streamed;
use super::keep::Keeper;
use super::store::Store;
use super::{history, too_long};
use crate::caller::{Caller, Scope};
use crate::chat::{Delivery, Request};
use crate::clock::Clock;
use crate::demands::Endpoint;
use crate::http::body::read_body;
use crate::http::error::Error;
use crate::http::guard::require;
use crate::http::whole::gather;
use crate::http::wire::responses::{self as wire, Answer, Asked, Face, Output, Status};
use crate::http::{cache, demands, frames, router, served};
use crate::provider::Events;

const LONGEST_BODY: usize = 10 * 1024 * 1024;

pub(in crate::http) async fn create(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Chat)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let mut asked = wire::parse(&body)?;
    let provider = state.registry.find(&caller, &asked.model)?;
    let (origin, demands) = demands::read(&headers, Endpoint::Responses, &asked.model)?;
    let refers = asked.input.iter().any(|item| wire::reference(item).is_some());
    let items = items(&*state.responses, &owner(&caller), &mut asked).await?;
    let progress = demands.progress.clone();
    // An answer is only given again to a question that does not go on from what was kept.
    let stands_alone = asked.previous.is_none() && !refers;
    let begun = Begun::new(&state, &caller, &mut asked);
    let request = Request {
        messages: wire::messages(asked.instructions.as_deref(), &items)?,
        tools: asked.tools,
        tool_choice: asked.tool_choice,
        options: asked.options,
        caller,
        conversation: origin.conversation.clone(),
        origin,
        demands,
        delivery: if asked.stream { Delivery::Live } else { Delivery::Whole },
        ..Request::default()
    };
    let body = stands_alone.then_some(body.as_ref());
    let mut found = cache::look_up(&state, &headers, &request, (&asked.model, body)).await?;
    let events = found.stream(&state, Arc::new(request), move |request| {
        too_long::stream(provider, request, asked.model, asked.may_shorten)
    });
    let mut response = if asked.stream {
        let answer = Answer::new(begun.face, begun.output, begun.one_call);
        frames::answer(events, Streamed::new(answer, begun.clock, begun.keeper), progress).await?
    } else {
        begun.whole(events).await?
    };
    served::tell_dropped(response.headers_mut(), &asked.dropped);
    found.tell(response.headers_mut());
    Ok(response)
}

/// Who may read a response later: the same key, whatever it is called by then.
pub(super) fn owner(caller: &Caller) -> String {
    match caller {
        Caller::Internal => "internal".to_owned(),
        Caller::Loopback => "loopback".to_owned(),
        Caller::Key(key) => format!("key:{}", key.id),
    }
}

/// Everything that the model is to read, oldest first.
async fn items(store: &dyn Store, owner: &str, asked: &mut Asked) -> Result<Vec<Value>, Error> {
    history::resolve(store, owner, &mut asked.input).await?;
    let mut items = match &asked.previous {
        Some(previous) => history::before(store, owner, previous).await?,
        None => Vec::new(),
    };
    items.extend(asked.input.iter().cloned());
    Ok(items)
}

/// A response that has begun.
struct Begun {
    face: Face,
    output: Output,
    one_call: bool,
    keeper: Option<Keeper>,
    clock: Arc<dyn Clock>,
}

impl Begun {
    fn new(state: &router::State, caller: &Caller, asked: &mut Asked) -> Self {
        let (id, created_at) = (Face::fresh_id(), state.clock.now());
        let mut input = std::mem::take(&mut asked.input);
        wire::with_ids(&mut input, &id);
        let keeper = asked.store.then(|| Keeper {
            store: Arc::clone(&state.responses),
            id: id.clone(),
            owner: owner(caller),
            previous: asked.previous.clone(),
            created_at,
            input,
        });
        Self {
            output: Output::new(&id, asked.thoughts),
            one_call: asked.options.parallel_tool_calls == Some(false),
            face: Face {
                id,
                created_at,
                model: asked.model.clone(),
                store: asked.store,
                repeated: std::mem::take(&mut asked.repeated),
            },
            keeper,
            clock: Arc::clone(&state.clock),
        }
    }

    async fn whole(mut self, events: Events) -> Result<Response, Error> {
        let mut reply = gather(events).await?.reply;
        if self.one_call {
            reply.tool_calls.truncate(1);
        }
        let (served, finish) = (reply.served.take(), reply.finish.clone());
        if let Some(served) = &served {
            self.face.model.clone_from(&served.model);
        }
        self.output.fill(reply);
        let status = Status::of_reason(finish.reason);
        let output = self.output.json(&status);
        let mut response = self.face.ended(&status, &output, finish.usage, self.clock.now());
        if let Some(keeper) = self.keeper {
            response = keeper.keep(response).await;
        }
        let mut response = Json(response).into_response();
        served::tell(response.headers_mut(), served.as_ref());
        served::tell_end(response.headers_mut(), &finish);
        Ok(response)
    }
}
