use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::settings::{KeepAlive, Settings, Think, Thinking};
use super::{original, schema};
use crate::chat::{self, Part, ReasoningEffort, Request, ResponseFormat, Role, ToolChoice, ToolSpec};
use crate::provider::{Class, Error};
use crate::providers::fields::Fields;

/// The body of `POST /api/chat` and of `POST /api/generate`.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    /// A prompt is among the kept fields instead, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Message<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    /// Always true, because only a stream tells a slow answer from none.
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a KeepAlive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    shift: bool,
    truncate: bool,
    options: Options<'a>,
    /// Unknown to us, from a caller who speaks this protocol.
    #[serde(flatten)]
    kept: Fields<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: Role,
    /// Never null and never a list: Ollama refuses both.
    content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    index: usize,
    name: &'a str,
    arguments: Box<RawValue>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Value,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(flatten)]
    kept: Fields<'a>,
}

/// What `think` is for this request.
pub(super) fn thinking(request: &Request, settings: &Settings) -> Option<Thinking> {
    match settings.think {
        Think::Always(thinking) => Some(thinking),
        Think::Auto => original::thinking(request).or(request.options.reasoning_effort.map(|effort| match effort {
            ReasoningEffort::None => Thinking::Off,
            ReasoningEffort::Minimal | ReasoningEffort::Low => Thinking::Low,
            ReasoningEffort::Medium => Thinking::Medium,
            ReasoningEffort::High => Thinking::High,
            ReasoningEffort::Xhigh => Thinking::Max,
        })),
    }
}

/// Where [`body`] goes.
pub(super) fn path(request: &Request) -> &'static str {
    if original::is_prompt(request) {
        "/api/generate"
    } else {
        "/api/chat"
    }
}

/// `request` as Ollama wants it. Fails when it holds something that Ollama cannot be told.
pub(super) fn body(
    request: &Request,
    model: &str,
    settings: &Settings,
    think: Option<Thinking>,
) -> Result<Bytes, Error> {
    let tools = offered(request)?;
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    for (at, message) in request.messages.iter().enumerate() {
        let before = request.messages.get(..at).unwrap_or_default();
        messages.push(message_of(message, before)?);
    }
    if let Some(nudge) = nudge(&request.tool_choice, &tools) {
        messages.push(system(nudge));
    }
    let options = &request.options;
    let kept = original::kept(request)?;
    let is_prompt = original::is_prompt(request);
    let body = Body {
        model,
        images: if is_prompt {
            messages.pop().map(|question| question.images).unwrap_or_default()
        } else {
            Vec::new()
        },
        messages: (!is_prompt).then_some(messages),
        tools: tools.into_iter().map(tool).collect(),
        stream: true,
        format: options.response_format.as_ref().map(|format| match format {
            ResponseFormat::JsonObject => Cow::Owned(Value::from("json")),
            ResponseFormat::JsonSchema { schema, .. } => Cow::Borrowed(schema),
        }),
        keep_alive: settings.keep_alive.as_ref(),
        think,
        logprobs: options.logprobs.map(|_| true),
        top_logprobs: options.logprobs.filter(|&others| others > 0),
        shift: settings.shift,
        truncate: settings.truncate,
        options: Options {
            num_ctx: settings.num_ctx,
            num_predict: options
                .max_tokens
                .map(i64::from)
                .or(settings.num_predict.map(i64::from)),
            temperature: options.temperature,
            top_p: options.top_p,
            presence_penalty: options.presence_penalty,
            frequency_penalty: options.frequency_penalty,
            seed: options.seed,
            stop: &options.stop,
            kept: kept.options,
        },
        kept: kept.fields,
    };
    serde_json::to_vec(&body).map(Bytes::from).map_err(|error| {
        Error::new(
            Class::ClientFault,
            format!("the request cannot be written as JSON: {error}"),
        )
    })
}

