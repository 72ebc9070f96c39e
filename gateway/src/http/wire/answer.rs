//! What we write: chunks of a stream, a whole completion, the list of models.

use serde::Serialize;
use serde_json::{Value, json};

use crate::chat::{FinishReason, Reply, ToolCallDelta, Usage};
use crate::registry::Model;

/// What stays the same over all chunks of one answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Identity {
    pub(in crate::http) id: String,
    /// Seconds since 1970.
    pub(in crate::http) created: i64,
    pub(in crate::http) model: String,
    /// Every chunk then has `usage`, null but for the last.
    pub(in crate::http) include_usage: bool,
}

/// One chunk of a streamed answer.
#[derive(Serialize)]
pub(in crate::http) struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Logprobs<'a> {
    content: &'a [Value],
    refusal: (),
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    // Clients look for thinking text under either name.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> Chunk<'a> {
    /// The first chunk of every answer.
    pub(in crate::http) fn role(identity: &'a Identity) -> Self {
        let delta = Delta {
            role: Some("assistant"),
            content: Some(""),
            ..Delta::default()
        };
        Self::of(identity, delta, None)
    }

    pub(in crate::http) fn text(identity: &'a Identity, text: &'a str) -> Self {
        let delta = Delta {
            content: Some(text),
            ..Delta::default()
        };
        Self::of(identity, delta, None)
    }

    pub(in crate::http) fn reasoning(identity: &'a Identity, text: &'a str) -> Self {
        let delta = Delta {
            reasoning_content: Some(text),
            reasoning: Some(text),
            ..Delta::default()
        };
        Self::of(identity, delta, None)
    }

    pub(in crate::http) fn logprobs(identity: &'a Identity, tokens: &'a [Value]) -> Self {
        let mut chunk = Self::of(identity, Delta::default(), None);
        for choice in &mut chunk.choices {
            choice.logprobs = Some(Logprobs {
                content: tokens,
                refusal: (),
            });
        }
        chunk
    }

    pub(in crate::http) fn tool_call(identity: &'a Identity, call: &'a ToolCallDelta) -> Self {
        let delta = Delta {
            tool_calls: Some([CallDelta {
                index: call.index,
                id: call.id.as_deref(),
                kind: call.id.is_some().then_some("function"),
                function: FunctionDelta {
                    name: call.name.as_deref(),
                    arguments: &call.arguments,
                },
            }]),
            ..Delta::default()
        };
        Self::of(identity, delta, None)
    }

    pub(in crate::http) fn finish(identity: &'a Identity, reason: FinishReason) -> Self {
        Self::of(identity, Delta::default(), Some(reason_name(reason)))
    }

    /// The chunk after the last one, for whoever asked for it.
    pub(in crate::http) fn usage(identity: &'a Identity, usage: Usage) -> Self {
        Self {
            choices: Vec::new(),
            usage: Some(usage_json(usage)),
            ..Self::of(identity, Delta::default(), None)
        }
    }

    /// What ends a stream that has begun and cannot be finished. No finish reason ever follows.
    pub(in crate::http) fn error(identity: &'a Identity, message: &str) -> Self {
        let error = json!({
            "message": message,
            "type": "upstream_error",
            "param": null,
            "code": "stream_interrupted",
        });
        Self {
            choices: Vec::new(),
            error: Some(error),
            ..Self::of(identity, Delta::default(), None)
        }
    }

    fn of(identity: &'a Identity, delta: Delta<'a>, finish_reason: Option<&'static str>) -> Self {
        Self {
            id: &identity.id,
            object: "chat.completion.chunk",
            created: identity.created,
            model: &identity.model,
            choices: vec![Choice {
                index: 0,
                delta,
                logprobs: None,
                finish_reason,
            }],
            usage: identity.include_usage.then_some(Value::Null),
            error: None,
        }
    }
}

/// A whole answer made of typed events.
pub(in crate::http) fn completion(identity: &Identity, reply: &Reply) -> Value {
    let mut message = json!({
        "role": "assistant",
        "content": (!reply.text.is_empty() || reply.tool_calls.is_empty()).then_some(&reply.text),
        "refusal": null,
    });
    if let Some(message) = message.as_object_mut() {
        if !reply.reasoning.is_empty() {
            message.insert("reasoning_content".into(), reply.reasoning.as_str().into());
            message.insert("reasoning".into(), reply.reasoning.as_str().into());
        }
        if !reply.tool_calls.is_empty() {
            let calls = reply.tool_calls.iter().map(|call| {
                let function = json!({"name": call.name, "arguments": call.arguments});
                json!({"id": call.id, "type": "function", "function": function})
            });
            message.insert("tool_calls".into(), calls.collect());
        }
    }
    json!({
        "id": identity.id,
        "object": "chat.completion",
        "created": identity.created,
        "model": identity.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": (!reply.logprobs.is_empty()).then(|| json!({"content": reply.logprobs, "refusal": null})),
            "finish_reason": reason_name(reply.finish.reason),
        }],
        "usage": reply.finish.usage.map(usage_json),
    })
}

pub(in crate::http) fn models(models: &[Model]) -> Value {
    let data: Vec<Value> = models.iter().map(model).collect();
    json!({"object": "list", "data": data})
}

pub(in crate::http) fn model(model: &Model) -> Value {
    json!({
        "id": model.id,
        "object": "model",
        "created": model.created.0 / 1000,
        "owned_by": model.owned_by,
    })
}

pub(super) fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

pub(super) fn usage_json(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    })
}
