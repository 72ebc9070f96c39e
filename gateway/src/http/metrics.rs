//! `GET /metrics`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::error::Error;
use super::guard::require;
use super::router;
use crate::caller::{Caller, Scope};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The names of models and what was spent are for the owner, so a collector needs a key with `ops`.
pub(super) async fn metrics(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Error> {
    require(&caller, Scope::Ops)?;
    let text = state.metrics.text(&state.registry).map_err(|_| {
        let says = "the figures could not be written as text";
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", says)
    })?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
