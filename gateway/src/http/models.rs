//! `GET /v1/models`.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde_json::Value;

use super::error::Error;
use super::guard::require;
use super::router;
use super::wire;
use crate::caller::{Caller, Scope};

pub(super) async fn list(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    Ok(Json(wire::models(&state.registry.models())))
}

pub(super) async fn one(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    // Finding says what was perhaps meant.
    state.registry.find(&id)?;
    let models = state.registry.models();
    let found = models.iter().find(|model| model.id == id);
    Ok(Json(found.map(wire::model).unwrap_or_default()))
}
