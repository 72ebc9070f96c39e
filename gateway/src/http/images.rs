//! `POST /v1/images/generations` and `POST /v1/images/edits`.

use std::sync::Arc;

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

const LONGEST_BODY: usize = 10 * 1024 * 1024;
/// Pictures to be changed.
const LONGEST_UPLOAD: usize = 50 * 1024 * 1024;

pub(super) async fn generations(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Images)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let read = Forwarded::of_json(&body)?;
    let job = Forward {
        task: Task::Images,
        streams: read.streams(),
        body: jobs::Body::Json(body),
        asks_for: Pieces {
            images: read.images(),
            ..Pieces::default()
        },
    };
    pass_on(&state, &headers, caller, &read.model, job).await
}

/// A form with pictures in it, or JSON that has them as text or names them.
pub(super) async fn edits(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Extension(uploads): Extension<Arc<Uploads>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Images)?;
    let (body, _place) = uploads.read(&headers, body, LONGEST_UPLOAD).await?;
    let media_type = headers.get(CONTENT_TYPE);
    let is_json = media_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let (read, body) = if is_json {
        (Forwarded::of_json(&body)?, jobs::Body::Json(body))
    } else {
        let form = form(media_type, body)?;
        (Forwarded::of_form(&form)?, jobs::Body::Form(form))
    };
    let job = Forward {
        task: Task::ImageEdits,
        streams: read.streams(),
        body,
        asks_for: Pieces {
            images: read.images(),
            ..Pieces::default()
        },
    };
    pass_on(&state, &headers, caller, &read.model, job).await
}
