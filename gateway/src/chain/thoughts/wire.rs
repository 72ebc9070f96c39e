//! Chunks of a server whose bytes are handed on, as much of them as thinking needs: `OpenAI`'s, and the lines of Ollama's
//! chat and of its answers to prompts.

use bytes::Bytes;
use serde_json::Value;

use super::tags::Said;
use crate::chat::WireChunk;

/// A chunk that was read.
pub(in crate::chain) struct Chunk {
    json: Value,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With the place of the first answer among the choices.
    OpenAi(usize),
    OllamaChat,
    OllamaPrompt,
}

/// Whether the text of a chunk cannot begin with a tag, told without reading it: there is neither `<` nor an escape in
/// it, nor a string that begins with a space.
pub(super) fn is_plain(data: &[u8]) -> bool {
    memchr::memchr2(b'<', b'\\', data).is_none() && memchr::memmem::find(data, b"\" ").is_none()
}

impl Chunk {
    /// `None` when it cannot be read, or is not of the first answer.
    pub(in crate::chain) fn read(data: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(data).ok()?;
        let form = if let Some(choices) = json["choices"].as_array() {
            let is_first = |choice: &Value| choice["index"].as_u64().unwrap_or(0) == 0;
            Form::OpenAi(choices.iter().position(is_first)?)
        } else if json["message"].is_object() {
            Form::OllamaChat
        } else if json["response"].is_string() {
            Form::OllamaPrompt
        } else {
            return None;
        };
        Some(Self { json, form })
    }

    pub(in crate::chain) fn text(&self) -> &str {
        let text = match self.form {
            Form::OpenAi(at) => &self.json["choices"][at]["delta"]["content"],
            Form::OllamaChat => &self.json["message"]["content"],
            Form::OllamaPrompt => &self.json["response"],
        };
        text.as_str().unwrap_or_default()
    }

    /// It holds thinking or a call of its own, so that the text needs no looking at.
    pub(super) fn is_told_apart(&self) -> bool {
        let (of, fields) = match self.form {
            Form::OpenAi(at) => (
                &self.json["choices"][at]["delta"],
                ["reasoning_content", "reasoning", "tool_calls"].as_slice(),
            ),
            Form::OllamaChat => (&self.json["message"], ["thinking", "tool_calls"].as_slice()),
            Form::OllamaPrompt => (&self.json, ["thinking"].as_slice()),
        };
        fields.iter().any(|name| match &of[*name] {
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            other => !other.is_null(),
        })
    }

    /// It holds something beside text that counts.
    pub(in crate::chain) fn is_more_than_text(&self) -> bool {
        let refuses = match self.form {
            Form::OpenAi(at) => ["refusal", "audio", "function_call"]
                .iter()
                .any(|name| !self.json["choices"][at]["delta"][*name].is_null()),
            Form::OllamaChat | Form::OllamaPrompt => false,
        };
        refuses || self.is_told_apart()
    }

    pub(super) fn is_last(&self) -> bool {
        match self.form {
            Form::OpenAi(at) => self.json["choices"][at]["finish_reason"].is_string(),
            Form::OllamaChat | Form::OllamaPrompt => self.json["done"] == true,
        }
    }

    /// The chunk with this in the place of its text.
    pub(super) fn with(mut self, said: Said) -> WireChunk {
        let meaningful = !said.thinking.is_empty() || !said.answer.is_empty() || self.is_told_apart();
        let (of, text, names) = match self.form {
            Form::OpenAi(at) => (
                &mut self.json["choices"][at]["delta"],
                "content",
                // Clients look for it under either name.
                ["reasoning_content", "reasoning"].as_slice(),
            ),
            Form::OllamaChat => (&mut self.json["message"], "content", ["thinking"].as_slice()),
            Form::OllamaPrompt => (&mut self.json, "response", ["thinking"].as_slice()),
        };
        if of.is_null() {
            *of = Value::Object(serde_json::Map::new());
        }
        if let Some(fields) = of.as_object_mut() {
            fields.insert(text.to_owned(), said.answer.into());
            if !said.thinking.is_empty() {
                for name in names {
                    fields.insert((*name).to_owned(), said.thinking.as_str().into());
                }
            }
        }
        WireChunk {
            data: Bytes::from(self.json.to_string()),
            meaningful,
        }
    }
}
