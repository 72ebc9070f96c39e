//! `POST /v1/audio/transcriptions` and `POST /v1/audio/speech`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::body::read_body;
use super::error::Error;
use super::forward::pass_on;
use super::guard::require;
use super::router;
use super::upload::{Uploads, form};
use super::wire::Forwarded;
use crate::caller::{Caller, Scope};
use crate::jobs::{self, Forward, Task};
use crate::usage::Pieces;

/// Text to be spoken.
const LONGEST_BODY: usize = 1024 * 1024;
/// Sound to be heard, as much as `OpenAI` takes.
const LONGEST_UPLOAD: usize = 25 * 1024 * 1024;
/// Bytes of a second of speech as it is mostly sent (64 kbit/s), to know before it was heard what hearing it costs.
const BYTES_A_SECOND: usize = 8 * 1024;
/// What a form has around its file.
const AROUND: usize = 64 * 1024;

pub(super) async fn transcriptions(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Extension(uploads): Extension<Arc<Uploads>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Audio)?;
    let (body, _place) = uploads.read(&headers, body, LONGEST_UPLOAD + AROUND).await?;
    let form = form(headers.get(CONTENT_TYPE), body)?;
    let read = Forwarded::of_form(&form)?;
    if !form.has_file("file") {
        let message = "the form has no `file` with the sound";
        return Err(Error::invalid(Some("file"), "invalid_request", message));
    }
    let job = Forward {
        task: Task::Transcription,
        streams: read.streams(),
        asks_for: Pieces {
            audio: Duration::from_secs((form.len() / BYTES_A_SECOND) as u64),
            ..Pieces::default()
        },
        body: jobs::Body::Form(form),
    };
    pass_on(&state, &headers, caller, &read.model, job).await
}

pub(super) async fn speech(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Audio)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let read = Forwarded::of_json(&body)?;
    if read.characters() == 0 {
        return Err(Error::invalid(
            Some("input"),
            "invalid_request",
            "`input` is the text to speak",
        ));
    }
    let job = Forward {
        task: Task::Speech,
        streams: read.streams(),
        asks_for: Pieces {
            characters: read.characters(),
            ..Pieces::default()
        },
        body: jobs::Body::Json(body),
    };
    pass_on(&state, &headers, caller, &read.model, job).await
}
