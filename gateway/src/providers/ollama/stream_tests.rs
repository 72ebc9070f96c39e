use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::stream::Reader;
use crate::chat::{
    Delivery, Event, Finish, FinishReason, Message, More, Options, Original, Protocol, Request, Role, Timings,
    ToolCall as Call, ToolCallDelta, ToolSpec, Usage, WireChunk,
};
use crate::provider::{Class, Error};

fn request() -> Request {
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
        ..Request::default()
    }
}

fn read(lines: &[&str]) -> Result<Vec<Event>, Error> {
    let mut reader = Reader::new(&request());
    let mut events = Vec::new();
    for line in lines {
        reader.read(&Bytes::copy_from_slice(line.as_bytes()), &mut events)?;
    }
    Ok(events)
}

fn check(lines: &[&str], expect: &[Event]) {
    assert_eq!(read(lines).unwrap(), expect, "given {lines:?}");
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
    let ids: Vec<String> = read(&lines)
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
        assert_eq!(read(lines), Err(Error::new(class, says)), "given {lines:?}");
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
fn the_server_says_how_long_its_steps_took() {
    let line = r#"{"done":true,"eval_count":2,"total_duration":9,"load_duration":5,"prompt_eval_duration":6,"eval_duration":7}"#;
    let expect = Finish {
        usage: Some(Usage {
            completion_tokens: 2,
            ..Usage::default()
        }),
        timings: Timings {
            load: Some(Duration::from_nanos(5)),
            prompt: Some(Duration::from_nanos(6)),
            answer: Some(Duration::from_nanos(7)),
        },
        ..Finish::because(FinishReason::Stop)
    };
    check(&[line], &[Event::Finish(expect)]);
}

#[test]
fn the_answer_to_a_prompt_is_read_too() {
    check(
        &[
            r#"{"response":"","thinking":"hm","done":false}"#,
            r#"{"response":"hi","done":false}"#,
            r#"{"response":"","done":true,"done_reason":"length","context":[1,2]}"#,
        ],
        &[
            Event::Reasoning("hm".into()),
            text("hi"),
            finish(FinishReason::Length, None),
        ],
    );
}

#[test]
fn logprobs_come_when_they_were_asked_for() {
    let line = r#"{"message":{"content":"a"},"logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}],"done":false}"#;
    let read = |logprobs| {
        let asked = Request {
            options: Options {
                logprobs,
                ..Options::default()
            },
            ..Request::default()
        };
        let mut events = Vec::new();
        Reader::new(&asked)
            .read(&Bytes::from_static(line.as_bytes()), &mut events)
            .unwrap();
        events
    };
    let tokens = vec![json!({"token": "a", "logprob": -0.5, "bytes": [97]})];
    assert_eq!(read(Some(0)), [Event::Logprobs(tokens), text("a")]);
    assert_eq!(read(None), [text("a")]);
}

#[test]
fn who_speaks_the_protocol_gets_the_lines_as_they_are() {
    let lines = [
        r#"{"message":{"content":""},"new":1,"done":false}"#,
        r#"{"message":{"content":"hi"},"done":false}"#,
        r#"{"message":{"content":""},"done":true,"eval_count":1}"#,
    ];
    let asked = Request {
        original: Some(Original {
            protocol: Protocol::OllamaChat,
            body: Bytes::from_static(b"{}"),
            include_usage: true,
        }),
        delivery: Delivery::Live,
        ..Request::default()
    };
    let read = |asked: &Request| {
        let (mut reader, mut events) = (Reader::new(asked), Vec::new());
        for line in lines {
            reader.read(&Bytes::from_static(line.as_bytes()), &mut events).unwrap();
        }
        events
    };
    let wire = |line: &'static str, meaningful| {
        Event::Wire(WireChunk {
            data: Bytes::from_static(line.as_bytes()),
            meaningful,
        })
    };
    let expect = [
        wire(lines[0], false),
        wire(lines[1], true),
        wire(lines[2], false),
        finish(FinishReason::Stop, Some((0, 1))),
    ];
    assert_eq!(read(&asked), expect);
    // What is written anew keeps what is unknown for its end.
    let mut typed = [text("hi"), finish(FinishReason::Stop, Some((0, 1)))];
    if let Event::Finish(finish) = &mut typed[1] {
        let more = More {
            answer: [("new".to_owned(), "1".into())].into(),
            ..More::default()
        };
        finish.more = Some(Box::new(more));
    }
    let whole = Request {
        delivery: Delivery::Whole,
        ..asked.clone()
    };
    assert_eq!(read(&whole), typed);
    let with_tools = Request {
        tools: request().tools,
        ..asked
    };
    assert_eq!(read(&with_tools), typed);
}

