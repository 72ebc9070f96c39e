use std::collections::HashSet;

use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault;
use crate::chat::{Event, Finish, FinishReason, Request, ToolCallDelta, ToolChoice, Usage};
use crate::provider::{Class, Error};
use crate::providers::refusal::{MALFORMED_LIMIT, said_in};

/// How much text is held back while a tool call is demanded and has not come, in bytes.
const HELD_LIMIT: usize = 256 * 1024;

/// One line of the answer. Counters that are zero are left out by Ollama, so all are optional.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    content: Option<String>,
    thinking: Option<String>,
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

/// Turns the lines of one answer into events. A call may come in any line, the one that says `done` included.
pub(super) struct Reader {
    /// Ids of the conversation so far: a server that counts its calls from 0 in every answer must not repeat one.
    ids: HashSet<String>,
    calls: u32,
    malformed: u32,
    /// Text so far, while the request demands a tool call and none has come.
    held: Option<String>,
}

impl Reader {
    pub(super) fn new(request: &Request) -> Self {
        let calls = request.messages.iter().flat_map(|message| &message.tool_calls);
        let demands_call = match request.tool_choice {
            ToolChoice::Auto | ToolChoice::None => false,
            ToolChoice::Required | ToolChoice::Named(_) => !request.tools.is_empty(),
        };
        Self {
            ids: calls.map(|call| call.id.clone()).collect(),
            calls: 0,
            malformed: 0,
            held: demands_call.then(String::new),
        }
    }

    /// The events of one line, with [`Event::Finish`] as the last one of the answer.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<Vec<Event>, Error> {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            if line.trim_ascii_start().starts_with(b"<") {
                return Err(Error::new(
                    Class::Decode,
                    "answered with a web page, so it is not Ollama",
                ));
            }
            return self.skip().map(|()| Vec::new());
        };
        if let Some(error) = &line.error {
            return Err(fault::classify_line(
                &said_in(error).unwrap_or_else(|| error.to_string()),
            ));
        }
        let mut events = Vec::new();
        if let Some(message) = line.message {
            self.message(message, &mut events)?;
        }
        if line.done {
            events.push(Event::Finish(self.finish(
                line.done_reason.as_deref(),
                line.prompt_eval_count,
                line.eval_count,
            )?));
        }
        Ok(events)
    }

    /// Counts a line that cannot be read. A few are survived, because the rest of the answer is worth more.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        self.malformed += 1;
        if self.malformed > MALFORMED_LIMIT {
            return Err(Error::new(Class::Decode, "the answer is not Ollama's protocol"));
        }
        Ok(())
    }

    fn message(&mut self, message: Message<'_>, events: &mut Vec<Event>) -> Result<(), Error> {
        if let Some(thinking) = message.thinking.filter(|text| !text.is_empty()) {
            events.push(Event::Reasoning(thinking));
        }
        if let Some(text) = message.content.filter(|text| !text.is_empty()) {
            match &mut self.held {
                Some(held) if held.len() + text.len() > HELD_LIMIT => return Err(no_call()),
                Some(held) => held.push_str(&text),
                None => events.push(Event::Text(text)),
            }
        }
        for call in message.tool_calls.unwrap_or_default() {
            if let Some(held) = self.held.take().filter(|held| !held.is_empty()) {
                events.push(Event::Text(held));
            }
            events.push(Event::ToolCall(self.call(call)));
        }
        Ok(())
    }

    /// Ollama sends whole calls, and its own `index` is 0 for several of them.
    fn call(&mut self, call: ToolCall<'_>) -> ToolCallDelta {
        let index = self.calls;
        self.calls += 1;
        let offered = call.id.filter(|id| !id.is_empty() && !self.ids.contains(id));
        let id = offered.unwrap_or_else(|| format!("call_{}", Alphanumeric.sample_string(&mut rand::rng(), 24)));
        self.ids.insert(id.clone());
        ToolCallDelta {
            index,
            id: Some(id),
            name: Some(call.function.name),
            arguments: arguments(call.function.arguments),
        }
    }

    fn finish(&self, reason: Option<&str>, prompt: Option<u64>, completion: Option<u64>) -> Result<Finish, Error> {
        if self.held.is_some() {
            return Err(no_call());
        }
        let reason = match reason {
            Some("length") => FinishReason::Length,
            // `stop`, `load`, `unload`, or a version that does not say.
            Some(_) | None if self.calls > 0 => FinishReason::ToolCalls,
            Some(_) | None => FinishReason::Stop,
        };
        let counted = prompt.is_some() || completion.is_some();
        let usage = counted.then(|| Usage {
            prompt_tokens: prompt.unwrap_or(0),
            completion_tokens: completion.unwrap_or(0),
            ..Usage::default()
        });
        Ok(Finish {
            usage,
            ..Finish::because(reason)
        })
    }
}

