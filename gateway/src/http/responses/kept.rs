//! Responses that were kept: read, listed, deleted by who asked for them.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::{Value, json};

use super::create::owner;
use super::history::unavailable;
use super::store::Kept;
use crate::caller::{Caller, Scope};
use crate::http::error::Error;
use crate::http::guard::require;
use crate::http::router;

const USUAL_LIMIT: usize = 20;
const LIMIT: usize = 100;

type Parameters = Query<HashMap<String, String>>;

pub(in crate::http) async fn get(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Result<Json<Value>, Error> {
    if parameters.get("stream").is_some_and(|stream| stream == "true") {
        let message = "a response that is kept is given whole; its events are told once";
        return Err(Error::invalid(Some("stream"), "unsupported_parameter", message));
    }
    Ok(Json(find(&state, &caller, &id).await?.response))
}

pub(in crate::http) async fn delete(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    let was_there = state
        .responses
        .delete(&owner(&caller), &id)
        .await
        .map_err(unavailable)?;
    if !was_there {
        return Err(not_found(&id));
    }
    Ok(Json(json!({"id": id, "object": "response", "deleted": true})))
}

/// Only what runs in the background could be cancelled; who waits for an answer just leaves.
pub(in crate::http) async fn cancel(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Error> {
    find(&state, &caller, &id).await?;
    Err(Error::invalid(
        Some("response_id"),
        "not_cancellable",
        "Cannot cancel a synchronous response.",
    ))
}

pub(in crate::http) async fn input_items(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Result<Json<Value>, Error> {
    let Kept { mut input, .. } = find(&state, &caller, &id).await?;
    match parameters.get("order").map(String::as_str) {
        Some("asc") => {}
        None | Some("desc") => input.reverse(),
        Some(_) => return Err(invalid("order", "`order` is asc or desc")),
    }
    if let Some(after) = parameters.get("after") {
        let Some(at) = input.iter().position(|item| item["id"] == **after) else {
            return Err(invalid("after", "`after` is not the id of an item of this response"));
        };
        input.drain(..=at);
    }
    let limit = match parameters.get("limit").map(|limit| limit.parse()) {
        None => USUAL_LIMIT,
        Some(Ok(limit @ 1..=LIMIT)) => limit,
        Some(_) => return Err(invalid("limit", &format!("`limit` is 1 to {LIMIT}"))),
    };
    let has_more = input.len() > limit;
    input.truncate(limit);
    let id_of = |item: Option<&Value>| item.map_or_else(|| "".into(), |item| item["id"].clone());
    Ok(Json(json!({
        "object": "list",
        "first_id": id_of(input.first()),
        "last_id": id_of(input.last()),
        "has_more": has_more,
        "data": input,
    })))
}

async fn find(state: &router::State, caller: &Caller, id: &str) -> Result<Kept, Error> {
    require(caller, Scope::Chat)?;
    let found = state.responses.get(&owner(caller), id).await.map_err(unavailable)?;
    found.ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Error {
    let id: String = id.chars().take(100).collect();
    Error {
        param: Some("response_id".to_owned()),
        ..Error::new(
            StatusCode::NOT_FOUND,
            "response_not_found",
            format!("Response with id '{id}' not found."),
        )
    }
}

fn invalid(param: &str, message: &str) -> Error {
    Error::invalid(Some(param), "invalid_request", message)
}
