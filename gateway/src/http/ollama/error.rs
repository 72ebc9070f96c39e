//! Errors in Ollama's shape: `{"error": "…"}`.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use serde_json::json;

use crate::http::error::Error;

/// An error that was made for `OpenAI`'s clients, as Ollama's expect it. Everything else stays as it is.
pub(super) fn in_ollama_words(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let Some(error) = head.extensions.remove::<Error>() else {
        return Response::from_parts(head, body);
    };
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    Response::from_parts(head, Body::from(json!({"error": error.message}).to_string()))
}