fn no_call() -> Error {
    Error::new(Class::Capability, "answered in words although a tool call was demanded")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Message, Role, ToolCall as Call, ToolSpec};

    fn request(tool_choice: ToolChoice) -> Request {
        let assistant = Message {
            tool_calls: vec![Call {
                id: "call_0".into(),
                name: "f".into(),
                arguments: "{}".into(),
            }],
            ..Message::text(Role::Assistant, "")
        };
        Request {
            messages: vec![assistant],
            tools: vec![ToolSpec {
                name: "f".into(),
                description: String::new(),
                parameters: Value::Null,
                strict: None,
            }],
            tool_choice,
            ..Request::default()
        }
    }

    fn read(choice: ToolChoice, lines: &[&str]) -> Result<Vec<Event>, Error> {
        let mut reader = Reader::new(&request(choice));
        let mut events = Vec::new();
        for line in lines {
            events.extend(reader.read(line.as_bytes())?);
        }
        Ok(events)
    }

    fn check(lines: &[&str], expect: &[Event]) {
        assert_eq!(read(ToolChoice::Auto, lines).unwrap(), expect, "given {lines:?}");
    }

    fn text(text: &str) -> Event {
        Event::Text(text.into())
    }

    fn call(index: u32, id: &str, arguments: &str) -> Event {
        Event::ToolCall(ToolCallDelta {
            index,
            id: Some(id.into()),
            name: Some("f".into()),
            arguments: arguments.into(),
        })
    }

    fn finish(reason: FinishReason, usage: Option<(u64, u64)>) -> Event {
        Event::Finish(Finish {
            usage: usage.map(|(prompt_tokens, completion_tokens)| Usage {
                prompt_tokens,
                completion_tokens,
                ..Usage::default()
            }),
            ..Finish::because(reason)
        })
    }

    const CALL_A: &str = r#"{"message":{"content":"","tool_calls":[{"id":"a","function":{"index":0,"name":"f","arguments":{"z":1.0,"a":"é"}}}]},"done":false}"#;

    #[test]
    fn text_thinking_and_the_end() {
        check(
            &[
                r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
                r#"{"message":{"content":"caf\u00e9"},"done":false}"#,
                r#"{"message":{"content":"!"},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2,"total_duration":5}"#,
            ],
            &[
                Event::Reasoning("hm".into()),
                text("café"),
                text("!"),
                finish(FinishReason::Stop, Some((9, 2))),
            ],
        );
        check(
            &[r#"{"done":true,"done_reason":"length","eval_count":2}"#],
            &[finish(FinishReason::Length, Some((0, 2)))],
        );
        check(&[r#"{"done":true}"#], &[finish(FinishReason::Stop, None)]);
        check(
            &[r#"{"done":true,"done_reason":"load"}"#],
            &[finish(FinishReason::Stop, None)],
        );
    }

    #[test]
    fn calls_in_any_line_get_indexes_of_their_own() {
        let arguments = r#"{"z":1.0,"a":"é"}"#;
        check(
            &[CALL_A, r#"{"done":true,"done_reason":"stop"}"#],
            &[call(0, "a", arguments), finish(FinishReason::ToolCalls, None)],
        );
        check(
            &[
                CALL_A,
                r#"{"message":{"content":"","tool_calls":[{"id":"b","function":{"index":0,"name":"f","arguments":{}}},{"id":"c","function":{"name":"f"}}]},"done":true,"done_reason":"stop"}"#,
            ],
            &[
                call(0, "a", arguments),
                call(1, "b", "{}"),
                call(2, "c", "{}"),
                finish(FinishReason::ToolCalls, None),
            ],
        );
        check(
            &[
                r#"{"message":{"content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]},"done":true,"done_reason":"length"}"#,
            ],
            &[call(0, "a", r#"{"x":1}"#), finish(FinishReason::Length, None)],
        );
    }

    #[test]
    fn an_id_that_is_missing_or_taken_is_replaced() {
        let line = |id: &str| format!(r#"{{"message":{{"tool_calls":[{{"id":"{id}","function":{{"name":"f"}}}}]}}}}"#);
        let lines = [line(""), line("call_0"), line("new"), line("new")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let ids: Vec<String> = read(ToolChoice::Auto, &lines)
            .unwrap()
            .into_iter()
            .filter_map(|event| match event {
                Event::ToolCall(delta) => delta.id,
                _ => None,
            })
            .collect();
        let made = |id: &str| id.len() == 29 && id.starts_with("call_");
        assert_eq!(
            ids.iter().map(|id| made(id)).collect::<Vec<_>>(),
            [true, true, false, true]
        );
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn error_lines_and_pages_end_the_answer() {
        let check = |lines: &[&str], class: Class, says: &str| {
            assert_eq!(
                read(ToolChoice::Auto, lines),
                Err(Error::new(class, says)),
                "given {lines:?}"
            );
        };
        check(
            &[r#"{"error":"an error was encountered"}"#],
            Class::Upstream5xx,
            "an error was encountered",
        );
        check(
            &[CALL_A, r#"{"error":{"message":"server busy"}}"#],
            Class::Saturated,
            "server busy",
        );
        check(
            &["<html>"],
            Class::Decode,
            "answered with a web page, so it is not Ollama",
        );
        check(
            &["x", "{", "[]", "{\"done\":3}"],
            Class::Decode,
            "the answer is not Ollama's protocol",
        );
    }

    #[test]
    fn a_few_malformed_lines_are_survived() {
        let done = r#"{"done":true}"#;
        check(&["x", "{", r#"{"done":3}"#, done], &[finish(FinishReason::Stop, None)]);
    }

    #[test]
    fn a_demanded_call_must_come() {
        let says = r#"{"message":{"content":"Let me see."},"done":false}"#;
        let done = r#"{"done":true,"done_reason":"stop"}"#;
        let demanded = |lines: &[&str]| read(ToolChoice::Required, lines);
        assert_eq!(demanded(&[says, done]), Err(no_call()));
        assert_eq!(
            demanded(&[says, CALL_A, says, done]).unwrap(),
            [
                text("Let me see."),
                call(0, "a", r#"{"z":1.0,"a":"é"}"#),
                text("Let me see."),
                finish(FinishReason::ToolCalls, None),
            ]
        );
    }
}
