//! `POST /api/chat` and `POST /api/generate`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::line::{self, Route, Said, Watch};
use super::name;
use super::read::{self, Asked, What};
use super::stream::Lines;
use crate::caller::{Caller, Scope};
use crate::chat::{Gather, Reply};
use crate::demands::Endpoint;
use crate::http::body::read_body;
use crate::http::chat::LONGEST_BODY;
use crate::http::error::Error;
use crate::http::guard::require;
use crate::http::whole::gather;
use crate::http::wire::BadRequest;
use crate::http::{cache, demands, frames, router, served};
use crate::provider::{Call, Events};

pub(super) async fn chat(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    ask(&state, caller, &headers, body, Route::Chat).await
}

pub(super) async fn generate(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    ask(&state, caller, &headers, body, Route::Generate).await
}

async fn ask(
    state: &router::State,
    caller: Caller,
    headers: &HeaderMap,
    body: Body,
    route: Route,
) -> Result<Response, Error> {
    let watch = Watch::start();
    require(&caller, Scope::Chat)?;
    let body = read_body(headers, body, LONGEST_BODY).await?;
    let Asked { model, what } = route.read(body)?;
    let model = name::resolve(&state.registry, &caller, &model)?;
    let now = state.clock.now();
    let (stream, shows_thinking, mut request) = match what {
        What::Load => return Ok(Json(route.loaded(&model, now, "load")).into_response()),
        What::Unload => return Ok(Json(route.loaded(&model, now, "unload")).into_response()),
        What::Answer {
            stream,
            shows_thinking,
            request,
        } => (stream, shows_thinking, *request),
    };
    request.caller = caller;
    (request.origin, request.demands) = demands::read(headers, Endpoint::Chat, &model)?;
    request.conversation.clone_from(&request.origin.conversation);
    let lines = Lines {
        route,
        model: model.clone(),
        clock: Arc::clone(&state.clock),
        watch,
        shows_thinking,
        calls: Gather::default(),
        is_wire: false,
    };
    let progress = request.demands.progress.clone();
    let provider = state.registry.find(&request.caller, &model)?;
    let body = request.original.as_ref().map(|original| original.body.as_ref());
    let mut found = cache::look_up(state, headers, &request, (&model, body)).await?;
    let events = found.stream(state, Arc::new(request), move |request| {
        provider.stream(Call {
            request,
            model,
            left: Vec::new(),
        })
    });
    let mut response = if stream {
        frames::answer(events, lines, progress).await?
    } else {
        whole(events, lines).await?
    };
    found.tell(response.headers_mut());
    Ok(response)
}

impl Route {
    fn read(self, body: Bytes) -> Result<Asked, BadRequest> {
        match self {
            Self::Chat => read::chat(body),
            Self::Generate => read::generate(body),
        }
    }
}

async fn whole(events: Events, mut lines: Lines) -> Result<Response, Error> {
    let Reply {
        text,
        reasoning,
        tool_calls,
        logprobs,
        finish,
        served,
    } = gather(events).await?.reply;
    if let Some(served) = &served {
        lines.model.clone_from(&served.model);
    }
    let objects = line::objects(&tool_calls);
    let said = Said {
        text: &text,
        thinking: if lines.shows_thinking { &reasoning } else { "" },
        calls: line::calls(&tool_calls, &objects, finish.reason)?,
        logprobs: &logprobs,
        end: Some(lines.watch.end(&finish)),
        more: finish.more.as_deref(),
    };
    let mut out = BytesMut::new();
    lines.route.write(&lines.model, lines.clock.now(), said, &mut out);
    let mut response = Response::new(Body::from(out.freeze()));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    served::tell(headers, served.as_ref());
    served::tell_end(headers, &finish);
    Ok(response)
}
