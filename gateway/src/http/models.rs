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
    of_any_model(&caller)?;
    Ok(Json(wire::models(&state.registry.models(&caller))))
}

pub(super) async fn one(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Error> {
    of_any_model(&caller)?;
    // Finding says what was perhaps meant.
    state.registry.find(&caller, &id)?;
    let models = state.registry.models(&caller);
    let found = models.iter().find(|model| model.id == id);
    Ok(Json(found.map(wire::model).unwrap_or_default()))
}

/// Whoever may ask a model of any kind may know their names.
fn of_any_model(caller: &Caller) -> Result<(), Error> {
    let kinds = [Scope::Embeddings, Scope::Images, Scope::Audio];
    if kinds.into_iter().any(|kind| caller.may(kind)) {
        return Ok(());
    }
    require(caller, Scope::Chat)
}
