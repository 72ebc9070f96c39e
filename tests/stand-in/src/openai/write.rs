use bytes::Bytes;
use serde_json::{Value, json};

use crate::play::{Asked, Call, Counters, Piece, Reason, Script};
use crate::wire::Wire;

/// When every answer was made, in seconds since 1970: a test must not depend on the time.
pub(super) const CREATED: u64 = 1_795_168_000;
const ID: &str = "chatcmpl-standin";
/// What ends an event.
const END: &str = "\n\n";

pub(super) fn completion(asked: &Asked, script: &Script) -> Value {
    let calls: Vec<Value> = script
        .calls()
        .iter()
        .enumerate()
        .map(|(at, call)| whole_call(at, call))
        .collect();
    let text = script.text();
    let content = if calls.is_empty() {
        Value::from(text)
    } else {
        Value::Null
    };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let thinking = script.thinking();
    if !thinking.is_empty() {
        message["reasoning_content"] = thinking.into();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": reason(script)});
    let mut completion = json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": asked.model, "choices": [choice],
        "system_fingerprint": "fp_standin",
    });
    if script.counters != Counters::Missing {
        completion["usage"] = usage(asked.prompt_tokens, script);
    }
    completion
}

/// The chunks of one streamed answer. They are written without a tree of JSON values, because a benchmark on two
/// processors would otherwise measure this.
pub(super) struct Chunks {
    /// What every chunk begins with.
    head: String,
    include_usage: bool,
    prompt_tokens: usize,
}

impl Chunks {
    pub(super) fn new(asked: &Asked) -> Self {
        let model = Value::from(asked.model.as_str());
        Self {
            head: format!(
                r#"data: {{"id":"{ID}","object":"chat.completion.chunk","created":{CREATED},"model":{model},"choices":"#
            ),
            include_usage: asked.include_usage,
            prompt_tokens: asked.prompt_tokens,
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! at the call reads better without a borrow"
    )]
    fn chunk(&self, delta: Value, finish_reason: Value) -> String {
        self.delta(&delta.to_string(), &finish_reason.to_string())
    }

    /// A chunk with one field in its delta.
    fn text(&self, field: &str, text: &str) -> String {
        self.delta(&format!(r#"{{"{field}":{}}}"#, Value::from(text)), "null")
    }

    fn delta(&self, delta: &str, finish_reason: &str) -> String {
        let usage = if self.include_usage { r#","usage":null"# } else { "" };
        let head = &self.head;
        format!(
            r#"{head}[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish_reason}}}]{usage}}}{END}"#
        )
    }

    /// The id and the name first, then the arguments in two fragments.
    fn call(&self, at: usize, call: &Call) -> String {
        let mut first = whole_call(at, call);
        let arguments = call.arguments.to_string();
        let half = arguments
            .char_indices()
            .nth(arguments.chars().count() / 2)
            .map_or(0, |(half, _)| half);
        let (begin, end) = arguments.split_at(half);
        first["index"] = at.into();
        first["function"]["arguments"] = "".into();
        let fragment = |text: &str| json!({"tool_calls": [{"index": at, "function": {"arguments": text}}]});
        let deltas = [json!({"tool_calls": [first]}), fragment(begin), fragment(end)];
        deltas.into_iter().map(|delta| self.chunk(delta, Value::Null)).collect()
    }
}

impl Wire for Chunks {
    const MEDIA_TYPE: &'static str = "text/event-stream; charset=utf-8";

    fn begin(&self) -> Bytes {
        self.chunk(
            json!({"role": "assistant", "content": "", "refusal": null}),
            Value::Null,
        )
        .into()
    }

    fn piece(&self, piece: &Piece) -> Bytes {
        match piece {
            Piece::Thinking(text) => self.text("reasoning_content", text),
            Piece::Text(text) => self.text("content", text),
            Piece::Calls(calls) => calls.iter().enumerate().map(|(at, call)| self.call(at, call)).collect(),
        }
        .into()
    }

    fn end(&self, script: &Script, no_mark: bool) -> Bytes {
        let mut text = String::new();
        if script.calls_last {
            text.extend(script.calls().iter().enumerate().map(|(at, call)| self.call(at, call)));
        }
        text.push_str(&self.chunk(json!({}), reason(script).into()));
        if self.include_usage && script.counters != Counters::Missing {
            let usage = usage(self.prompt_tokens, script);
            text.push_str(&format!(r#"{}[],"usage":{usage}}}{END}"#, self.head));
        }
        if !no_mark {
            text.push_str("data: [DONE]\n\n");
        }
        text.into()
    }

    fn error(&self) -> Bytes {
        let error = json!({"message": "the engine died", "type": "server_error", "param": null, "code": 500});
        format!("data: {}\n\n", json!({"error": error})).into()
    }

    fn malformed(&self) -> Bytes {
        Bytes::from_static(b"data: {\"id\":\"chatcmpl-sta\n\n")
    }

    fn ping(&self) -> Bytes {
        let nothing = self.chunk(json!({"role": "assistant", "content": ""}), Value::Null);
        format!(": PROCESSING\n\n{nothing}").into()
    }

    fn undone(&self, _script: &Script) -> Option<Bytes> {
        None
    }
}

fn whole_call(at: usize, call: &Call) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
    json!({"id": format!("call_standin{at}"), "type": "function", "function": function})
}

fn reason(script: &Script) -> &'static str {
    match script.reason {
        Reason::Stop => "stop",
        Reason::Length => "length",
        Reason::ToolCalls => "tool_calls",
        Reason::ContentFilter => "content_filter",
    }
}

fn usage(prompt_tokens: usize, script: &Script) -> Value {
    let completion_tokens = script.pieces.len();
    json!({
        "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
    })
}
