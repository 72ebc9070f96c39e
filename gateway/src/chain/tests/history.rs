use serde_json::{Value, json};

use super::super::history::mended;
use super::*;
use crate::chat::{Message, Role, ToolCall};

/// A conversation in short: `u` a word of the user, `a:ID=ARGUMENTS,…` calls of the model, `t:ID` a result.
fn conversation(short: &[&str]) -> Vec<Message> {
    let message = |text: &&str| match text.split_once(':') {
        Some(("a", calls)) => Message {
            tool_calls: calls
                .split(',')
                .map(|call| {
                    let (id, arguments) = call.split_once('=').unwrap();
                    ToolCall {
                        id: id.into(),
                        name: "f".into(),
                        arguments: arguments.into(),
                    }
                })
                .collect(),
            ..Message::text(Role::Assistant, "")
        },
        Some((_, id)) => Message {
            tool_call_id: (!id.is_empty()).then(|| id.to_owned()),
            ..Message::text(Role::Tool, "r")
        },
        None => Message::text(Role::User, *text),
    };
    short.iter().map(message).collect()
}

fn short(message: &Message) -> String {
    match message.role {
        Role::Assistant => {
            let calls = message.tool_calls.iter();
            let calls: Vec<_> = calls.map(|call| format!("{}={}", call.id, call.arguments)).collect();
            format!("a:{}", calls.join(","))
        }
        Role::Tool => format!("t:{}", message.tool_call_id.as_deref().unwrap_or_default()),
        Role::User | Role::System => message.joined_text(),
    }
}

/// The same as `OpenAI`'s clients send it.
fn wire(messages: &[Message]) -> Value {
    let message = |message: &Message| match message.role {
        Role::Assistant => {
            let calls = message.tool_calls.iter().map(|call| {
                json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
            });
            json!({"role": "assistant", "content": null, "tool_calls": calls.collect::<Vec<_>>()})
        }
        Role::Tool => match &message.tool_call_id {
            Some(id) => json!({"role": "tool", "content": message.joined_text(), "tool_call_id": id}),
            None => json!({"role": "tool", "content": message.joined_text()}),
        },
        Role::User | Role::System => json!({"role": "user", "content": message.joined_text()}),
    };
    json!({"messages": messages.iter().map(message).collect::<Vec<_>>(), "unknown": 1})
}

fn check(given: &[&str], expect: &[&str]) {
    let messages = conversation(given);
    let original = Original {
        protocol: Protocol::OpenAiChat,
        body: wire(&messages).to_string().into(),
        include_usage: false,
    };
    let request = Arc::new(Request {
        messages,
        original: Some(original),
        ..Request::default()
    });
    let mended = mended(&request, "openai");
    let seen: Vec<String> = mended.messages.iter().map(short).collect();
    assert_eq!(seen, expect, "given {given:?}");
    let body: Value = serde_json::from_slice(&mended.original.as_ref().unwrap().body).unwrap();
    assert_eq!(body, wire(&mended.messages), "the body says the same, given {given:?}");
    assert_eq!(
        Arc::ptr_eq(&request, &mended),
        given == expect,
        "nothing is touched that is right"
    );
}

#[test]
fn a_history_that_is_wrong_is_mended() {
    check(&["u"], &["u"]);
    check(
        &["u", "a:x={},y={\"a\":1}", "t:y", "t:x", "u"],
        &["u", "a:x={},y={\"a\":1}", "t:y", "t:x", "u"],
    );
    // Missing and repeated ids.
    check(&["a:={}", "t:"], &["a:call_0_0={}", "t:call_0_0"]);
    check(
        &["a:x={},x={}", "t:x", "t:x"],
        &["a:x={},call_0_1={}", "t:x", "t:call_0_1"],
    );
    check(
        &["a:0={}", "t:0", "a:0={}", "t:0"],
        &["a:0={}", "t:0", "a:call_2_0={}", "t:call_2_0"],
    );
    // Arguments that are no object.
    check(&["a:x=", "t:x"], &["a:x={}", "t:x"]);
    check(&["a:x={\"a\"", "t:x"], &["a:x={\"_raw\":\"{\\\"a\\\"\"}", "t:x"]);
    check(&["a:x=[1]", "t:x"], &["a:x={\"_raw\":\"[1]\"}", "t:x"]);
    // Results without a call, and calls without a result.
    check(&["u", "t:x", "u"], &["u", "r", "u"]);
    check(&["a:x={},y={}", "t:y", "u"], &["a:x={},y={}", "t:y", "t:x", "u"]);
    check(&["a:x={}", "u"], &["a:x={}", "t:x", "u"]);
    let long = "x".repeat(65);
    check(
        &[&format!("a:{long}={{}}"), &format!("t:{long}")],
        &["a:call_0_0={}", "t:call_0_0"],
    );
}

#[tokio::test(start_paused = true)]
async fn ollama_takes_its_own_bodies_as_they_are() {
    let original = Original {
        protocol: Protocol::OllamaChat,
        body: Bytes::from_static(b"{}"),
        include_usage: false,
    };
    let request = Arc::new(Request {
        messages: conversation(&["a:={}", "t:"]),
        original: Some(original),
        ..Request::default()
    });
    assert!(Arc::ptr_eq(&mended(&request, "ollama"), &request));
    let ids = |request: &Request| short(&request.messages[1]);
    assert_eq!(ids(&mended(&request, "openai")), "t:call_0_0");
}
