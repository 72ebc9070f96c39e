use std::collections::BTreeSet;

use bytes::Bytes;

use super::chunk::{Choice, Chunk};
use super::fault;
use super::steady::Steady;
use super::tool_calls::ToolCalls;
use crate::chat::{Event, Finish, FinishReason, Usage, WireChunk};
use crate::provider::{Class, Error};
use crate::providers::refusal::{MALFORMED_LIMIT, is_html};
use crate::upstream::{Pattern, sse};

/// Turns the server-sent events of one answer into ours, and knows when the answer is complete.
pub(super) struct Reader {
    form: Form,
    /// How many answers were asked for (`n`), and which of them have ended.
    choices: u32,
    ended: BTreeSet<u32>,
    reason: Option<FinishReason>,
    usage: Option<Usage>,
    done: bool,
    malformed: u32,
    /// Of the last chunk that held nothing but more of the answer's text.
    pattern: Option<Pattern>,
}

/// How the answer is passed on.
enum Form {
    /// Byte for byte, but for what has to be the same in all chunks. The usage at the end was asked for by us, and is kept back unless the caller asked too.
    Wire {
        include_usage: bool,
        steady: Steady,
    },
    Typed(ToolCalls),
}

impl Reader {
    /// For a caller who speaks this protocol and asked for `choices` answers.
    pub(super) fn wire(choices: u32, include_usage: bool) -> Self {
        let steady = Steady::default();
        Self::new(Form::Wire { include_usage, steady }, choices)
    }

    pub(super) fn typed() -> Self {
        Self::new(Form::Typed(ToolCalls::default()), 1)
    }

    fn new(form: Form, choices: u32) -> Self {
        Self {
            form,
            choices,
            ended: BTreeSet::new(),
            reason: None,
            usage: None,
            done: false,
            malformed: 0,
            pattern: None,
        }
    }

    /// Adds what one event of the server holds to `events`.
    pub(super) fn read(&mut self, event: &sse::Event, events: &mut Vec<Event>) -> Result<(), Error> {
        if event.name.is_none()
            && let Some(text) = self.pattern.as_ref().and_then(|pattern| pattern.text(&event.data))
        {
            events.extend(self.form.more_text(text, &event.data));
            return Ok(());
        }
        if event.data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        // The decoder only lets UTF-8 through.
        let data = std::str::from_utf8(&event.data).unwrap_or_default();
        let Ok(chunk) = Chunk::read(data) else {
            if is_html(data) {
                return Err(Error::new(
                    Class::Decode,
                    "answered with a web page instead of a stream",
                ));
            }
            return self.skip();
        };
        if chunk.error.is_some() || event.name.as_deref() == Some(b"error") {
            return Err(fault::classify_event(data));
        }
        let mended = match &mut self.form {
            Form::Wire { steady, .. } => steady.mended(&event.data, &chunk),
            Form::Typed(_) => None,
        };
        // What follows a pattern is passed on as it is.
        if let (Some(text), None) = (chunk.only_text(), &mended) {
            self.pattern = Pattern::new(&event.data, text);
        }
        if let Some(usage) = chunk.usage() {
            self.usage = Some(usage);
        }
        for choice in chunk.choices() {
            self.note_end(choice)?;
        }
        self.done |= self.is_complete() && chunk.is_only_usage();
        match &mut self.form {
            Form::Wire {
                include_usage: false, ..
            } if chunk.is_only_usage() => {}
            Form::Wire { .. } => events.push(Event::Wire(WireChunk {
                data: mended.unwrap_or_else(|| Bytes::clone(&event.data)),
                meaningful: chunk.is_meaningful(),
            })),
            Form::Typed(calls) => {
                if !typed(calls, &chunk, events) {
                    return self.skip();
                }
            }
        }
        Ok(())
    }

    /// Counts an event that cannot be read. A few are survived, because the rest of the answer is worth more.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        self.malformed += 1;
        if self.malformed > MALFORMED_LIMIT {
            return Err(Error::new(
                Class::Decode,
                "the answer is not a stream of chat completion chunks",
            ));
        }
        Ok(())
    }

    /// Nothing more has to be read.
    pub(super) fn is_over(&self) -> bool {
        self.done
    }

    /// All answers have ended; only the usage may still come.
    pub(super) fn is_complete(&self) -> bool {
        self.choices > 0 && self.ended.len() >= self.choices as usize
    }

    /// The end mark, or `None` when the answer was cut off.
    pub(super) fn finish(self) -> Option<Finish> {
        if !self.is_complete() {
            return None;
        }
        let called = matches!(&self.form, Form::Typed(calls) if !calls.is_empty());
        let reason = match self.reason? {
            // Not every server says `tool_calls`.
            FinishReason::Stop if called => FinishReason::ToolCalls,
            reason @ (FinishReason::Stop
            | FinishReason::Length
            | FinishReason::ToolCalls
            | FinishReason::ContentFilter) => reason,
        };
        Some(Finish {
            usage: self.usage,
            ..Finish::because(reason)
        })
    }

    fn note_end(&mut self, choice: &Choice<'_>) -> Result<(), Error> {
        let Some(reason) = choice.finish_reason.as_deref() else {
            return Ok(());
        };
        let reason = match reason {
            "length" => FinishReason::Length,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            "error" => {
                return Err(Error::new(
                    Class::Upstream5xx,
                    "the server ended its answer with an error",
                ));
            }
            // `stop`, and words of single servers such as `eos`.
            _ => FinishReason::Stop,
        };
        if choice.index < self.choices {
            self.ended.insert(choice.index);
            self.reason.get_or_insert(reason);
        }
        Ok(())
    }
}

