//! `POST /v1/chat/completions`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::body::read_body;
use super::error::Error;
use super::guard::require;
use super::router;
use super::stream::Answer;
use super::wire::{self, Asked, Identity, Merge};
use crate::caller::{Caller, Scope};
use crate::chat::{Event, Gather, Served};
use crate::provider::{self, Call, Class, Events};

const LONGEST_BODY: usize = 10 * 1024 * 1024;
/// What is gathered of a whole answer.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
const LONGEST_CONVERSATION: usize = 200;
const LONGEST_REASON: usize = 500;
/// How long an answer may keep silent before the status is sent. Until then an error still has a status of its own.
const STATUS_WITHIN: Duration = Duration::from_secs(3);

const CONVERSATION: HeaderName = HeaderName::from_static("x-jarvis-conversation");
const TARGET: HeaderName = HeaderName::from_static("x-jarvis-target");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-jarvis-attempts");
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-jarvis-fallback-reason");

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
    asked.request.conversation = conversation(&headers)?;
    let provider = state.registry.find(&asked.model)?;
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
    let events = provider.stream(Call {
        request: Arc::new(request),
        model,
        left: Vec::new(),
    });
    if stream {
        streamed(events, identity).await
    } else {
        whole(events, identity).await
    }
}

fn conversation(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(CONVERSATION) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(name) if !name.is_empty() && name.len() <= LONGEST_CONVERSATION => Ok(Some(name.to_owned())),
        Ok(_) | Err(_) => Err(Error::invalid(
            Some(CONVERSATION.as_str()),
            "invalid_request",
            format!("{CONVERSATION} is 1 to {LONGEST_CONVERSATION} ASCII characters"),
        )),
    }
}

/// The status waits for the first event that says something, for as long as that is polite.
async fn streamed(mut events: Events, mut identity: Identity) -> Result<Response, Error> {
    let mut served = None;
    let first = tokio::time::timeout(STATUS_WITHIN, async {
        loop {
            match events.next().await {
                Some(Ok(Event::Served(by))) => served = Some(by),
                event => return event,
            }
        }
    });
    let first = match first.await {
        Ok(Some(Ok(event))) => Some(event),
        Ok(Some(Err(error))) => return Err(error.into()),
        Ok(None) => return Err(cut_off().into()),
        Err(_) => None,
    };
    if let Some(served) = &served {
        identity.model.clone_from(&served.model);
    }
    let answer = Answer::new(events, identity, first);
    let mut response = Response::new(Body::from_stream(answer));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    tell_target(headers, served.as_ref());
    Ok(response)
}

/// Upstream it is a stream all the same, so that whatever fails before the end could be tried elsewhere.
async fn whole(mut events: Events, mut identity: Identity) -> Result<Response, Error> {
    let (mut gather, mut merge, mut served) = (Gather::default(), None::<Merge>, None);
    let mut length = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        length += text_length(&event);
        if length > LONGEST_ANSWER {
            return Err(bad_gateway("the answer is longer than 4 MiB; ask for it as a stream"));
        }
        match event {
            Event::Served(by) => served = Some(by),
            Event::Reset => (gather, merge, length) = (Gather::default(), None, 0),
            Event::Wire(chunk) => {
                let merge = merge.get_or_insert_default();
                merge.push(&chunk.data).map_err(|error| bad_gateway(error.0))?;
            }
            event => {
                let Some(reply) = gather.push(event) else {
                    continue;
                };
                if let Some(served) = &served {
                    identity.model.clone_from(&served.model);
                }
                let answer = match merge {
                    Some(merge) => merge.finish(),
                    None => wire::completion(&identity, &reply),
                };
                return Ok(answered(answer, served.as_ref()));
            }
        }
    }
    Err(cut_off().into())
}

fn text_length(event: &Event) -> usize {
    match event {
        Event::Text(text) | Event::Reasoning(text) => text.len(),
        Event::ToolCall(delta) => delta.arguments.len(),
        Event::Served(_) | Event::Wire(_) | Event::Reset | Event::Finish(_) => 0,
    }
}

fn answered(answer: Value, served: Option<&Served>) -> Response {
    let mut response = Json(answer).into_response();
    tell_target(response.headers_mut(), served);
    response
}

fn tell_target(headers: &mut HeaderMap, served: Option<&Served>) {
    let Some(served) = served else {
        return;
    };
    let reasons: Vec<String> = served
        .left
        .iter()
        .map(|left| format!("{}: {}", left.target, left.reason))
        .collect();
    headers.extend(header_value(&served.target).map(|value| (TARGET, value)));
    headers.insert(ATTEMPTS, HeaderValue::from(served.attempts));
    if !reasons.is_empty() {
        headers.extend(header_value(&reasons.join("; ")).map(|value| (FALLBACK_REASON, value)));
    }
}

/// What cannot stand in a header is left out.
fn header_value(text: &str) -> Option<HeaderValue> {
    let plain = text.chars().filter(|character| matches!(character, ' '..='~'));
    HeaderValue::try_from(plain.take(LONGEST_REASON).collect::<String>()).ok()
}

fn cut_off() -> provider::Error {
    provider::Error::new(Class::Truncated, "the answer was cut off")
}

fn bad_gateway(message: &str) -> Error {
    Error::new(StatusCode::BAD_GATEWAY, "unusable_answer", message)
}
