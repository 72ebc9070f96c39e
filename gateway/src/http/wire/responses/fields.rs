//! Which fields of a request are understood, which do no harm when they are left out, and which are refused.

use serde_json::{Map, Value};

use crate::http::error::Error;

/// What [`super::request`] reads.
const READ: [&str; 20] = [
    "model",
    "input",
    "instructions",
    "stream",
    "store",
    "previous_response_id",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "max_output_tokens",
    "temperature",
    "top_p",
    "truncation",
    "metadata",
    "include",
    "top_logprobs",
    "stream_options",
    // Counts calls of tools that OpenAI runs, and there are none of these here.
    "max_tool_calls",
];

/// What changes nothing about the words of an answer: who asks, how OpenAI caches and how it bills.
const HARMLESS: [&str; 7] = [
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "service_tier",
    "client_metadata",
];

/// What would change the answer and is not done here, and what to do instead.
const REFUSED: [(&str, &str); 5] = [
    ("background", "ask for a stream, or wait for the answer"),
    (
        "conversation",
        "use `previous_response_id`, or send the items as `input`",
    ),
    ("prompt", "send `instructions` and `input`"),
    ("context_management", "send `truncation`: \"auto\""),
    ("moderation", "check the text yourself"),
];

/// Takes out what is left out, and returns its names. Nothing is left out in silence: what is not in these lists is
/// refused by name.
pub(super) fn sort(body: &mut Map<String, Value>) -> Result<Vec<&'static str>, Error> {
    body.retain(|_, value| !value.is_null());
    for (name, instead) in REFUSED {
        let is_off = |value: &Value| *value == false;
        if body.remove(name).is_some_and(|value| !is_off(&value)) {
            let message = format!("`{name}` is not supported here; {instead}");
            return Err(Error::invalid(Some(name), "unsupported_parameter", message));
        }
    }
    let dropped = HARMLESS
        .into_iter()
        .filter(|name| body.shift_remove(*name).is_some())
        .collect();
    if let Some(unknown) = body.keys().find(|name| !READ.contains(&name.as_str())) {
        let name: String = unknown.chars().take(100).collect();
        let message = format!("Unknown parameter: '{name}'.");
        return Err(Error::invalid(Some(&name), "unknown_parameter", message));
    }
    Ok(dropped)
}
