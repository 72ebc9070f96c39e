//! The wire forms of OpenAI's completions, from before chat.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{reason_name, usage_json};
use super::request::OneOrMany;
use crate::chat::{FinishReason, Options, Usage};
use crate::http::error::Error;

/// What [`Body`] reads.
const READ: [&str; 14] = [
    "model",
    "prompt",
    "stream",
    "stream_options",
    "max_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "n",
    "best_of",
    "echo",
];
/// What would change the answer and cannot be had from a model that chats.
const REFUSED: [&str; 3] = ["suffix", "logprobs", "logit_bias"];

/// A request, and what about it only the answer's form depends on.
#[derive(Debug)]
pub(in crate::http) struct Completion {
    pub(in crate::http) model: String,
    pub(in crate::http) prompt: String,
    pub(in crate::http) stream: bool,
    pub(in crate::http) include_usage: bool,
    pub(in crate::http) options: Options,
    /// Fields that were left out, because they do not change what the answer says.
    pub(in crate::http) dropped: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    #[serde(default)]
    prompt: Value,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    n: Option<u32>,
    best_of: Option<u32>,
    echo: Option<bool>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

pub(in crate::http) fn parse_completion(body: &Bytes) -> Result<Completion, Error> {
    let mut fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            return Err(Error::invalid(
                None,
                "invalid_request",
                "the body must be a JSON object",
            ));
        }
        Err(error) => {
            let message = format!("the body is not valid JSON: {error}");
            return Err(Error::invalid(None, "invalid_request", message));
        }
    };
    let dropped = sort(&mut fields)?;
    let body: Body = serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        invalid(&path, format!("`{path}`: {}", error.inner()))
    })?;
    for (name, is_asked) in [
        ("n", body.n.is_some_and(|n| n != 1)),
        ("best_of", body.best_of.is_some_and(|n| n != 1)),
        ("echo", body.echo == Some(true)),
    ] {
        if is_asked {
            return Err(unsupported(name));
        }
    }
    Ok(Completion {
        model: body.model.ok_or_else(|| invalid("model", "`model` is missing"))?,
        prompt: prompt(body.prompt)?,
        stream: body.stream.unwrap_or_default(),
        include_usage: body.stream_options.and_then(|options| options.include_usage) == Some(true),
        options: Options {
            max_tokens: body.max_tokens,
            temperature: body.temperature,
            top_p: body.top_p,
            presence_penalty: body.presence_penalty,
            frequency_penalty: body.frequency_penalty,
            seed: body.seed,
            stop: body.stop.map(OneOrMany::into_vec).unwrap_or_default(),
            ..Options::default()
        },
        dropped,
    })
}

fn sort(fields: &mut Map<String, Value>) -> Result<Vec<&'static str>, Error> {
    fields.retain(|_, value| !value.is_null());
    if let Some(name) = REFUSED.into_iter().find(|name| fields.contains_key(*name)) {
        return Err(unsupported(name));
    }
    let dropped = fields.shift_remove("user").map(|_| "user");
    if let Some(unknown) = fields.keys().find(|name| !READ.contains(&name.as_str())) {
        let name: String = unknown.chars().take(100).collect();
        let message = format!("Unknown parameter: '{name}'.");
        return Err(Error::invalid(Some(&name), "unknown_parameter", message));
    }
    Ok(dropped.into_iter().collect())
}

/// One text. Several would be several answers, and tokens are those of a model that is not here.
fn prompt(prompt: Value) -> Result<String, Error> {
    let one = match prompt {
        Value::Array(list) => match <[Value; 1]>::try_from(list) {
            Ok([one]) => one,
            Err(_) => return Err(invalid("prompt", "`prompt` must be one text here")),
        },
        one => one,
    };
    match one {
        Value::String(text) => Ok(text),
        Value::Null => Err(invalid("prompt", "`prompt` is missing")),
        _ => Err(invalid("prompt", "`prompt` must be text here, not tokens")),
    }
}

fn invalid(param: &str, message: impl Into<String>) -> Error {
    Error::invalid(Some(param), "invalid_request", message)
}

fn unsupported(name: &str) -> Error {
    let message = format!("`{name}` is not supported here; models are asked as in a chat");
    Error::invalid(Some(name), "unsupported_parameter", message)
}

/// What stays the same over all pieces of one answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Text {
    pub(in crate::http) id: String,
    /// Seconds since 1970.
    pub(in crate::http) created: i64,
    pub(in crate::http) model: String,
}

impl Text {
    /// A piece of the answer, or all of it.
    pub(in crate::http) fn piece(&self, text: &str, reason: Option<FinishReason>) -> Value {
        // Nobody calls anything here.
        let reason = reason.map(|reason| match reason {
            FinishReason::ToolCalls => "stop",
            FinishReason::Stop | FinishReason::Length | FinishReason::ContentFilter => reason_name(reason),
        });
        let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": reason});
        self.of(&json!([choice]))
    }

    pub(in crate::http) fn usage(&self, usage: Usage) -> Value {
        with_usage(self.of(&json!([])), usage)
    }

    pub(in crate::http) fn whole(&self, text: &str, reason: FinishReason, usage: Option<Usage>) -> Value {
        let piece = self.piece(text, Some(reason));
        match usage {
            Some(usage) => with_usage(piece, usage),
            None => piece,
        }
    }

    /// What ends a stream that has begun and cannot be finished.
    pub(in crate::http) fn error(&self, message: &str) -> Value {
        let mut last = self.of(&json!([]));
        last["error"] = json!({
            "message": message, "type": "upstream_error", "param": null, "code": "stream_interrupted",
        });
        last
    }

    fn of(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }
}

fn with_usage(mut piece: Value, usage: Usage) -> Value {
    piece["usage"] = usage_json(usage);
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_refused() {
        let check = |body: Value, expect: Result<&str, &str>| {
            let found = parse_completion(&Bytes::from(body.to_string()));
            let found = found.map(|asked| asked.prompt);
            let found = found.map_err(|error| format!("{} {}", error.code.unwrap(), error.param.unwrap_or_default()));
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{body}");
        };
        let m = "m";
        check(json!({"model": m, "prompt": "hi"}), Ok("hi"));
        check(
            json!({"model": m, "prompt": ["hi"], "echo": false, "suffix": null, "n": 1, "user": "u"}),
            Ok("hi"),
        );
        check(json!({"model": m, "prompt": ["a", "b"]}), Err("invalid_request prompt"));
        check(json!({"model": m, "prompt": [1, 2]}), Err("invalid_request prompt"));
        check(json!({"model": m}), Err("invalid_request prompt"));
        check(json!({"prompt": "hi"}), Err("invalid_request model"));
        check(json!([1]), Err("invalid_request "));
        for (name, value) in [
            ("echo", json!(true)),
            ("suffix", json!("x")),
            ("logprobs", json!(1)),
            ("best_of", json!(2)),
            ("n", json!(2)),
            ("logit_bias", json!({"1": 1})),
        ] {
            let mut body = json!({"model": m, "prompt": "hi"});
            body[name] = value;
            check(body, Err(&format!("unsupported_parameter {name}")));
        }
        check(json!({"model": m, "prompt": "hi", "x": 1}), Err("unknown_parameter x"));
        check(
            json!({"model": m, "prompt": "hi", "top_p": "x"}),
            Err("invalid_request top_p"),
        );
    }
}
