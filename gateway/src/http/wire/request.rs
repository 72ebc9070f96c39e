//! A request body, read into the chat vocabulary.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::list::{List, MOST, TooMany};
use super::tools::{self, Tool};
use crate::chat::{
    Delivery, Message, Options, Original, Part, Protocol, ReasoningEffort, Request, ResponseFormat, Role, ToolCall,
};

/// A request, and what about it only the answer's form depends on.
#[derive(Debug)]
pub(in crate::http) struct Asked {
    pub(in crate::http) model: String,
    pub(in crate::http) stream: bool,
    pub(in crate::http) include_usage: bool,
    /// How many answers are wanted. Only a server of the same protocol can give more than one.
    pub(in crate::http) answers: u32,
    /// Its caller and conversation are not in the body, and are filled in by whoever knows them.
    pub(in crate::http) request: Request,
}

/// What is wrong with a body, in words, and the field that it is about.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::http) struct BadRequest {
    pub(in crate::http) message: String,
    pub(in crate::http) param: Option<String>,
}

/// Reads a body. Fields that are not known here stay in [`Request::original`].
pub(in crate::http) fn parse(body: Bytes) -> Result<Asked, BadRequest> {
    // A list of the fields' values in order would do for the reader that is made for `WireRequest`.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(BadRequest {
            message: "the body must be a JSON object".to_owned(),
            param: None,
        });
    }
    let wire: WireRequest = match serde_json::from_str(text(&body)?) {
        Ok(wire) => wire,
        Err(error) => return Err(explain::<WireRequest>(&body, &error)),
    };
    let model = wire.model.ok_or_else(|| missing("model"))?;
    let messages = wire.messages.ok_or_else(|| missing("messages"))?.0;
    if messages.is_empty() {
        return Err(BadRequest::new("messages", "`messages` must not be empty"));
    }
    let tools = wire.tools.unwrap_or_default().0;
    if tools.iter().any(|tool| !tool.is_whole()) {
        return Err(BadRequest::new(
            "tools",
            "a tool of the type function needs `function` with a `name`",
        ));
    }
    let stream = wire.stream.unwrap_or_default();
    let include_usage = !stream
        || wire
            .stream_options
            .and_then(|options| options.include_usage)
            .unwrap_or_default();
    let options = Options {
        max_tokens: wire.max_completion_tokens.or(wire.max_tokens),
        temperature: wire.temperature,
        top_p: wire.top_p,
        presence_penalty: wire.presence_penalty,
        frequency_penalty: wire.frequency_penalty,
        seed: wire.seed,
        stop: wire.stop.map(OneOrMany::into_vec).unwrap_or_default(),
        response_format: wire.response_format.as_ref().and_then(response_format),
        reasoning_effort: wire.reasoning_effort.as_deref().and_then(reasoning_effort),
        parallel_tool_calls: wire.parallel_tool_calls,
        answers: wire.n,
        logprobs: wire
            .logprobs
            .unwrap_or_default()
            .then_some(wire.top_logprobs.unwrap_or_default()),
    };
    let request = Request {
        messages: messages.into_iter().map(WireMessage::into_message).collect(),
        tools: tools.into_iter().filter_map(Tool::into_spec).collect(),
        tool_choice: tools::choice(wire.tool_choice.as_ref())?,
        options,
        original: Some(Original {
            protocol: Protocol::OpenAiChat,
            body,
            include_usage,
        }),
        delivery: if stream { Delivery::Live } else { Delivery::Whole },
        ..Request::default()
    };
    Ok(Asked {
        model,
        stream,
        include_usage,
        answers: wire.n.unwrap_or(1),
        request,
    })
}

impl BadRequest {
    pub(in crate::http) fn new(param: &str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }
}

fn missing(field: &str) -> BadRequest {
    BadRequest::new(field, format!("`{field}` is missing"))
}

/// The body as text. JSON's reader does not look into the strings of fields that nobody asks for, and they are sent on.
pub(in crate::http) fn text(body: &[u8]) -> Result<&str, BadRequest> {
    std::str::from_utf8(body).map_err(|error| BadRequest {
        message: format!("the body is not valid JSON: byte {} is not UTF-8", error.valid_up_to()),
        param: None,
    })
}

/// How JSON's reader calls what is nested more than 128 levels deep.
const TOO_DEEP: &str = "recursion limit exceeded";