impl Form {
    /// A chunk that is known to hold nothing but text.
    fn more_text(&self, text: &str, data: &Bytes) -> Option<Event> {
        let meaningful = !text.is_empty();
        match self {
            Self::Wire { .. } => Some(Event::Wire(WireChunk {
                data: Bytes::clone(data),
                meaningful,
            })),
            Self::Typed(_) => meaningful.then(|| Event::Text(text.to_owned())),
        }
    }
}

/// Whether the tool calls of the chunk could be read. If not, nothing of it counts.
fn typed(calls: &mut ToolCalls, chunk: &Chunk<'_>, events: &mut Vec<Event>) -> bool {
    let first = chunk.choices().iter().find(|choice| choice.index == 0);
    let Some(delta) = first.and_then(|choice| choice.delta.as_ref()) else {
        return true;
    };
    let called = match delta.tool_calls.map(|list| calls.read(list)) {
        Some(Some(called)) => called,
        Some(None) => return false,
        None => Vec::new(),
    };
    let reasoning = delta.reasoning();
    if !reasoning.is_empty() {
        events.push(Event::Reasoning(reasoning));
    }
    let text = delta.text();
    if !text.is_empty() {
        events.push(Event::Text(text));
    }
    events.extend(called.into_iter().map(Event::ToolCall));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ToolCallDelta;

    fn event(data: &str) -> sse::Event {
        sse::Event {
            name: None,
            data: Bytes::copy_from_slice(data.as_bytes()),
        }
    }

    fn read(mut reader: Reader, events: &[&str]) -> Result<(Vec<Event>, Option<Finish>), Error> {
        let mut seen = Vec::new();
        for data in events {
            reader.read(&event(data), &mut seen)?;
        }
        Ok((seen, reader.finish()))
    }

    fn typed_check(given: &[&str], expect: &[Event], finish: Option<Finish>) {
        let seen = read(Reader::typed(), given).unwrap();
        assert_eq!(seen, (expect.to_vec(), finish), "given {given:?}");
    }

    fn ends(reason: FinishReason) -> Finish {
        Finish::because(reason)
    }

    fn wire(data: &str, meaningful: bool) -> Event {
        Event::Wire(WireChunk {
            data: Bytes::copy_from_slice(data.as_bytes()),
            meaningful,
        })
    }

    const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    const TEXT: &str = r#"{"choices":[{"index":0,"delta":{"content":"caf\u00e9"}}],"usage":null}"#;
    const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#;

    fn counted(reason: FinishReason) -> Finish {
        let usage = Usage {
            prompt_tokens: 9,
            completion_tokens: 3,
            cached_tokens: 4,
            reasoning_tokens: 2,
        };
        Finish {
            usage: Some(usage),
            ..Finish::because(reason)
        }
    }

    #[test]
    fn typed_answers() {
        let text = |text: &str| Event::Text(text.into());
        let thinks = |text: &str| Event::Reasoning(text.into());
        typed_check(
            &[ROLE, TEXT, STOP, USAGE, "[DONE]"],
            &[text("café")],
            Some(counted(FinishReason::Stop)),
        );
        typed_check(&[ROLE, TEXT, STOP], &[text("café")], Some(ends(FinishReason::Stop)));
        typed_check(&[ROLE, TEXT], &[text("café")], None);
        typed_check(&[ROLE, TEXT, "[DONE]"], &[text("café")], None);
        typed_check(
            &[
                r#"{"choices":[{"delta":{"reasoning_content":"a","reasoning":"a"}}]}"#,
                r#"{"choices":[{"delta":{"reasoning":"b","content":null}}]}"#,
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"c"}]}}]}"#,
                r#"{"choices":[{"delta":{"refusal":"no"},"finish_reason":"content_filter"}]}"#,
            ],
            &[thinks("a"), thinks("b"), text("c"), text("no")],
            Some(ends(FinishReason::ContentFilter)),
        );
        let call = Event::ToolCall(ToolCallDelta {
            index: 0,
            id: Some("a".into()),
            name: Some("f".into()),
            arguments: "{}".into(),
        });
        let chunk =
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        typed_check(&[chunk, STOP], &[call], Some(ends(FinishReason::ToolCalls)));
    }

    #[test]
    fn forwarded_answers_keep_their_bytes() {
        let check = |include_usage, given: &[&str], expect: &[Event], finish| {
            let seen = read(Reader::wire(1, include_usage), given).unwrap();
            assert_eq!(seen, (expect.to_vec(), finish), "given {given:?}");
        };
        let answer = [wire(ROLE, false), wire(TEXT, true), wire(STOP, false)];
        let given = [ROLE, TEXT, STOP, USAGE, "[DONE]"];
        check(false, &given, &answer, Some(counted(FinishReason::Stop)));
        let with_usage = [&answer[..], &[wire(USAGE, false)]].concat();
        check(true, &given, &with_usage, Some(counted(FinishReason::Stop)));
        check(
            false,
            &["{", "\"x\"", STOP],
            &[wire(STOP, false)],
            Some(ends(FinishReason::Stop)),
        );
        let filters = r#"{"choices":[],"prompt_filter_results":[1]}"#;
        check(
            false,
            &[filters, STOP],
            &[wire(filters, false), wire(STOP, false)],
            Some(ends(FinishReason::Stop)),
        );
    }

    /// llama.cpp writes the time anew with every chunk, and its clients look at one.
    #[test]
    fn forwarded_chunks_keep_the_identity_of_the_first() {
        let chunk = |created: u32, text: &str| {
            format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}],"created":{created},"id":"a{created}"}}"#
            )
        };
        let given = [
            chunk(1, "a"),
            chunk(1, "b"),
            chunk(2, "c"),
            chunk(2, "d"),
            chunk(1, "e"),
        ];
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let (seen, _) = read(Reader::wire(1, false), &given).unwrap();
        let expect = ["a", "b", "c", "d", "e"].map(|text| wire(&chunk(1, text), true));
        assert_eq!(seen, expect);
    }

    #[test]
    fn what_commits_an_answer() {
        let check = |delta: &str, expect: bool| {
            let chunk = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
            let seen = read(Reader::wire(1, false), &[&chunk]).unwrap();
            assert_eq!(seen.0, [wire(&chunk, expect)]);
        };
        check("{}", false);
        check("null", false);
        check(r#"{"role":"assistant"}"#, false);
        check(r#"{"content":"","tool_calls":[],"refusal":null,"reasoning":""}"#, false);
        check(r#"{"content":" "}"#, true);
        check(r#"{"content":null,"reasoning_content":"x"}"#, true);
        check(r#"{"reasoning":"x"}"#, true);
        check(r#"{"refusal":"x"}"#, true);
        check(r#"{"tool_calls":[{"index":0}]}"#, true);
        check(r#"{"audio":{"id":"x"}}"#, true);
    }

    #[test]
    fn several_answers_are_complete_when_all_have_ended() {
        let stop = |index: u32| format!(r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":"length"}}]}}"#);
        let (first, second, stray) = (stop(0), stop(1), stop(7));
        let finish = |given: &[&str]| read(Reader::wire(2, false), given).unwrap().1;
        assert_eq!(finish(&[&first]), None);
        assert_eq!(finish(&[&first, &first, &stray]), None);
        assert_eq!(finish(&[&second, &first]), Some(ends(FinishReason::Length)));
    }

    #[test]
    fn errors_in_the_stream_end_it() {
        let check = |given: &[&str], class: Class, message: &str| {
            for reader in [Reader::typed(), Reader::wire(1, false)] {
                assert_eq!(read(reader, given), Err(Error::new(class, message)), "given {given:?}");
            }
        };
        let error = r#"{"error":{"message":"died","code":502},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
        check(&[TEXT, error], Class::Upstream5xx, "died");
        let ended = r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#;
        check(
            &[ended],
            Class::Upstream5xx,
            "the server ended its answer with an error",
        );
        check(
            &["<html>"],
            Class::Decode,
            "answered with a web page instead of a stream",
        );
        check(
            &["{", "{", "{", TEXT, "{"],
            Class::Decode,
            "the answer is not a stream of chat completion chunks",
        );
        let named = sse::Event {
            name: Some(Bytes::from_static(b"error")),
            data: Bytes::from_static(br#"{"message":"boom"}"#),
        };
        assert_eq!(
            Reader::typed().read(&named, &mut Vec::new()),
            Err(Error::new(Class::Upstream5xx, "boom"))
        );
    }
}
