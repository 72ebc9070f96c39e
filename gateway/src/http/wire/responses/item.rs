//! Items: messages, calls, results of calls, thinking. Each is brought into the complete form in which it is kept and
//! listed.

use serde_json::{Value, json};

use super::part::{self, Side, invalid};
use crate::http::error::Error;

/// An id of an item is its kind, the response that it belongs to, and its place in it: so a reference to an item names
/// the response in which it is found.
const PLACE: usize = 6;
const RESPONSE: usize = 32;

/// The form in which an item is kept. It has no id yet when none was given.
pub(super) fn complete(item: Value, at: &str) -> Result<Value, Error> {
    if !item.is_object() {
        return Err(invalid(at, format!("`{at}` must be an object")));
    }
    match item["type"].as_str() {
        Some("message") => message(item, at),
        None if item.get("role").is_some() => message(item, at),
        Some("function_call") => call(&item, at),
        Some("function_call_output") => result(item, at),
        Some("reasoning") => reasoning(item, at),
        Some("item_reference") => reference_item(&item, at),
        None if item["id"].is_string() => reference_item(&item, at),
        Some(kind) => {
            let kind: String = kind.chars().take(100).collect();
            let message = format!("items of type `{kind}` are not supported here");
            Err(part::unsupported(&format!("{at}.type"), message))
        }
        None => Err(invalid(&format!("{at}.type"), format!("`{at}.type` is missing"))),
    }
}

fn message(mut item: Value, at: &str) -> Result<Value, Error> {
    let content = item["content"].take();
    let role = item["role"].as_str().unwrap_or_default();
    let side = match role {
        "assistant" => Side::Output,
        "user" | "system" | "developer" => Side::Input,
        _ => {
            let param = format!("{at}.role");
            let message = format!("`{param}` is user, assistant, system or developer");
            return Err(invalid(&param, message));
        }
    };
    if content.is_null() {
        let param = format!("{at}.content");
        return Err(invalid(&param, format!("`{param}` is missing")));
    }
    Ok(json!({
        "id": item["id"],
        "type": "message",
        "role": role,
        "status": status(&item),
        "content": part::list(content, side, &format!("{at}.content"))?,
    }))
}

fn call(item: &Value, at: &str) -> Result<Value, Error> {
    Ok(json!({
        "id": item["id"],
        "type": "function_call",
        "status": status(item),
        "call_id": text(item, "call_id", at)?,
        "name": text(item, "name", at)?,
        "arguments": text(item, "arguments", at)?,
    }))
}

fn result(mut item: Value, at: &str) -> Result<Value, Error> {
    let output = match item["output"].take() {
        Value::String(text) => Value::String(text),
        output => part::list(output, Side::Input, &format!("{at}.output"))?,
    };
    Ok(json!({
        "id": item["id"],
        "type": "function_call_output",
        "status": status(&item),
        "call_id": text(&item, "call_id", at)?,
        "output": output,
    }))
}

/// Thinking comes in the clear, as a summary, or sealed for OpenAI alone; the last says nothing to other models.
fn reasoning(mut item: Value, at: &str) -> Result<Value, Error> {
    let mut texts = |name: &str, kind: &str| {
        let list = item[name].take();
        let parts = list.as_array().into_iter().flatten();
        let texts: Result<Value, Error> = parts
            .map(|part| match part["text"].as_str() {
                Some(text) => Ok(json!({"type": kind, "text": text})),
                None => Err(invalid(&format!("{at}.{name}"), format!("`{at}.{name}` needs `text`"))),
            })
            .collect();
        texts
    };
    let (summary, content) = (texts("summary", "summary_text")?, texts("content", "reasoning_text")?);
    Ok(json!({
        "id": item["id"],
        "type": "reasoning",
        "status": status(&item),
        "summary": summary,
        "content": content,
    }))
}

fn reference_item(item: &Value, at: &str) -> Result<Value, Error> {
    Ok(json!({"type": "item_reference", "id": text(item, "id", at)?}))
}

fn text<'a>(item: &'a Value, name: &str, at: &str) -> Result<&'a str, Error> {
    item[name].as_str().ok_or_else(|| {
        let param = format!("{at}.{name}");
        invalid(&param, format!("`{param}` is missing"))
    })
}

/// What was cut off stays marked, because a call that was cut off is not one to be made.
fn status(item: &Value) -> &'static str {
    match item["status"].as_str() {
        Some("incomplete" | "in_progress") => "incomplete",
        _ => "completed",
    }
}

/// Which item an `item_reference` means.
pub(in crate::http) fn reference(item: &Value) -> Option<&str> {
    (item["type"] == "item_reference")
        .then(|| item["id"].as_str())
        .flatten()
}

/// Gives an id to every item that has none.
pub(in crate::http) fn with_ids(items: &mut [Value], response: &str) {
    for (place, item) in items.iter_mut().enumerate() {
        if item["id"].is_null() {
            item["id"] = id_of(kind(item), response, Place::Input(place)).into();
        }
    }
}

/// The front of an item's id.
fn kind(item: &Value) -> &'static str {
    match item["type"].as_str() {
        Some("function_call") => "fc",
        Some("function_call_output") => "fco",
        Some("reasoning") => "rs",
        _ => "msg",
    }
}

/// Where an item stands in its response.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) enum Place {
    Input(usize),
    Output(usize),
}

/// `response` is the id of the response.
pub(in crate::http) fn id_of(kind: &str, response: &str, place: Place) -> String {
    let of = response.strip_prefix(super::response::PREFIX).unwrap_or(response);
    match place {
        Place::Input(place) => format!("{kind}_{of}a{place:05x}"),
        Place::Output(place) => format!("{kind}_{of}b{place:05x}"),
    }
}

/// The response that the item with this id belongs to, when it is one of ours.
pub(in crate::http) fn response_of(item: &str) -> Option<String> {
    let (_, rest) = item.split_once('_')?;
    let is_ours = rest.len() == RESPONSE + PLACE && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let of = rest.get(..RESPONSE).filter(|_| is_ours)?;
    Some(format!("{}{of}", super::response::PREFIX))
}
