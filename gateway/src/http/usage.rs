//! `GET /v1/jarvis/usage`.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use http::StatusCode;

use super::error::Error;
use super::guard::require;
use super::router;
use crate::caller::{Caller, Scope};
use crate::usage::{By, Report, Since};

/// What everybody has used is for the owner.
pub(super) async fn usage(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Json<Report>, Error> {
    require(&caller, Scope::Ops)?;
    let wrong = |param: &'static str| move |says: String| Error::invalid(Some(param), "invalid_value", says);
    let since = asked.get("since").map(|text| text.parse().map_err(wrong("since")));
    let by = asked.get("by").map(|text| text.parse().map_err(wrong("by")));
    let since = since.transpose()?.unwrap_or(Since::default());
    let by = by.transpose()?.unwrap_or(By::Target);
    let report = Report::read(state.books.as_ref(), since, by, state.clock.now()).await;
    Ok(Json(report.map_err(|error| {
        tracing::error!(%error, "usage could not be read");
        let says = "usage cannot be read at the moment";
        Error::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", says)
    })?))
}
