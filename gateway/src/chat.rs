//! The language that models are spoken to in: one request, a stream of events back.
//!
//! Everything inside Jarvis (agent, chain, command mode) uses these types. The wire forms of OpenAI and Ollama stay in
//! `http/wire` and in the provider folders.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::demands::{Demands, Origin};

/// What a model is asked. Shared by all attempts of one request, so it is never changed after it was built.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub messages: Vec<Message>,
    /// Tools the model may call. Empty means that it must answer in words.
    pub tools: Vec<ToolSpec>,
    pub tool_choice: ToolChoice,
    pub options: Options,
    /// Who asks. Set from the transport (socket address, key), never from the body.
    pub caller: Caller,
    /// The conversation that the caller named (`x-jarvis-conversation`), for providers that keep history.
    pub conversation: Option<String>,
    /// Where it came in, for the ledger, the metrics and the choice of limits.
    pub origin: Origin,
    /// What the caller allows and demands beside the words.
    pub demands: Demands,
    pub delivery: Delivery,
    /// The body as it came in, when it came over an API. A provider that speaks the same protocol forwards it with
    /// only the changed keys replaced, so that fields unknown to us survive.
    pub original: Option<Original>,
}

#[derive(Debug, Clone)]
pub struct Original {
    pub protocol: Protocol,
    pub body: Bytes,
    /// The caller asked for a usage chunk (`stream_options.include_usage`).
    pub include_usage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    OpenAiChat,
    /// Ollama's `/api/chat`.
    OllamaChat,
    /// Ollama's `/api/generate`: a prompt instead of messages. `Request::messages` holds it as a conversation for
    /// providers that only know those.
    OllamaGenerate,
}

/// How the caller is given the answer, which decides what the death of a target in its middle means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One of our own surfaces: it understands [`Event::Reset`] and replaces what it has shown.
    #[default]
    Resettable,
    /// The caller waits for the whole answer and has been given nothing before its end, so that another target just
    /// starts over.
    Whole,
    /// An API caller who reads along: what was sent cannot be taken back, so that the answer ends with an error.
    Live,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Part>,
    /// Thinking text of an assistant message of the turn in progress.
    pub reasoning: Option<String>,
    /// Calls made by an assistant message.
    pub tool_calls: Vec<ToolCall>,
    /// Which call a tool message answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            content: vec![Part::Text(text.into())],
            reasoning: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// The answer to one tool call; `result` is what the model reads.
    pub fn tool_result(call_id: impl Into<String>, result: &ToolResult) -> Self {
        Self {
            tool_call_id: Some(call_id.into()),
            ..Self::text(Role::Tool, result.to_json())
        }
    }

    /// All text parts, joined by newlines.
    pub fn joined_text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(Part::as_text).collect();
        texts.join("\n")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    /// A `data:` or `https:` URL, as in OpenAI's `image_url`.
    Image {
        url: String,
        /// How closely to look, as OpenAI's `detail` says it (`low`, `high`, ...). `None` leaves it to the server.
        detail: Option<String>,
    },
    /// A part we do not interpret (audio, file); only a provider of the same protocol can send it on.
    Other(Value),
}

impl Part {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } | Self::Other(_) => None,
        }
    }
}

/// A call that a model made. `arguments` is JSON text, as models produce it; it may be malformed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments object.
    pub parameters: Value,
    /// Whether the arguments must fit the schema exactly. Only some servers can promise that; `None` leaves it to them.
    pub strict: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    #[default]
    Auto,
    None,
    Required,
    Named(String),
}

/// Sampling and shape options; absent means that the provider's default holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Vec<String>,
    pub response_format: Option<ResponseFormat>,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Whether an answer may hold more than one call.
    pub parallel_tool_calls: Option<bool>,
    /// How many answers are wanted (`n`); `None` is one. Only a server of the same protocol gives more.
    pub answers: Option<u32>,
    /// The answer comes with the probability of each token, and with those of so many others in its place.
    pub logprobs: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    JsonObject,
    JsonSchema {
        name: String,
        schema: Value,
        /// As with [`ToolSpec::strict`].
        strict: Option<bool>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

/// One step of an answer. A successful stream is: `Served`, then deltas, then exactly one `Finish`, then the end.
/// A stream that ends without `Finish` was cut off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Which target answers. Sent by the chain before the first delta, and again before the words of a target that goes
    /// on with what another one began; a bare provider does not send it.
    Served(Served),
    Text(String),
    Reasoning(String),
    /// The tokens of the text that follows or of the text before, as `OpenAI` and Ollama both write them: `token`,
    /// `logprob`, `bytes`, `top_logprobs`. Only sent when [`Options::logprobs`] asks for it.
    Logprobs(Vec<Value>),
    /// A fragment of a call: the first of an index has `id` and `name`, later ones only more `arguments`.
    ToolCall(ToolCallDelta),
    /// One event of the upstream, byte for byte, for a caller that speaks the same protocol. Only sent when
    /// `Request::original` is set.
    Wire(WireChunk),
    /// Everything since `Served` is void: the target died and the next one starts over. Not sent to API callers who
    /// read along ([`Delivery::Live`]).
    Reset,
    Finish(Finish),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallDelta {
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireChunk {
    /// The JSON of one `data:` line, without the prefix and the line ends.
    #[serde(with = "crate::text_bytes")]
    pub data: Bytes,
    /// Holds content, thinking, a refusal or a tool call, so that the answer is committed with it.
    pub meaningful: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// `backend/model`.
    pub target: String,
    /// The model name as the upstream knows it.
    pub model: String,
    /// Targets asked so far, this one included.
    pub attempts: u32,
    /// Why earlier targets were left, in one short line each.
    pub left: Vec<Left>,
    /// Fields of the request that this target was not told; see [`Provider::dropped`](crate::provider::Provider::dropped).
    pub dropped: Vec<String>,
}

/// A target that was passed over or failed before this one answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub target: String,
    /// A sentence fragment for people: `connection refused`, `no answer within 6 s`.
    pub reason: String,
    pub class: crate::provider::Class,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    pub reason: FinishReason,
    pub usage: Option<Usage>,
    /// How long the server says that its steps took; empty where it says nothing.
    pub timings: Timings,
    /// The server read much less than it was sent, so that it dropped a part of the conversation. Set by the chain.
    pub truncated: bool,
    /// Ids of the approvals that something in the answer waits for. Only an agent has them.
    pub approvals: Vec<String>,
    /// What these types have no word for. Only kept for a caller who reads the protocol that it came in.
    pub more: Option<Box<More>>,
}

/// Fields of an answer that nothing here knows, by their names, each as the JSON that it came as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    pub answer: BTreeMap<String, Box<str>>,
    /// Those of the message in the answer.
    pub message: BTreeMap<String, Box<str>>,
}

