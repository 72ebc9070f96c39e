use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault;
use super::original;
use super::pattern::Pattern;
use super::unknown::Unknown;
use crate::chat::{Delivery, Event, Finish, FinishReason, Request, Timings, ToolCallDelta, ToolSpec, Usage, WireChunk};
use crate::provider::{Class, Error};
use crate::providers::refusal::{MALFORMED_LIMIT, said_in};
use crate::strict;

/// One line of the answer, borrowed from it. Counters that are zero are left out by Ollama, so all are optional.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    /// `/api/generate` has its text here.
    #[serde(borrow)]
    response: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(default)]
    done: bool,
    #[serde(borrow)]
    done_reason: Option<Text<'a>>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    load_duration: Option<u64>,
    prompt_eval_duration: Option<u64>,
    eval_duration: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    id: Option<String>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Text without escapes is borrowed; inside an `Option` only a type of its own is.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Turns the lines of one answer into events. A call may come in any line, the one that says `done` included.
pub(super) struct Reader {
    /// Ids of the conversation so far: a server that counts its calls from 0 in every answer must not repeat one.
    ids: HashSet<String>,
    calls: u32,
    malformed: u32,
    /// The caller reads this protocol, and is given the lines as they are.
    is_wire: bool,
    /// An answer holds one call at most, which Ollama cannot be told.
    only_one: bool,
    /// Tools whose arguments must fit their schema, which Ollama does not promise.
    strict: Vec<ToolSpec>,
    wants_logprobs: bool,
    /// For a caller who reads this protocol, and is given an answer that is written anew.
    unknown: Option<Unknown>,
    /// Of the last line that held nothing but more of the answer's text, or of its thinking.
    pattern: Option<Pattern>,
}

impl Reader {
    pub(super) fn new(request: &Request) -> Self {
        let calls = request.messages.iter().flat_map(|message| &message.tool_calls);
        // Calls need ids and indexes that Ollama does not give, so that an answer which may hold calls is written anew.
        let is_ours = original::is_ours(request);
        let is_wire = is_ours && request.delivery == Delivery::Live && request.tools.is_empty();
        Self {
            ids: calls.map(|call| call.id.clone()).collect(),
            calls: 0,
            malformed: 0,
            is_wire,
            only_one: request.options.parallel_tool_calls == Some(false),
            strict: request
                .tools
                .iter()
                .filter(|tool| tool.strict == Some(true))
                .cloned()
                .collect(),
            wants_logprobs: request.options.logprobs.is_some(),
            unknown: (is_ours && !is_wire).then(Unknown::default),
            pattern: None,
        }
    }

    /// Adds the events of one line, with [`Event::Finish`] as the last one of the answer.
    pub(super) fn read(&mut self, json: &Bytes, events: &mut Vec<Event>) -> Result<(), Error> {
        if let Some(pattern) = &self.pattern
            && let Some(text) = pattern.text(json)
        {
            let is_thinking = pattern.is_thinking;
            self.more(text, is_thinking, json, events);
            return Ok(());
        }
        // The decoder only lets UTF-8 through.
        let text = std::str::from_utf8(json).unwrap_or_default();
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else {
            if text.trim_start().starts_with('<') {
                return Err(Error::new(
                    Class::Decode,
                    "answered with a web page, so it is not Ollama",
                ));
            }
            return self.skip();
        };
        if let Some(error) = &line.error {
            return Err(fault::classify_line(
                &said_in(error).unwrap_or_else(|| error.to_string()),
            ));
        }
        if let Some((time, said, is_thinking)) = line.only_text() {
            self.pattern = Pattern::new(text, time, said, is_thinking);
        }
        if self.is_wire {
            events.push(Event::Wire(WireChunk {
                data: Bytes::clone(json),
                meaningful: line.is_meaningful(),
            }));
        } else {
            self.say(&line, events)?;
            if let Some(unknown) = &mut self.unknown {
                unknown.see(text)?;
            }
        }
        if line.done {
            events.push(Event::Finish(self.finish(&line)));
        }
        Ok(())
    }

