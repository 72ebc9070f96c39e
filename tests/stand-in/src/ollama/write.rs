use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::play::{Asked, Call, Counters, Piece, Reason, Script};
use crate::wire::Wire;

/// When every answer was made: a test must not depend on the time.
pub(super) const CREATED_AT: &str = "2026-11-20T10:00:00.000000000Z";
pub(super) const ENGINE_DIED: &str = "an error was encountered while running the model: the engine died";

/// The lines of one answer.
pub(super) struct Lines {
    model: String,
    prompt_tokens: usize,
    load: Duration,
    /// The answer to a prompt, which has its text in another place.
    is_prompt: bool,
    unknown: Map<String, Value>,
}

impl Lines {
    /// `load` is how long the model took to be loaded.
    pub(super) fn new(asked: &Asked, load: Duration, is_prompt: bool) -> Self {
        Self {
            model: asked.model.clone(),
            prompt_tokens: asked.prompt_tokens,
            load,
            is_prompt,
            unknown: asked.unknown.clone(),
        }
    }

    /// The answer to `"stream": false`.
    pub(super) fn whole(&self, script: &Script) -> Value {
        let mut message = json!({"role": "assistant", "content": script.text()});
        let thinking = script.thinking();
        if !thinking.is_empty() {
            message["thinking"] = thinking.into();
        }
        let calls = script.calls();
        if !calls.is_empty() {
            message["tool_calls"] = tool_calls(&calls, true);
        }
        self.last(&message, script)
    }

    fn last(&self, message: &Value, script: &Script) -> Value {
        let mut message = message.clone();
        for (name, value) in &self.unknown {
            message[name] = value.clone();
        }
        let mut line = self.line(&message);
        for (name, value) in &self.unknown {
            line[name] = value.clone();
        }
        if self.is_prompt {
            line["context"] = json!([1, 2, 3]);
        }
        line["done"] = true.into();
        line["done_reason"] = match script.reason {
            Reason::Length => "length".into(),
            // Ollama has no word of its own for an answer that calls tools.
            Reason::Stop | Reason::ToolCalls | Reason::ContentFilter => "stop".into(),
        };
        let load = usize::try_from(self.load.as_nanos()).unwrap_or(usize::MAX);
        let (read, written) = match script.counters {
            Counters::True => (self.prompt_tokens, script.pieces.len()),
            Counters::Missing => (0, 0),
            Counters::Truncated => (self.prompt_tokens / 10, script.pieces.len()),
        };
        let counters = [
            ("total_duration", load.saturating_add(1_000_000_000)),
            ("load_duration", load),
            ("prompt_eval_count", read),
            ("prompt_eval_duration", 200_000_000),
            ("eval_count", written),
            ("eval_duration", 800_000_000),
        ];
        for (name, count) in counters {
            // Zero is left out, as Go's `omitempty` does.
            if count > 0 {
                line[name] = count.into();
            }
        }
        line
    }

    fn line(&self, message: &Value) -> Value {
        if self.is_prompt {
            let mut line = json!({"model": self.model, "created_at": CREATED_AT, "response": message["content"]});
            if message["thinking"].is_string() {
                line["thinking"] = message["thinking"].clone();
            }
            line["done"] = false.into();
            return line;
        }
        json!({"model": self.model, "created_at": CREATED_AT, "message": message, "done": false})
    }
}

impl Wire for Lines {
    const MEDIA_TYPE: &'static str = "application/x-ndjson";

    fn begin(&self) -> Bytes {
        Bytes::new()
    }

    fn piece(&self, piece: &Piece) -> Bytes {
        let message = match piece {
            Piece::Thinking(text) => json!({"role": "assistant", "content": "", "thinking": text}),
            // Without a tree of JSON values, as nearly all lines are of this kind and a benchmark must not measure them.
            Piece::Text(text) if self.is_prompt => json!({"content": text}),
            Piece::Text(text) => {
                let (model, text) = (Value::from(self.model.as_str()), Value::from(text.as_str()));
                let message = format!(r#"{{"role":"assistant","content":{text}}}"#);
                let created_at = CREATED_AT;
                return format!(
                    "{{\"model\":{model},\"created_at\":\"{created_at}\",\"message\":{message},\"done\":false}}\n"
                )
                .into();
            }
            Piece::Calls(calls) => json!({"role": "assistant", "content": "", "tool_calls": tool_calls(calls, true)}),
        };
        format!("{}\n", self.line(&message)).into()
    }

    fn end(&self, script: &Script, _no_mark: bool) -> Bytes {
        let mut message = json!({"role": "assistant", "content": ""});
        if script.calls_last {
            message["tool_calls"] = tool_calls(&script.calls(), false);
        }
        format!("{}\n", self.last(&message, script)).into()
    }

    fn error(&self) -> Bytes {
        format!("{}\n", json!({"error": ENGINE_DIED})).into()
    }

    fn malformed(&self) -> Bytes {
        Bytes::from_static(b"{\"model\":\"sta\n")
    }

    fn ping(&self) -> Bytes {
        format!("{}\n", self.line(&json!({"role": "assistant", "content": ""}))).into()
    }

    fn undone(&self, script: &Script) -> Option<Bytes> {
        let mut whole = self.whole(script);
        whole["done"] = false.into();
        Some(format!("{whole}\n").into())
    }
}

/// All with the index 0, as the real server does it; ids are missing in one of its layouts.
fn tool_calls(calls: &[Call], with_ids: bool) -> Value {
    let calls = calls.iter().enumerate().map(|(at, call)| {
        let mut written = json!({"function": {"index": 0, "name": call.name, "arguments": call.arguments}});
        if with_ids {
            written["id"] = format!("call_standin{at}").into();
        }
        written
    });
    calls.collect()
}