impl More {
    /// Bytes of it, roughly.
    pub fn size(&self) -> usize {
        let fields = self.answer.iter().chain(&self.message);
        fields.map(|(name, json)| name.len() + json.len() + 64).sum()
    }
}

impl Finish {
    /// An end about which nothing else is known.
    pub fn because(reason: FinishReason) -> Self {
        Self {
            reason,
            usage: None,
            timings: Timings::default(),
            truncated: false,
            approvals: Vec::new(),
            more: None,
        }
    }
}

/// How long the steps of an answer took, as an Ollama reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Loading the model into memory.
    pub load: Option<Duration>,
    /// Reading the prompt, or what was not in the cache of it.
    pub prompt: Option<Duration>,
    /// Writing the answer.
    pub answer: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

/// Tokens as the upstream reported them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub cached_tokens: u64,
    pub reasoning_tokens: u64,
}

/// What a tool call came to, as the model and command mode read it. Its JSON is the content of the tool message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum ToolResult {
    /// `summary` is complete by itself, in Markdown, and is what command mode shows; `data` is for the model.
    Ok {
        summary: String,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        data: Value,
    },
    /// The call was made or refused by its own checks; the model can correct itself.
    Error {
        error: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        retry: bool,
    },
    /// Policy said no.
    Denied { reason: String },
    /// A person must approve first; nothing happened yet.
    Pending { approval: String, says: String },
    /// Cancelled while it ran, or its outcome is unknown.
    Interrupted { says: String },
    /// Never started, because the turn ended first.
    Skipped { says: String },
}

impl ToolResult {
    pub fn to_json(&self) -> String {
        // Serialising strings, bools and a `Value` cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A whole answer, gathered from a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub text: String,
    pub reasoning: String,
    pub tool_calls: Vec<ToolCall>,
    pub logprobs: Vec<Value>,
    pub finish: Finish,
    pub served: Option<Served>,
}

/// Gathers typed events into a [`Reply`]. Wire chunks are not understood here: ask without `Request::original`.
#[derive(Debug, Default)]
pub struct Gather {
    text: String,
    reasoning: String,
    calls: Vec<ToolCall>,
    logprobs: Vec<Value>,
    served: Option<Served>,
    length: usize,
}

/// What a call takes beside its arguments, roughly, so that calls without any have a bound too.
const CALL_BYTES: usize = 100;

impl Gather {
    /// Bytes of text, thinking and calls so far. Whoever gathers gives up when there are too many.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the reply when `event` was the last one.
    pub fn push(&mut self, event: Event) -> Option<Reply> {
        match event {
            Event::Served(served) => self.served = Some(served),
            Event::Text(text) => {
                self.length += text.len();
                self.text.push_str(&text);
            }
            Event::Reasoning(text) => {
                self.length += text.len();
                self.reasoning.push_str(&text);
            }
            Event::ToolCall(delta) => self.push_call(delta),
            Event::Logprobs(tokens) => self.logprobs.extend(tokens),
            Event::Wire(_) => {}
            Event::Reset => *self = Self::default(),
            Event::Finish(finish) => {
                let done = std::mem::take(self);
                return Some(Reply {
                    text: done.text,
                    reasoning: done.reasoning,
                    tool_calls: done.calls,
                    logprobs: done.logprobs,
                    finish,
                    served: done.served,
                });
            }
        }
        None
    }

    fn push_call(&mut self, delta: ToolCallDelta) {
        let index = delta.index as usize;
        // A provider that numbers calls with gaps must not make us allocate for the gap.
        if index > self.calls.len() {
            return;
        }
        self.length += delta.arguments.len();
        if index == self.calls.len() {
            self.length += CALL_BYTES;
            self.calls.push(ToolCall {
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
            });
        }
        let call = &mut self.calls[index];
        if let Some(id) = delta.id {
            call.id = id;
        }
        if let Some(name) = delta.name {
            call.name = name;
        }
        call.arguments.push_str(&delta.arguments);
    }
}

/// Parses the arguments of a call; a model that sends nothing means no arguments.
pub fn parse_arguments(arguments: &str) -> Result<Map<String, Value>, serde_json::Error> {
    if arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments)
}