#[test]
fn lines_that_follow_a_pattern_are_read_like_others() {
    let line = |message: &str| {
        format!(
            r#"{{"model":"m","created_at":"{}Z","message":{message},"done":false}}"#,
            message.len()
        )
    };
    let content = |text: &str| line(&format!(r#"{{"role":"assistant","content":"{text}"}}"#));
    let thinking = |text: &str| line(&format!(r#"{{"role":"assistant","content":"","thinking":"{text}"}}"#));
    let lines = [
        thinking("h"),
        thinking("mm"),
        thinking(""),
        content("a"),
        content("bc"),
        content("d\\\\ne"),
        content(""),
        content("f"),
        line(r#"{"role":"assistant","content":"","tool_calls":[{"id":"x","function":{"name":"f"}}]}"#),
        content("g"),
        r#"{"model":"m","created_at":"Z","message":{"role":"assistant","content":"h"},"done":true}"#.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let thought = |text: &str| Event::Reasoning(text.into());
    check(
        &lines,
        &[
            thought("h"),
            thought("mm"),
            text("a"),
            text("bc"),
            text("d\\ne"),
            text("f"),
            call(0, "x", "{}"),
            text("g"),
            text("h"),
            finish(FinishReason::ToolCalls, None),
        ],
    );
}

const CALLS: &str = r#"{"message":{"content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"b","function":{"name":"g","arguments":{"x":"é"}}}]},"done":false}"#;

fn called(request: &Request) -> Result<Vec<Event>, Error> {
    let mut reader = Reader::new(request);
    let mut events = Vec::new();
    for line in [CALLS, CALL_A, r#"{"done":true}"#] {
        reader.read(&Bytes::copy_from_slice(line.as_bytes()), &mut events)?;
    }
    Ok(events)
}

#[test]
fn whoever_wants_one_call_gets_the_first() {
    let request = |parallel_tool_calls| Request {
        options: Options {
            parallel_tool_calls,
            ..Options::default()
        },
        ..request()
    };
    assert_eq!(called(&request(None)).unwrap().len(), 4);
    assert_eq!(called(&request(Some(true))).unwrap().len(), 4);
    let one = [call(0, "a", r#"{"x":1}"#), finish(FinishReason::ToolCalls, None)];
    assert_eq!(called(&request(Some(false))).unwrap(), one);
}

#[test]
fn arguments_of_a_strict_tool_fit_or_the_attempt_has_failed() {
    let request = |kind: &str, strict| Request {
        tools: vec![ToolSpec {
            name: "g".into(),
            description: String::new(),
            parameters: json!({"type": "object", "properties": {"x": {"type": kind}}, "required": ["x"]}),
            strict,
        }],
        ..Request::default()
    };
    assert!(called(&request("string", Some(true))).is_ok());
    assert!(called(&request("integer", None)).is_ok());
    assert!(called(&request("integer", Some(false))).is_ok());
    let error = called(&request("integer", Some(true))).unwrap_err();
    let says = "called `g` with arguments that do not fit: `x`: it must be integer";
    assert_eq!((error.class, error.message.as_str()), (Class::NoCall, says));
}
