//! The fields of a request's body, for telling which of them a target of another protocol does not learn.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of a JSON object, values as they are written.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Names of the fields of `body` that are not among `known` and ask for something. What says that nothing special is
/// wanted needs no telling.
pub(super) fn beside(body: &[u8], known: &[&str]) -> Vec<String> {
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(body) else {
        return Vec::new();
    };
    let dropped = fields
        .into_iter()
        .filter(|(name, value)| !known.contains(&name.as_str()) && !is_neutral(name, value.get()));
    dropped.map(|(name, _)| name).collect()
}

fn is_neutral(name: &str, value: &str) -> bool {
    let is_default = match name {
        "parallel_tool_calls" => value == "true",
        "store" | "raw" => value == "false",
        "service_tier" => matches!(value, "\"auto\"" | "\"default\""),
        "modalities" => value == "[\"text\"]",
        _ => false,
    };
    is_default || matches!(value, "null" | "{}" | "[]" | "\"\"")
}

/// Tools that are not functions, as `tools.web_search`.
pub(super) fn other_tools(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Body {
        tools: Option<Vec<Tool>>,
    }
    #[derive(Deserialize)]
    struct Tool {
        r#type: Option<String>,
    }
    // Most requests have none, and reading the body costs more than looking for the word.
    if memchr::memmem::find(body, b"\"tools\"").is_none() {
        return Vec::new();
    }
    let body: Option<Body> = serde_json::from_slice(body).ok();
    let tools = body.and_then(|body| body.tools).unwrap_or_default();
    let kinds = tools.into_iter().filter_map(|tool| tool.r#type);
    let mut others: Vec<String> = kinds
        .filter(|kind| kind != "function")
        .map(|kind| format!("tools.{kind}"))
        .collect();
    others.dedup();
    others
}
