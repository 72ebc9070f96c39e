//! A request of a limited key, from its admission to the last byte of its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;
use hyper::body::{Frame, SizeHint};

use super::counters::{Counters, Place};
use crate::caller::{Allowance, Caller};
use crate::usage::{Attempt, Observer, Outcome};

/// Bytes of a body that are taken for one token.
const BYTES_PER_TOKEN: u32 = 4;
/// What is set aside for one request at most. A body is mostly longer than this for its pictures or its sound, which
/// are fewer tokens than bytes.
const MOST_SET_ASIDE: u32 = 8192;

/// The right of one request to be worked on. Dropping it ends the request.
pub(in crate::http) struct Admission {
    counters: Arc<dyn Counters>,
    caller: Caller,
    place: Place,
}

/// Lets a request to a model in, or refuses it. Its tokens are those of [`estimate`]. `None` is for what is not counted.
pub(in crate::http) async fn admit(
    counters: &Arc<dyn Counters>,
    caller: &Caller,
    (method, path, tokens): (&Method, &str, u32),
) -> Result<Option<Admission>, Response> {
    let Some(key) = caller.key().filter(|key| is_limited(&key.allowance)) else {
        return Ok(None);
    };
    if !asks_a_model(method, path) {
        return Ok(None);
    }
    match counters.enter(key, tokens).await {
        Ok(place) => Ok(Some(Admission {
            counters: Arc::clone(counters),
            caller: caller.clone(),
            place,
        })),
        Err(over) => {
            let mut response = over.error(key).into_response();
            over.standing.tell(response.headers_mut());
            Err(response)
        }
    }
}

impl Admission {
    /// The answer tells how the key stands, and holds the place until its last byte was sent or the client went away.
    pub(in crate::http) fn ends_with(self, mut response: Response) -> Response {
        self.place.standing.tell(response.headers_mut());
        response.map(|body| Body::new(Held { body, _admission: self }))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(key) = self.caller.key() {
            self.counters.leave(key, &self.place);
        }
    }
}

struct Held {
    body: Body,
    _admission: Admission,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts what models report for limited keys.
pub struct Meter(pub Arc<dyn Counters>);

impl Observer for Meter {
    fn attempt(&self, attempt: &Attempt) {
        let Some(key) = attempt.caller.key() else {
            return;
        };
        if key.allowance.tokens_per_minute.is_some() && attempt.outcome != Outcome::Cached {
            let tokens = attempt
                .usage
                .prompt_tokens
                .saturating_add(attempt.usage.completion_tokens);
            self.0.used(key, tokens);
        }
    }
}

fn is_limited(allowance: &Allowance) -> bool {
    allowance.requests_per_minute.is_some() || allowance.tokens_per_minute.is_some() || allowance.concurrency.is_some()
}

/// What is asked of models is posted to OpenAI's and Ollama's addresses; reading lists is free.
fn asks_a_model(method: &Method, path: &str) -> bool {
    let is_of_model = path.starts_with("/v1/") || path.starts_with("/api/") || path == "/mcp";
    method == Method::POST && is_of_model && !path.starts_with("/v1/jarvis/")
}

/// A body that does not say its length (`transfer-encoding: chunked`) sets the most aside: else it would pass a limit
/// that a plain one does not.
pub(in crate::http) fn estimate(body: &Body) -> u32 {
    let length = hyper::body::Body::size_hint(body).exact();
    length
        .and_then(|length| u32::try_from(length).ok())
        .map_or(MOST_SET_ASIDE, |length| length.div_ceil(BYTES_PER_TOKEN))
        .min(MOST_SET_ASIDE)
}
