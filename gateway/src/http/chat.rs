//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::body::read_body;
use super::error::Error;
use super::guard::require;
use super::stream::Chunks;
use super::whole::{Whole, gather};
use super::wire::{self, Asked, Identity};
use super::{cache, demands, frames, router, served};
use crate::caller::{Caller, Scope};
use crate::demands::Endpoint;
use crate::progress::Progress;
use crate::provider::{Call, Events};

pub(super) const LONGEST_BODY: usize = 10 * 1024 * 1024;

pub(super) async fn completions(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Chat)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let mut asked = wire::parse(body)?;
    asked.request.caller = caller;
    (asked.request.origin, asked.request.demands) = demands::read(&headers, Endpoint::Chat, &asked.model)?;
    let conversation = asked.request.origin.conversation.clone();
    asked.request.conversation = conversation;
    let provider = state.registry.find(&asked.request.caller, &asked.model)?;
    if asked.answers != 1 && !state.registry.all_of_kind(&asked.model, "openai") {
        let message = format!("`{}` gives one answer per request, so `n` must be 1", asked.model);
        return Err(Error::invalid(Some("n"), "unsupported_parameter", message));
    }
    let Asked {
        model,
        stream,
        include_usage,
        request,
        ..
    } = asked;
    let identity = Identity {
        id: format!("chatcmpl-{}", uuid::Uuid::now_v7().simple()),
        created: state.clock.now().0 / 1000,
        model: model.clone(),
        include_usage,
    };
    let progress = request.demands.progress.clone();
    let body = request.original.as_ref().map(|original| original.body.as_ref());
    let mut found = cache::look_up(&state, &headers, &request, (&model, body)).await?;
    let events = found.stream(&state, Arc::new(request), move |request| {
        provider.stream(Call {
            request,
            model,
            left: Vec::new(),
        })
    });
    let mut response = if stream {
        streamed(events, identity, progress).await
    } else {
        whole(events, identity).await
    }?;
    found.tell(response.headers_mut());
    Ok(response)
}

async fn streamed(events: Events, identity: Identity, progress: Option<Progress>) -> Result<Response, Error> {
    Ok(frames::answer(events, Chunks::new(identity), progress).await?)
}

async fn whole(events: Events, mut identity: Identity) -> Result<Response, Error> {
    let Whole { reply, wire } = gather(events).await?;
    if let Some(served) = &reply.served {
        identity.model.clone_from(&served.model);
    }
    let mut response = match wire {
        Some(wire) => json(wire.finish()),
        None => Json(wire::completion(&identity, &reply)).into_response(),
    };
    served::tell(response.headers_mut(), reply.served.as_ref());
    served::tell_end(response.headers_mut(), &reply.finish);
    Ok(response)
}

fn json(text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
