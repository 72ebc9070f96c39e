//! Keeping a response before its end is told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::store::{Kept, Store};
use crate::clock::Millis;

/// An answer does not wait longer for being kept.
const WITHIN: Duration = Duration::from_secs(5);

/// Keeps one response, when it is to be kept.
pub(super) struct Keeper {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) previous: Option<String>,
    pub(super) created_at: Millis,
    pub(super) input: Vec<Value>,
}

impl Keeper {
    /// Returns the response. One that could not be kept says so; what was answered is not lost with it.
    pub(super) async fn keep(self, response: Value) -> Value {
        let kept = Kept {
            id: self.id,
            owner: self.owner,
            previous: self.previous,
            created_at: self.created_at,
            input: self.input,
            response,
        };
        let why = match tokio::time::timeout(WITHIN, self.store.put(&kept)).await {
            Ok(Ok(())) => return kept.response,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the store did not answer within {} s", WITHIN.as_secs()),
        };
        tracing::warn!(
            response.id = kept.id,
            error = why,
            "a response is answered and not kept"
        );
        let mut response = kept.response;
        response["store"] = false.into();
        response
    }
}
