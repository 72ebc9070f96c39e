//! What the routes for images, transcripts and speech have in common: the request goes on as it is, and so does the
//! answer.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::error::Error;
use super::{demands, router, served};
use crate::caller::Caller;
use crate::chain::{Chain, Errand};
use crate::demands::Endpoint;
use crate::jobs::{self, Forward, Running};
use crate::provider;

/// Who can do such work under this name.
pub(super) fn chain_of(state: &router::State, caller: &Caller, model: &str, verb: &str) -> Result<Chain, Error> {
    state.registry.chain_of(caller, model)?.ok_or_else(|| {
        let message = format!("`{model}` cannot {verb}: it only chats; name an alias or a target of your servers");
        Error::invalid(Some("model"), "unsupported_by_model", message)
    })
}

/// What the request needs of a target, by its headers.
pub(super) fn errand(headers: &HeaderMap, caller: Caller, endpoint: Endpoint, model: &str) -> Result<Errand, Error> {
    let (origin, demands) = demands::read(headers, endpoint, model)?;
    Ok(Errand {
        origin: Arc::new(origin),
        caller,
        demands,
        ..Errand::default()
    })
}

/// Passes the request on and the answer back. The status is sent when the answer has begun, so that until then every
/// failure has a status of its own and another target can be asked.
pub(super) async fn pass_on(
    state: &router::State,
    headers: &HeaderMap,
    caller: Caller,
    model: &str,
    job: Forward,
) -> Result<Response, Error> {
    let chain = chain_of(state, &caller, model, job.task.verb())?;
    let errand = errand(headers, caller, job.task.endpoint(), model)?;
    let done = jobs::forward(&chain, errand, &job).await?;
    let head = done.answer.head().clone();
    let mut response = Response::new(if head.is_events {
        Body::from_stream(events(done.answer))
    } else {
        // An error breaks the connection, which is the only thing that a half file can say.
        Body::from_stream(done.answer.stream())
    });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, head.media_type);
    headers.extend(head.disposition.map(|disposition| (CONTENT_DISPOSITION, disposition)));
    if head.is_events {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    served::tell(headers, Some(&done.served));
    Ok(response)
}

/// The events of the target, and when it dies one more that says so.
fn events(running: Running) -> impl Stream<Item = Result<Bytes, provider::Error>> + Send {
    running
        .stream()
        .map(|item| Ok(item.unwrap_or_else(|error| broken(&error))))
}

fn broken(error: &provider::Error) -> Bytes {
    let error =
        json!({"message": error.message, "type": "upstream_error", "param": null, "code": "stream_interrupted"});
    let event = json!({"type": "error", "error": error});
    // The event that was cut off is closed first.
    Bytes::from(format!("\n\nevent: error\ndata: {event}\n\ndata: [DONE]\n\n"))
}
