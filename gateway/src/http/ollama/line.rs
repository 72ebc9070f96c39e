//! The lines of an answer. A whole answer is the last line alone.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::chat::{Finish, FinishReason, More, ToolCall};
use crate::clock::Millis;
use crate::provider::{Class, Error};

/// Which route the answer is for. They differ in where the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Generate,
}

/// What one line says.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) text: &'a str,
    pub(super) thinking: &'a str,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) logprobs: &'a [Value],
    pub(super) end: Option<End>,
    /// What its server says beside.
    pub(super) more: Option<&'a More>,
}

/// Fields as they came.
type Raw<'a> = BTreeMap<&'a str, &'a RawValue>;

#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    logprobs: &'a [Value],
    done: bool,
    #[serde(flatten)]
    end: Option<End>,
    #[serde(flatten)]
    more: Raw<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(flatten)]
    more: Raw<'a>,
}

#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: &'a str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    index: usize,
    name: &'a str,
    arguments: &'a RawValue,
}

/// The counters of the last line, durations in nanoseconds. Ollama leaves zeros out, but some of its clients take
/// nothing of a line that lacks one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct End {
    done_reason: &'static str,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
    prompt_eval_duration: u64,
    eval_count: u64,
    eval_duration: u64,
}

/// When things happened as seen from here, for servers that do not say how long their steps took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    began: Instant,
    first: Option<Instant>,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            first: None,
        }
    }

    /// Something of the answer came.
    pub(super) fn came(&mut self) {
        if self.first.is_none() {
            self.first = Some(Instant::now());
        }
    }

    /// In nanoseconds.
    pub(super) fn elapsed(self) -> u64 {
        nanoseconds(self.began.elapsed())
    }

    pub(super) fn end(self, finish: &Finish) -> End {
        let now = Instant::now();
        // Of a whole answer it is not known when it began to come. Clients divide tokens by the time that writing took.
        let first = self.first.unwrap_or(self.began);
        let timings = finish.timings;
        let load = timings.load.unwrap_or_default();
        let prompt = timings
            .prompt
            .unwrap_or_else(|| first.duration_since(self.began).saturating_sub(load));
        let usage = finish.usage.unwrap_or_default();
        End {
            done_reason: match finish.reason {
                FinishReason::Stop | FinishReason::ToolCalls => "stop",
                FinishReason::Length => "length",
                FinishReason::ContentFilter => "content_filter",
            },
            total_duration: nanoseconds(now.duration_since(self.began)),
            load_duration: load.as_nanos().try_into().unwrap_or(u64::MAX),
            prompt_eval_count: usage.prompt_tokens,
            prompt_eval_duration: nanoseconds(prompt),
            eval_count: usage.completion_tokens,
            eval_duration: nanoseconds(timings.answer.unwrap_or_else(|| now.duration_since(first))),
        }
    }
}

/// At least one, because clients divide by it.
fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX).max(1)
}

impl Route {
    pub(super) fn write(self, model: &str, now: Millis, said: Said<'_>, out: &mut BytesMut) {
        let Said {
            text,
            thinking,
            calls,
            logprobs,
            end,
            more,
        } = said;
        let mut line = Line {
            model,
            created_at: timestamp(now),
            message: None,
            response: None,
            thinking: "",
            logprobs,
            done: end.is_some(),
            end,
            more: more.map(|more| raw(&more.answer)).unwrap_or_default(),
        };
        match self {
            Self::Chat => {
                line.message = Some(Message {
                    role: "assistant",
                    content: text,
                    thinking,
                    tool_calls: calls,
                    more: more.map(|more| raw(&more.message)).unwrap_or_default(),
                });
            }
            Self::Generate => (line.response, line.thinking) = (Some(text), thinking),
        }
        // Writing plain structures of text and numbers into memory cannot fail.
        drop(serde_json::to_writer((&mut *out).writer(), &line));
    }

    /// The answer to a question about residency.
    pub(super) fn loaded(self, model: &str, now: Millis, reason: &'static str) -> Value {
        let mut answer = serde_json::json!({"model": model, "created_at": timestamp(now)});
        match self {
            Self::Chat => answer["message"] = serde_json::json!({"role": "assistant", "content": ""}),
            Self::Generate => answer["response"] = "".into(),
        }
        answer["done"] = true.into();
        answer["done_reason"] = reason.into();
        answer
    }
}

fn raw(fields: &BTreeMap<String, Box<str>>) -> Raw<'_> {
    let value = |(name, json)| Some((name, serde_json::from_str(json).ok()?));
    let fields = fields.iter().map(|(name, json)| (name.as_str(), json.as_ref()));
    fields.filter_map(value).collect()
}

pub(super) fn timestamp(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

/// Calls as Ollama writes them, arguments being objects. A call of an answer that was cut short is left out when it is
/// not whole.
pub(super) fn calls<'a>(
    given: &'a [ToolCall],
    parsed: &'a [Option<Box<RawValue>>],
    reason: FinishReason,
) -> Result<Vec<Call<'a>>, Error> {
    let mut calls = Vec::with_capacity(given.len());
    for (call, arguments) in given.iter().zip(parsed) {
        match arguments {
            Some(arguments) => calls.push(Call {
                id: &call.id,
                function: Function {
                    index: calls.len(),
                    name: &call.name,
                    arguments,
                },
            }),
            None if reason == FinishReason::Length => {}
            None => {
                let message = format!("the arguments of the call of `{}` are not a JSON object", call.name);
                return Err(Error::new(Class::Decode, message));
            }
        }
    }
    Ok(calls)
}

/// The arguments of each call, if they are an object.
pub(super) fn objects(calls: &[ToolCall]) -> Vec<Option<Box<RawValue>>> {
    let object = |call: &ToolCall| {
        let text = call.arguments.trim();
        let text = if text.is_empty() { "{}" } else { text };
        text.starts_with('{')
            .then(|| RawValue::from_string(text.to_owned()).ok())?
    };
    calls.iter().map(object).collect()
}