    /// Counts a line that cannot be read. A few are survived, because the rest of the answer is worth more.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        self.malformed += 1;
        if self.malformed > MALFORMED_LIMIT {
            return Err(Error::new(Class::Decode, "the answer is not Ollama's protocol"));
        }
        Ok(())
    }

    fn say(&mut self, line: &Line<'_>, events: &mut Vec<Event>) -> Result<(), Error> {
        if let Some(thinking) = line.thinking() {
            events.push(Event::Reasoning(thinking.to_owned()));
        }
        if let Some(tokens) = line.logprobs.filter(|_| self.wants_logprobs) {
            let tokens: Option<Vec<Value>> = serde_json::from_str(tokens.get()).ok();
            events.extend(tokens.filter(|tokens| !tokens.is_empty()).map(Event::Logprobs));
        }
        if let Some(text) = line.text() {
            events.push(Event::Text(text.to_owned()));
        }
        for call in line.calls() {
            if self.only_one && self.calls > 0 {
                break;
            }
            events.push(Event::ToolCall(self.call(call)?));
        }
        Ok(())
    }

    /// A line that is known to hold nothing but text.
    fn more(&self, text: &str, is_thinking: bool, json: &Bytes, events: &mut Vec<Event>) {
        if self.is_wire {
            events.push(Event::Wire(WireChunk {
                data: Bytes::clone(json),
                meaningful: !text.is_empty(),
            }));
            return;
        }
        match (text.is_empty(), is_thinking) {
            (true, _) => {}
            (false, true) => events.push(Event::Reasoning(text.to_owned())),
            (false, false) => events.push(Event::Text(text.to_owned())),
        }
    }

    /// Ollama sends whole calls, and its own `index` is 0 for several of them.
    fn call(&mut self, call: &ToolCall<'_>) -> Result<ToolCallDelta, Error> {
        let arguments = self.fitted(&call.function)?;
        let index = self.calls;
        self.calls += 1;
        let offered = call.id.as_ref().filter(|id| !id.is_empty() && !self.ids.contains(*id));
        let id = match offered {
            Some(id) => id.clone(),
            None => format!("call_{}", Alphanumeric.sample_string(&mut rand::rng(), 24)),
        };
        self.ids.insert(id.clone());
        Ok(ToolCallDelta {
            index,
            id: Some(id),
            name: Some(call.function.name.clone()),
            arguments,
        })
    }

    fn fitted(&self, function: &Function<'_>) -> Result<String, Error> {
        let given = arguments(function.arguments);
        match self.strict.iter().find(|tool| tool.name == function.name) {
            Some(tool) => strict::call(tool, &given),
            None => Ok(given),
        }
    }

    fn finish(&mut self, line: &Line<'_>) -> Finish {
        let reason = match line.done_reason.as_ref().map(|reason| reason.0.as_ref()) {
            Some("length") => FinishReason::Length,
            // `stop`, `load`, `unload`, or a version that does not say.
            Some(_) | None if self.calls > 0 => FinishReason::ToolCalls,
            Some(_) | None => FinishReason::Stop,
        };
        let counted = line.prompt_eval_count.is_some() || line.eval_count.is_some();
        let usage = counted.then(|| Usage {
            prompt_tokens: line.prompt_eval_count.unwrap_or(0),
            completion_tokens: line.eval_count.unwrap_or(0),
            ..Usage::default()
        });
        let timings = Timings {
            load: line.load_duration.map(Duration::from_nanos),
            prompt: line.prompt_eval_duration.map(Duration::from_nanos),
            answer: line.eval_duration.map(Duration::from_nanos),
        };
        Finish {
            usage,
            timings,
            more: self.unknown.take().and_then(Unknown::into_more),
            ..Finish::because(reason)
        }
    }
}

impl Line<'_> {
    fn text(&self) -> Option<&str> {
        let of_message = self.message.as_ref().and_then(|message| message.content.as_ref());
        non_empty(of_message.or(self.response.as_ref()))
    }

    fn thinking(&self) -> Option<&str> {
        let of_message = self.message.as_ref().and_then(|message| message.thinking.as_ref());
        non_empty(of_message.or(self.thinking.as_ref()))
    }

    fn calls(&self) -> &[ToolCall<'_>] {
        let calls = self.message.as_ref().and_then(|message| message.tool_calls.as_deref());
        calls.unwrap_or_default()
    }

    /// The time and the text of a line that is not the last and holds nothing else of meaning, and whether it is thinking.
    fn only_text(&self) -> Option<(&str, &str, bool)> {
        let Text(Cow::Borrowed(time)) = self.created_at.as_ref()? else {
            return None;
        };
        let message = self.message.as_ref()?;
        let more = self.done || self.logprobs.is_some() || message.tool_calls.is_some();
        match (&message.content, &message.thinking) {
            _ if more => None,
            (Some(Text(Cow::Borrowed(text))), None) => Some((time, text, false)),
            (Some(Text(content)), Some(Text(Cow::Borrowed(text)))) if content.is_empty() => Some((time, text, true)),
            _ => None,
        }
    }

    fn is_meaningful(&self) -> bool {
        self.text().is_some() || self.thinking().is_some() || !self.calls().is_empty()
    }
}

fn non_empty<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|text| text.0.as_ref()).filter(|text| !text.is_empty())
}

/// The object as text, byte for byte, so that the order of its keys and its numbers survive.
fn arguments(given: Option<&RawValue>) -> String {
    let text = given.map_or("null", RawValue::get);
    if text == "null" {
        return "{}".into();
    }
    // Some versions and imitations send the object as a string.
    serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned())
}