/// The tools that the request's `tool_choice` leaves. Ollama does not know `tool_choice`, so it is kept here and in
/// the reading of the answer.
fn offered(request: &Request) -> Result<Vec<&ToolSpec>, Error> {
    match &request.tool_choice {
        ToolChoice::None => Ok(Vec::new()),
        ToolChoice::Auto | ToolChoice::Required => Ok(request.tools.iter().collect()),
        ToolChoice::Named(name) => match request.tools.iter().find(|tool| tool.name == *name) {
            Some(tool) => Ok(vec![tool]),
            None => Err(Error::new(
                Class::ClientFault,
                format!("tool_choice names `{name}`, which is not among the tools"),
            )),
        },
    }
}

fn nudge(choice: &ToolChoice, tools: &[&ToolSpec]) -> Option<String> {
    match (choice, tools) {
        (ToolChoice::Named(_), [tool]) => Some(format!("Answer by calling the tool `{}`.", tool.name)),
        (ToolChoice::Required, [_, ..]) => Some("Answer by calling one of the tools.".into()),
        (ToolChoice::Auto | ToolChoice::None | ToolChoice::Named(_) | ToolChoice::Required, _) => None,
    }
}

fn system<'a>(text: String) -> Message<'a> {
    Message {
        role: Role::System,
        content: text.into(),
        thinking: None,
        images: Vec::new(),
        tool_calls: Vec::new(),
        tool_name: None,
        tool_call_id: None,
    }
}

fn tool(spec: &ToolSpec) -> Tool<'_> {
    Tool {
        r#type: "function",
        function: Function {
            name: &spec.name,
            description: &spec.description,
            parameters: schema::simplified(&spec.parameters),
        },
    }
}

fn message_of<'a>(message: &'a chat::Message, before: &'a [chat::Message]) -> Result<Message<'a>, Error> {
    let mut images = Vec::new();
    for part in &message.content {
        match part {
            Part::Text(_) => {}
            Part::Image { url, .. } => images.push(base64_of(url)?),
            Part::Other(part) => {
                let kind = part["type"].as_str().unwrap_or("unknown");
                return Err(Error::new(Class::Capability, format!("Ollama takes no `{kind}` parts")));
            }
        }
    }
    let content = match message.content.as_slice() {
        [Part::Text(text)] => Cow::Borrowed(text.as_str()),
        _ => Cow::Owned(message.joined_text()),
    };
    let calls = message.tool_calls.iter().enumerate();
    Ok(Message {
        role: message.role,
        content,
        thinking: message.reasoning.as_deref(),
        images,
        tool_calls: calls.map(|(index, call)| tool_call(index, call)).collect(),
        tool_name: message.tool_call_id.as_deref().and_then(|id| name_of_call(id, before)),
        tool_call_id: message.tool_call_id.as_deref(),
    })
}

/// Ollama wants the bare base64 of an image and fetches nothing. Another target may be able to, hence a capability.
fn base64_of(url: &str) -> Result<&str, Error> {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    data.map(|(_, data)| data).ok_or_else(|| {
        Error::new(
            Class::Capability,
            "Ollama takes images only as data: URLs in base64, not as links",
        )
    })
}

/// Arguments are text in a request and an object for Ollama. The object is passed on byte for byte, so that the order
/// of its keys and its numbers survive; anything else is wrapped, because a bare string is refused.
fn tool_call(index: usize, call: &chat::ToolCall) -> ToolCall<'_> {
    let text = call.arguments.trim();
    let text = if text.is_empty() { "{}" } else { text };
    let object = text
        .starts_with('{')
        .then(|| RawValue::from_string(text.to_owned()).ok());
    let arguments = object.flatten().unwrap_or_else(|| {
        tracing::warn!(
            tool.name = call.name,
            "arguments of an earlier tool call are not a JSON object"
        );
        wrapped(text)
    });
    ToolCall {
        id: &call.id,
        function: CalledFunction {
            index,
            name: &call.name,
            arguments,
        },
    }
}

fn wrapped(text: &str) -> Box<RawValue> {
    let json = serde_json::json!({"_raw": text}).to_string();
    RawValue::from_string(json).unwrap_or_default()
}

/// The tool that the last call with this id called.
fn name_of_call<'a>(id: &str, before: &'a [chat::Message]) -> Option<&'a str> {
    let mut calls = before.iter().rev().flat_map(|message| message.tool_calls.iter().rev());
    calls.find(|call| call.id == id).map(|call| call.name.as_str())
}
