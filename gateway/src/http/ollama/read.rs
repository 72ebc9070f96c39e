//! Bodies of `/api/chat` and `/api/generate`, read into the chat vocabulary.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::{image, tool_ids};
use crate::chat::{
    Delivery, Message, Options, Original, Part, Protocol, ReasoningEffort, Request, ResponseFormat, Role, ToolCall,
};
use crate::http::wire::{BadRequest, Content, List, Tool, explain, text};

/// What somebody wants.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Answer {
        stream: bool,
        /// False when thinking was turned off: a model that thinks all the same is not quoted.
        shows_thinking: bool,
        request: Box<Request>,
    },
    /// To have the model in memory. Which models stay there is the configuration's to say, so nothing is done.
    Load,
    Unload,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Body {
    #[serde(alias = "name")]
    model: Option<String>,
    messages: Option<List<WireMessage>>,
    prompt: Option<String>,
    system: Option<String>,
    suffix: Option<String>,
    images: Option<List<String>>,
    stream: Option<bool>,
    format: Option<Value>,
    tools: Option<List<Tool>>,
    options: Option<WireOptions>,
    think: Option<Value>,
    keep_alive: Option<Value>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(expecting = "an object of options")]
struct WireOptions {
    num_predict: Option<Number>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    seed: Option<Number>,
    stop: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(List<String>),
}

#[derive(Deserialize)]
#[serde(expecting = "a message object")]
struct WireMessage {
    role: String,
    content: Option<Content>,
    thinking: Option<String>,
    images: Option<List<String>>,
    tool_calls: Option<List<WireCall>>,
    #[serde(alias = "name")]
    tool_name: Option<String>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "a tool call object")]
struct WireCall {
    id: Option<String>,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    arguments: Option<Box<RawValue>>,
}

pub(super) fn chat(body: Bytes) -> Result<Asked, BadRequest> {
    let mut wire = parse(&body)?;
    let model = model_of(&mut wire)?;
    let messages = messages_of(wire.messages.take().unwrap_or_default().0)?;
    if messages.is_empty() {
        let what = load_or_unload(wire.keep_alive.as_ref());
        return Ok(Asked { model, what });
    }
    let what = answer(wire, messages, Protocol::OllamaChat, body)?;
    Ok(Asked { model, what })
}

pub(super) fn generate(body: Bytes) -> Result<Asked, BadRequest> {
    let mut wire = parse(&body)?;
    let model = model_of(&mut wire)?;
    let prompt = wire.prompt.take().unwrap_or_default();
    let images = wire.images.take().unwrap_or_default().0;
    let suffix = wire.suffix.as_deref().unwrap_or_default();
    if prompt.is_empty() && images.is_empty() && suffix.is_empty() {
        let what = load_or_unload(wire.keep_alive.as_ref());
        return Ok(Asked { model, what });
    }
    let system = wire.system.take().filter(|system| !system.is_empty());
    let mut messages: Vec<Message> = system
        .map(|text| Message::text(Role::System, text))
        .into_iter()
        .collect();
    let mut question = Message::text(Role::User, prompt);
    question.content.extend(pictures(&images));
    messages.push(question);
    let what = answer(wire, messages, Protocol::OllamaGenerate, body)?;
    Ok(Asked { model, what })
}

#[cfg(feature = "test-support")]
pub(in crate::http) fn is_chat(body: Bytes) -> bool {
    chat(body).is_ok()
}

#[cfg(feature = "test-support")]
pub(in crate::http) fn is_generate(body: Bytes) -> bool {
    generate(body).is_ok()
}

fn parse(body: &Bytes) -> Result<Body, BadRequest> {
    // A list of the fields' values in order would do for the reader that is made for `Body`.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(BadRequest {
            message: "the body must be a JSON object".to_owned(),
            param: None,
        });
    }
    serde_json::from_str(text(body)?).map_err(|error| explain::<Body>(body, &error))
}

fn model_of(wire: &mut Body) -> Result<String, BadRequest> {
    wire.model
        .take()
        .filter(|model| !model.is_empty())
        .ok_or_else(|| BadRequest::new("model", "model is required"))
}

fn answer(wire: Body, messages: Vec<Message>, protocol: Protocol, body: Bytes) -> Result<What, BadRequest> {
    let stream = wire.stream.unwrap_or(true);
    let given = wire.options.unwrap_or_default();
    let think = wire.think.as_ref();
    let options = Options {
        // Zero and less mean "no limit of mine".
        max_tokens: given
            .num_predict
            .and_then(|limit| u32::try_from(whole(&limit)?).ok())
            .filter(|&limit| limit > 0),
        temperature: given.temperature,
        top_p: given.top_p,
        presence_penalty: given.presence_penalty,
        frequency_penalty: given.frequency_penalty,
        seed: given.seed.as_ref().and_then(whole),
        stop: match given.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop],
            Some(OneOrMany::Many(stops)) => stops.0,
        },
        response_format: response_format(wire.format)?,
        reasoning_effort: effort(think)?,
        logprobs: wire
            .logprobs
            .unwrap_or_default()
            .then_some(wire.top_logprobs.unwrap_or_default()),
        ..Options::default()
    };
    let tools = wire.tools.unwrap_or_default().0.into_iter();
    let request = Request {
        messages,
        tools: tools.filter_map(Tool::into_spec).collect(),
        options,
        original: Some(Original {
            protocol,
            body,
            include_usage: true,
        }),
        delivery: if stream { Delivery::Live } else { Delivery::Whole },
        ..Request::default()
    };
    Ok(What::Answer {
        stream,
        shows_thinking: think != Some(&Value::Bool(false)),
        request: Box::new(request),
    })
}

