//! Chunks of OpenAI's protocol, as much of them as calls need.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::leak::Found;
use super::piece::{Fragment, Piece};
use crate::chat::{Event, FinishReason, WireChunk};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    index: Option<u32>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

/// What a chunk brings; `None` when it cannot be read, or belongs to one of several answers.
pub(super) fn read(data: &[u8]) -> Option<Piece> {
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    let mut choices = chunk.choices.unwrap_or_default().into_iter();
    let Some(choice) = choices.next() else {
        return Some(Piece::default());
    };
    if choice.index != 0 || choices.next().is_some() {
        return None;
    }
    let (content, calls) = choice
        .delta
        .map_or((None, None), |delta| (delta.content, delta.tool_calls));
    let text = content.and_then(|content| serde_json::from_str::<String>(content.get()).ok());
    let fragments = calls.unwrap_or_default().into_iter().map(|call| {
        let function = call.function.unwrap_or(Function {
            name: None,
            arguments: None,
        });
        Fragment {
            index: call.index.unwrap_or(0),
            name: function.name.filter(|name| !name.is_empty()),
            arguments: match function.arguments {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text,
                Some(object) => object.to_string(),
            },
        }
    });
    Some(Piece {
        text: text.unwrap_or_default(),
        calls: fragments.collect(),
        end: choice.finish_reason.as_deref().map(|reason| match reason {
            "length" => FinishReason::Length,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            _ => FinishReason::Stop,
        }),
    })
}

/// Whether a chunk can hold neither the text nor the pieces of a call, nor the end, told without reading it.
pub(super) fn is_calm(data: &[u8]) -> bool {
    let has = |words: &[u8]| memchr::memmem::find(data, words).is_some();
    // The one bracket is that of the choices.
    memchr::memchr2(b'<', b'\\', data).is_none()
        && memchr::memchr_iter(b'[', data).count() <= 1
        && has(b"\"finish_reason\":null")
}

/// A chunk that brings something and also ends the answer, as two chunks.
pub(super) fn split(data: &[u8]) -> Option<(Event, Event)> {
    let whole: Value = serde_json::from_slice(data).ok()?;
    let (mut first, mut last) = (whole.clone(), whole);
    *first.pointer_mut("/choices/0/finish_reason")? = Value::Null;
    if let Some(fields) = first.as_object_mut() {
        fields.shift_remove("usage");
    }
    *last.pointer_mut("/choices/0/delta")? = json!({});
    Some((written(&first, true), written(&last, false)))
}

/// A chunk like `template` with a call in it.
pub(super) fn call(template: &[u8], index: u32, id: &str, found: &Found) -> Option<Event> {
    let function = json!({"name": found.name, "arguments": found.arguments});
    let call = json!({"index": index, "id": id, "type": "function", "function": function});
    delta(template, &json!({"tool_calls": [call]}))
}

/// A chunk like `template` with text in it.
pub(super) fn text(template: &[u8], text: &str) -> Option<Event> {
    delta(template, &json!({"content": text}))
}

fn delta(template: &[u8], delta: &Value) -> Option<Event> {
    let mut chunk: Value = serde_json::from_slice(template).ok()?;
    *chunk.get_mut("choices")? = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
    if let Some(fields) = chunk.as_object_mut() {
        fields.shift_remove("usage");
    }
    Some(written(&chunk, true))
}

/// The last chunk, which says that the answer is calls.
pub(super) fn ended_with_calls(data: &[u8]) -> Option<Event> {
    let mut chunk: Value = serde_json::from_slice(data).ok()?;
    *chunk.pointer_mut("/choices/0/finish_reason")? = "tool_calls".into();
    Some(written(&chunk, false))
}

/// The chunk without the calls of these indexes; `None` when nothing is left of it.
pub(super) fn without_calls(data: &[u8], broken: &[u32]) -> Option<Event> {
    let mut chunk: Value = serde_json::from_slice(data).ok()?;
    let calls = chunk.pointer_mut("/choices/0/delta/tool_calls")?.as_array_mut()?;
    calls.retain(|call| {
        let index = call["index"].as_u64().unwrap_or(0);
        !broken.iter().any(|broken| u64::from(*broken) == index)
    });
    if calls.is_empty() {
        return None;
    }
    Some(written(&chunk, true))
}

fn written(chunk: &Value, meaningful: bool) -> Event {
    Event::Wire(WireChunk {
        data: Bytes::from(chunk.to_string()),
        meaningful,
    })
}