/// Names the place: line and column of what is no JSON, the field of what has the wrong type. Finding the field needs
/// a second, slower reading.
pub(in crate::http) fn explain<'a, T: Deserialize<'a>>(body: &'a [u8], error: &serde_json::Error) -> BadRequest {
    let is_deep = error.to_string().starts_with(TOO_DEEP);
    if !error.is_data() && !is_deep {
        return BadRequest {
            message: format!("the body is not valid JSON: {error}"),
            param: None,
        };
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => error.path().to_string(),
        Ok(_) => String::new(),
    };
    let param = (!path.is_empty() && path != ".").then_some(path);
    if is_deep {
        let place = param
            .as_ref()
            .map_or("the body".to_owned(), |param| format!("`{param}`"));
        return BadRequest {
            message: format!("{place} is nested more than 128 levels deep"),
            param,
        };
    }
    BadRequest {
        message: match &param {
            Some(param) => format!("`{param}`: {error}"),
            None => format!("the body does not fit: {error}"),
        },
        param,
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireRequest {
    model: Option<String>,
    messages: Option<List<WireMessage>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    tools: Option<List<Tool>>,
    tool_choice: Option<Value>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    response_format: Option<Value>,
    reasoning_effort: Option<String>,
    parallel_tool_calls: Option<bool>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    n: Option<u32>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[serde(expecting = "a message object")]
struct WireMessage {
    role: WireRole,
    content: Option<Content>,
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
    tool_calls: Option<List<WireToolCall>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Deserialize)]
struct WireToolCall {
    #[serde(default)]
    id: String,
    function: Option<WireFunctionCall>,
}

#[derive(Deserialize)]
struct WireFunctionCall {
    name: String,
    #[serde(default)]
    arguments: String,
}

impl WireMessage {
    fn into_message(self) -> Message {
        let role = match self.role {
            WireRole::System | WireRole::Developer => Role::System,
            WireRole::User => Role::User,
            WireRole::Assistant => Role::Assistant,
            WireRole::Tool | WireRole::Function => Role::Tool,
        };
        let calls = self.tool_calls.unwrap_or_default().0.into_iter();
        let calls = calls.filter_map(|call| {
            let function = call.function?;
            Some(ToolCall {
                id: call.id,
                name: function.name,
                arguments: function.arguments,
            })
        });
        Message {
            role,
            content: self.content.map(|content| content.0).unwrap_or_default(),
            reasoning: self.reasoning_content,
            tool_calls: calls.collect(),
            tool_call_id: self.tool_call_id,
        }
    }
}

/// Text, or a list of parts.
pub(in crate::http) struct Content(pub(in crate::http) Vec<Part>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text or a list of parts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content(vec![Part::Text(text.to_owned())]))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
        Ok(Content(vec![Part::Text(text)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let mut content = Vec::new();
        while let Some(value) = parts.next_element::<Value>()? {
            if content.len() == MOST {
                return Err(de::Error::custom(TooMany));
            }
            content.push(part(value)?);
        }
        Ok(Content(content))
    }
}

fn part<E: de::Error>(value: Value) -> Result<Part, E> {
    match value["type"].as_str() {
        Some("text") => {
            let text = value["text"].as_str();
            text.map(|text| Part::Text(text.to_owned()))
                .ok_or_else(|| E::custom("a part of type text needs `text`"))
        }
        Some("image_url") => {
            let url = value["image_url"]["url"].as_str();
            let detail = value["image_url"]["detail"].as_str();
            url.map(|url| Part::Image {
                url: url.to_owned(),
                detail: detail.filter(|detail| *detail != "auto").map(str::to_owned),
            })
            .ok_or_else(|| E::custom("a part of type image_url needs `image_url.url`"))
        }
        Some(_) => Ok(Part::Other(value)),
        None => Err(E::custom("a part needs a `type`")),
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a list of texts")]
pub(super) enum OneOrMany {
    One(String),
    Many(List<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many.0,
        }
    }
}

fn response_format(value: &Value) -> Option<ResponseFormat> {
    match value["type"].as_str()? {
        "json_object" => Some(ResponseFormat::JsonObject),
        "json_schema" => Some(ResponseFormat::JsonSchema {
            name: value["json_schema"]["name"].as_str().unwrap_or("answer").to_owned(),
            schema: value["json_schema"]["schema"].clone(),
            strict: value["json_schema"]["strict"].as_bool(),
        }),
        _ => None,
    }
}

/// A level that is not known is the server's to judge, which gets the body as it is.
fn reasoning_effort(level: &str) -> Option<ReasoningEffort> {
    serde_json::from_value(Value::from(level)).ok()
}
