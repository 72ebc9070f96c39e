//! Model names as Ollama's clients write them.

use http::StatusCode;

use crate::caller::Caller;
use crate::http::error::Error;
use crate::registry::{Registry, Unknown};

const LATEST: &str = ":latest";

/// The name of ours that is meant by `asked`. Ollama takes `name` and `name:latest` for the same, so both find both.
pub(super) fn resolve(registry: &Registry, caller: &Caller, asked: &str) -> Result<String, Error> {
    let Err(unknown) = registry.find(caller, asked) else {
        return Ok(asked.to_owned());
    };
    let other = match asked.strip_suffix(LATEST) {
        Some(bare) => bare.to_owned(),
        None => format!("{asked}{LATEST}"),
    };
    if registry.find(caller, &other).is_ok() {
        return Ok(other);
    }
    Err(not_found(&unknown))
}

/// Clients look for these words, and for the status.
fn not_found(unknown: &Unknown) -> Error {
    let near: Vec<String> = unknown.near.iter().map(|name| format!("'{name}'")).collect();
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    };
    let message = format!("model '{}' not found{hint}", unknown.name);
    Error::new(StatusCode::NOT_FOUND, "model_not_found", message)
}

/// How a name is listed: with a tag, as every name that Ollama lists has one.
pub(super) fn listed(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') {
        name.to_owned()
    } else {
        format!("{name}{LATEST}")
    }
}
