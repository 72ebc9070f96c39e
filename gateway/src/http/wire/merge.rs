//! Streamed chunks of a server of the same protocol, put together into one completion. It works on the JSON as it is, so
//! that fields unknown to us survive.

use serde_json::{Map, Value, json};

/// No answer is gathered beyond this, in characters of text.
const MOST_TEXT: usize = 4 * 1024 * 1024;
/// What the chunks may weigh with their envelopes, which are much longer than what is in them.
const MOST_BYTES: usize = 16 * MOST_TEXT;
/// Text fields that are said once, or repeated, and never come in pieces.
const WHOLE: [&str; 6] = ["id", "type", "role", "name", "object", "finish_reason"];

/// Gathers chunks.
#[derive(Default)]
pub(in crate::http) struct Merge {
    top: Map<String, Value>,
    choices: Vec<Value>,
    text: usize,
    bytes: usize,
}

/// The answer is too long to be gathered, or a chunk is no JSON object.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct NotMergeable(pub(in crate::http) &'static str);

impl Merge {
    pub(in crate::http) fn push(&mut self, chunk: &[u8]) -> Result<(), NotMergeable> {
        self.bytes = self.bytes.saturating_add(chunk.len());
        let Ok(Value::Object(chunk)) = serde_json::from_slice(chunk) else {
            return Err(NotMergeable("the model server sent something that is not a chunk"));
        };
        for (key, value) in chunk {
            match (key.as_str(), value) {
                ("choices", Value::Array(choices)) => {
                    for choice in choices {
                        merge_indexed(&mut self.choices, choice, &mut self.text);
                    }
                }
                (_, Value::Null) => {}
                ("usage", usage) => {
                    self.top.insert(key, usage);
                }
                (_, value) => {
                    self.top.entry(key).or_insert(value);
                }
            }
        }
        if self.text > MOST_TEXT || self.bytes > MOST_BYTES {
            return Err(NotMergeable("the answer is longer than 4 MiB; ask for it as a stream"));
        }
        Ok(())
    }

    pub(in crate::http) fn finish(mut self) -> Value {
        self.top.insert("object".into(), "chat.completion".into());
        let choices: Vec<Value> = self.choices.into_iter().map(finished_choice).collect();
        self.top.insert("choices".into(), choices.into());
        Value::Object(self.top)
    }
}

fn finished_choice(mut choice: Value) -> Value {
    let Some(fields) = choice.as_object_mut() else {
        return choice;
    };
    let mut message = fields.remove("delta").unwrap_or_else(|| json!({}));
    if let Some(message) = message.as_object_mut() {
        message.entry("role").or_insert_with(|| "assistant".into());
        message.entry("content").or_insert(Value::Null);
        message.entry("refusal").or_insert(Value::Null);
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
            call.remove("index");
            call.entry("type").or_insert_with(|| "function".into());
        }
    }
    fields.insert("message".into(), message);
    fields.entry("logprobs").or_insert(Value::Null);
    choice
}

/// Adds an element that says by `index` which one it continues.
fn merge_indexed(list: &mut Vec<Value>, element: Value, text: &mut usize) {
    let index = &element["index"];
    if let Some(known) = list.iter_mut().find(|known| known["index"] == *index) {
        merge(known, "", element, text);
    } else {
        *text += text_in(&element);
        list.push(element);
    }
}

fn merge(known: &mut Value, key: &str, new: Value, text: &mut usize) {
    match (known, new) {
        (_, Value::Null) => {}
        (Value::String(known), Value::String(new)) if WHOLE.contains(&key) => {
            if known.is_empty() {
                *known = new;
            }
        }
        (Value::String(known), Value::String(new)) => {
            *text += new.len();
            known.push_str(&new);
        }
        (Value::Object(known), Value::Object(new)) => {
            for (key, value) in new {
                if let Some(known) = known.get_mut(&key) {
                    merge(known, &key, value, text);
                } else {
                    *text += text_in(&value);
                    known.insert(key, value);
                }
            }
        }
        (Value::Array(known), Value::Array(new)) => {
            for element in new {
                if element.get("index").is_some() {
                    merge_indexed(known, element, text);
                } else {
                    *text += text_in(&element);
                    known.push(element);
                }
            }
        }
        (known, new) => *known = new,
    }
}

fn text_in(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(text_in).sum(),
        Value::Object(fields) => fields.values().map(text_in).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
