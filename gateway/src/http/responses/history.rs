//! What a request goes on from: an earlier response, and single items of others.

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use serde_json::Value;

use super::store::{Chain, LONGEST_CHAIN, Store};
use crate::http::Unavailable;
use crate::http::error::Error;
use crate::http::wire::responses::{reference, response_of};

/// Each may be a query.
const MOST_REFERENCES: usize = 500;

/// The items of the response `previous` and of all those before it, oldest first.
pub(super) async fn before(store: &dyn Store, owner: &str, previous: &str) -> Result<Vec<Value>, Error> {
    match store.chain(owner, previous).await.map_err(unavailable)? {
        Chain::Whole(kept) => Ok(kept
            .into_iter()
            .flat_map(|mut kept| {
                let output = kept.response["output"].take();
                let output = if let Value::Array(items) = output {
                    items
                } else {
                    Vec::new()
                };
                kept.input.into_iter().chain(output)
            })
            .collect()),
        Chain::Broken(id) => {
            let id: String = id.chars().take(100).collect();
            let message = format!("Previous response with id '{id}' not found.");
            let param = Some("previous_response_id");
            Err(Error::invalid(param, "previous_response_not_found", message))
        }
        Chain::TooLong => Err(Error::invalid(
            Some("previous_response_id"),
            "context_length_exceeded",
            "the conversation up to this response is too long to go on with; begin a new one",
        )),
    }
}

/// Puts the items in place that `input` only refers to.
pub(super) async fn resolve(store: &dyn Store, owner: &str, input: &mut [Value]) -> Result<(), Error> {
    let mut found: HashMap<String, Vec<Value>> = HashMap::new();
    let wanted: HashSet<String> = input.iter().filter_map(reference).map(str::to_owned).collect();
    let mut length = 0;
    for item in input {
        let Some(id) = reference(item).map(str::to_owned) else {
            continue;
        };
        let response = response_of(&id).ok_or_else(|| no_item(&id))?;
        if !found.contains_key(&response) {
            if found.len() >= MOST_REFERENCES {
                let message = format!("`input` refers to items of more than {MOST_REFERENCES} responses");
                return Err(Error::invalid(Some("input"), "invalid_request", message));
            }
            let kept = store.get(owner, &response).await.map_err(unavailable)?;
            let items = kept.map(|mut kept| {
                let output = kept.response["output"].take();
                kept.input.extend(output.as_array().into_iter().flatten().cloned());
                kept.input
                    .retain(|item| item["id"].as_str().is_some_and(|id| wanted.contains(id)));
                kept.input
            });
            found.insert(response.clone(), items.unwrap_or_default());
        }
        let items = found.get(&response).into_iter().flatten();
        let meant = items.into_iter().find(|item| item["id"] == *id);
        let meant = meant.ok_or_else(|| no_item(&id))?;
        // A reference is short and what it stands for may be long, so that the limit of the body says nothing here.
        length += meant.to_string().len() as u64;
        if length > LONGEST_CHAIN {
            return Err(too_long());
        }
        *item = meant.clone();
    }
    Ok(())
}

fn too_long() -> Error {
    Error::invalid(
        Some("input"),
        "context_length_exceeded",
        "the items that `input` refers to are too long together; begin a new conversation",
    )
}

fn no_item(id: &str) -> Error {
    let id: String = id.chars().take(100).collect();
    Error {
        param: Some("input".to_owned()),
        ..Error::new(
            StatusCode::NOT_FOUND,
            "item_not_found",
            format!(
                "Item with id '{id}' not found. Items are not kept when `store` is false, and not longer than 30 days."
            ),
        )
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn unavailable(error: Unavailable) -> Error {
    tracing::error!(%error, "responses that were kept cannot be read");
    Error::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store_unavailable",
        "what was kept of earlier responses cannot be read at the moment",
    )
}
