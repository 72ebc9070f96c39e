//! Memory, for programs: what a key keeps and finds is its own, and of the house with the scope `ops`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{Body, Who};
use super::rows::Asked;
use crate::app::App;
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remembering {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Searching {
    q: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learning {
    on: bool,
}

pub(crate) async fn memories(State(app): State<App>, Who(who): Who) -> Answer {
    let memories = app.agent.memories(&who).await?;
    let learning = app.agent.is_learned_about(&who).await?;
    Ok(Json(json!({ "memories": memories, "learning": learning })))
}

pub(crate) async fn remember(
    State(app): State<App>,
    Who(who): Who,
    Body(remembering): Body<Remembering>,
) -> Result<Response, ApiError> {
    let memory = app.agent.remember(&who, &remembering.text).await?;
    Ok((StatusCode::CREATED, Json(json!(memory))).into_response())
}

pub(crate) async fn recall(State(app): State<App>, Who(who): Who, Asked(searching): Asked<Searching>) -> Answer {
    Ok(Json(json!({ "found": app.agent.recall(&who, &searching.q).await? })))
}

pub(crate) async fn forget_memory(State(app): State<App>, Who(who): Who, Path(id): Path<String>) -> Answer {
    app.agent.forget_memory(&who, &id).await?;
    Ok(Json(json!({ "forgotten": id })))
}

pub(crate) async fn set_learning(State(app): State<App>, Who(who): Who, Body(learning): Body<Learning>) -> Answer {
    app.agent.set_learning(&who, learning.on).await?;
    Ok(Json(json!({ "learning": learning.on })))
}