/// Forms send whole numbers as `128.0`, and Ollama takes them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from f64 saturates, and what is behind the point is not asked for"
)]
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| Some(number.as_f64()? as i64))
}

/// A question without words is about residency: with `keep_alive` 0 the model may go, else it should come.
fn load_or_unload(keep_alive: Option<&Value>) -> What {
    let is_zero = match keep_alive {
        Some(Value::Number(seconds)) => seconds.as_f64() == Some(0.0),
        Some(Value::String(text)) => {
            let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            number.parse() == Ok(0.0)
        }
        _ => false,
    };
    if is_zero { What::Unload } else { What::Load }
}

fn messages_of(wire: Vec<WireMessage>) -> Result<Vec<Message>, BadRequest> {
    let mut named = Vec::with_capacity(wire.len());
    let mut messages = Vec::with_capacity(wire.len());
    for (at, message) in wire.into_iter().enumerate() {
        let role = role_of(&message.role).ok_or_else(|| {
            let message = format!(
                "invalid role: {:?}, must be one of system, user, assistant, tool",
                message.role
            );
            BadRequest::new(&format!("messages[{at}].role"), message)
        })?;
        let mut content = message.content.map(|content| content.0).unwrap_or_default();
        content.extend(pictures(&message.images.unwrap_or_default().0));
        let calls = message.tool_calls.unwrap_or_default().0.into_iter();
        named.push(message.tool_name);
        messages.push(Message {
            role,
            content,
            reasoning: message.thinking.filter(|text| !text.is_empty()),
            tool_calls: calls.map(tool_call).collect(),
            tool_call_id: message.tool_call_id.filter(|id| !id.is_empty()),
        });
    }
    tool_ids::fill_in(&mut messages, &named);
    Ok(messages)
}

fn role_of(word: &str) -> Option<Role> {
    match word.to_ascii_lowercase().as_str() {
        "system" | "developer" => Some(Role::System),
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        "tool" => Some(Role::Tool),
        _ => None,
    }
}

fn pictures(images: &[String]) -> impl Iterator<Item = Part> {
    images.iter().map(|image| Part::Image {
        url: image::url_of(image),
        detail: None,
    })
}

/// The object as it is written; some clients send it as text.
fn tool_call(call: WireCall) -> ToolCall {
    let raw = call.function.arguments.as_deref().map_or("", RawValue::get);
    let arguments = match serde_json::from_str::<String>(raw) {
        Ok(text) => text,
        Err(_) if raw == "null" => String::new(),
        Err(_) => raw.to_owned(),
    };
    ToolCall {
        id: call.id.unwrap_or_default(),
        name: call.function.name,
        arguments,
    }
}

fn response_format(format: Option<Value>) -> Result<Option<ResponseFormat>, BadRequest> {
    match format {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if word.is_empty() => Ok(None),
        Some(Value::String(word)) if word == "json" => Ok(Some(ResponseFormat::JsonObject)),
        Some(schema @ Value::Object(_)) => Ok(Some(ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema,
            strict: None,
        })),
        Some(other) => Err(BadRequest::new(
            "format",
            format!("invalid format: {other}; expected \"json\" or a valid JSON Schema object"),
        )),
    }
}

/// Levels are understood everywhere. Yes and no are not: there is no word for them that every model of `OpenAI`'s takes,
/// so only a server that speaks Ollama's language is told.
fn effort(think: Option<&Value>) -> Result<Option<ReasoningEffort>, BadRequest> {
    match think {
        None | Some(Value::Null | Value::Bool(_)) => Ok(None),
        Some(Value::String(level)) => match level.as_str() {
            "low" => Ok(Some(ReasoningEffort::Low)),
            "medium" => Ok(Some(ReasoningEffort::Medium)),
            "high" => Ok(Some(ReasoningEffort::High)),
            "max" => Ok(Some(ReasoningEffort::Xhigh)),
            "" => Ok(None),
            _ => Err(no_such_thinking(level)),
        },
        Some(other) => Err(no_such_thinking(&other.to_string())),
    }
}

fn no_such_thinking(given: &str) -> BadRequest {
    let message =
        format!("invalid think value: {given:?} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)");
    BadRequest::new("think", message)
}
