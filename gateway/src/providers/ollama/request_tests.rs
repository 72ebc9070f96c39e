//! What is written for Ollama, request by request.

use serde_json::{Value, json};

use super::request::{body, thinking};
use super::settings::Settings;
use crate::chat::{
    self, Options, Part, ReasoningEffort, Request, ResponseFormat, Role, ToolCall as Call, ToolChoice, ToolSpec,
};
use crate::provider::{Class, Error};

fn written(request: &Request, settings: &Settings) -> Value {
    let body = body(request, "qwen3:14b", settings, thinking(request, settings)).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The written body without the parts that are the same for every request.
#[expect(
    clippy::needless_pass_by_value,
    reason = "json! at the call reads better without a borrow"
)]
fn check(given: &Request, expect: Value) {
    let mut written = written(given, &Settings::default());
    let fields = written.as_object_mut().unwrap();
    let constant: Vec<_> = ["model", "stream", "shift", "truncate"]
        .map(|name| fields.shift_remove(name))
        .into();
    assert_eq!(
        constant,
        [
            Some(json!("qwen3:14b")),
            Some(json!(true)),
            Some(json!(false)),
            Some(json!(false))
        ]
    );
    if fields["options"] == json!({}) {
        fields.shift_remove("options");
    }
    assert_eq!(written, expect, "given {given:?}");
}

fn ask(messages: Vec<chat::Message>) -> Request {
    Request {
        messages,
        ..Request::default()
    }
}

fn message(role: Role, content: Vec<Part>) -> chat::Message {
    chat::Message {
        content,
        ..chat::Message::text(role, "")
    }
}

fn call(id: &str, name: &str, arguments: &str) -> Call {
    Call {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    }
}

fn spec(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: "does it".into(),
        parameters: json!({"type": "object", "properties": {"x": true}}),
        strict: None,
    }
}

#[test]
fn messages_are_flat_text_with_images_beside_it() {
    check(
        &ask(vec![
            chat::Message::text(Role::System, "be brief"),
            message(
                Role::User,
                vec![
                    Part::Text("what".into()),
                    Part::Image {
                        url: "data:image/png;base64,iVBORw0=".into(),
                        detail: None,
                    },
                    Part::Text("is this?".into()),
                ],
            ),
        ]),
        json!({"messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "what\nis this?", "images": ["iVBORw0="]},
        ]}),
    );
}

#[test]
fn calls_have_objects_and_their_answers_have_names() {
    let assistant = chat::Message {
        content: Vec::new(),
        reasoning: Some("hm".into()),
        tool_calls: vec![
            call("a", "first", r#"{"z": 1.0, "a": 12345678901234567890123}"#),
            call("b", "second", ""),
            call("c", "third", "{broken"),
        ],
        ..chat::Message::text(Role::Assistant, "")
    };
    let answer = |id: &str| chat::Message {
        tool_call_id: Some(id.into()),
        ..chat::Message::text(Role::Tool, "done")
    };
    let given = ask(vec![assistant, answer("b"), answer("unknown")]);
    check(
        &given,
        json!({"messages": [
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"id": "a", "function": {"index": 0, "name": "first", "arguments": {"z": 1.0, "a": 12_345_678_901_234_567_890_123_f64}}},
                {"id": "b", "function": {"index": 1, "name": "second", "arguments": {}}},
                {"id": "c", "function": {"index": 2, "name": "third", "arguments": {"_raw": "{broken"}}},
            ]},
            {"role": "tool", "content": "done", "tool_name": "second", "tool_call_id": "b"},
            {"role": "tool", "content": "done", "tool_call_id": "unknown"},
        ]}),
    );
    let raw = body(&given, "m", &Settings::default(), None).unwrap();
    let raw = std::str::from_utf8(&raw).unwrap();
    assert!(
        raw.contains(r#""arguments":{"z": 1.0, "a": 12345678901234567890123}"#),
        "{raw}"
    );
}

#[test]
fn an_id_used_twice_means_the_last_call() {
    let assistant = |name: &str| chat::Message {
        tool_calls: vec![call("call_0", name, "{}")],
        ..message(Role::Assistant, Vec::new())
    };
    let answer = chat::Message {
        tool_call_id: Some("call_0".into()),
        ..chat::Message::text(Role::Tool, "x")
    };
    let request = ask(vec![assistant("old"), answer.clone(), assistant("new"), answer]);
    let written = written(&request, &Settings::default());
    let names: Vec<_> = [1, 3]
        .map(|at: usize| written["messages"][at]["tool_name"].clone())
        .into();
    assert_eq!(names, ["old", "new"]);
}

#[test]
fn tool_choice_decides_which_tools_are_offered() {
    let user = chat::Message::text(Role::User, "go");
    let with = |tool_choice| Request {
        tools: vec![spec("a"), spec("b")],
        tool_choice,
        ..ask(vec![user.clone()])
    };
    let tool = |name: &str| {
        let parameters = json!({"type": "object", "properties": {"x": {}}});
        json!({"type": "function", "function": {"name": name, "description": "does it", "parameters": parameters}})
    };
    let said = json!({"role": "user", "content": "go"});
    let nudge = |text: &str| json!({"role": "system", "content": text});
    check(
        &with(ToolChoice::Auto),
        json!({"messages": [said], "tools": [tool("a"), tool("b")]}),
    );
    check(&with(ToolChoice::None), json!({"messages": [said]}));
    check(
        &with(ToolChoice::Required),
        json!({"messages": [said, nudge("Answer by calling one of the tools.")], "tools": [tool("a"), tool("b")]}),
    );
    check(
        &with(ToolChoice::Named("b".into())),
        json!({"messages": [said, nudge("Answer by calling the tool `b`.")], "tools": [tool("b")]}),
    );
}

#[test]
fn options_are_passed_on_and_none_are_invented() {
    let request = |options| Request { options, ..ask(vec![]) };
    check(&request(Options::default()), json!({"messages": []}));
    check(
        &request(Options {
            answers: None,
            max_tokens: Some(7),
            temperature: Some(0.5),
            top_p: Some(0.9),
            presence_penalty: Some(0.1),
            frequency_penalty: Some(0.2),
            seed: Some(-3),
            stop: vec!["END".into()],
            response_format: Some(ResponseFormat::JsonObject),
            reasoning_effort: Some(ReasoningEffort::None),
            parallel_tool_calls: None,
            logprobs: Some(3),
        }),
        json!({"messages": [], "format": "json", "think": false, "logprobs": true, "top_logprobs": 3, "options": {
            "num_predict": 7, "temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.1, "frequency_penalty": 0.2,
            "seed": -3, "stop": ["END"],
        }}),
    );
    check(
        &request(Options {
            response_format: Some(ResponseFormat::JsonSchema {
                name: "n".into(),
                schema: json!({"type": "object"}),
                strict: None,
            }),
            reasoning_effort: Some(ReasoningEffort::Xhigh),
            ..Options::default()
        }),
        json!({"messages": [], "format": {"type": "object"}, "think": "max"}),
    );
}

#[test]
fn the_settings_of_the_target_are_the_same_for_every_request() {
    let settings: Settings = serde_json::from_value(json!({
        "num_ctx": 8192, "keep_alive": "30m", "think": false, "shift": true, "truncate": true, "num_predict": 100,
    }))
    .unwrap();
    let asks_to_think = Request {
        options: Options {
            reasoning_effort: Some(ReasoningEffort::High),
            ..Options::default()
        },
        ..Request::default()
    };
    assert_eq!(
        written(&asks_to_think, &settings),
        json!({
            "model": "qwen3:14b", "messages": [], "stream": true, "keep_alive": "30m", "think": false, "shift": true,
            "truncate": true, "options": {"num_ctx": 8192, "num_predict": 100},
        })
    );
}

#[test]
fn what_ollama_cannot_be_told_fails_before_it_is_sent() {
    let check = |given: &Request, class: Class, says: &str| {
        let error = body(given, "m", &Settings::default(), None).unwrap_err();
        assert_eq!(error, Error::new(class, says), "given {given:?}");
    };
    let user = |part| ask(vec![message(Role::User, vec![part])]);
    let link = |url: &str| Part::Image {
        url: url.into(),
        detail: None,
    };
    let says = "Ollama takes images only as data: URLs in base64, not as links";
    check(&user(link("https://example.org/a.png")), Class::Capability, says);
    check(&user(link("data:image/svg+xml,<svg/>")), Class::Capability, says);
    check(
        &user(Part::Other(json!({"type": "input_audio"}))),
        Class::Capability,
        "Ollama takes no `input_audio` parts",
    );
    check(
        &Request {
            tool_choice: ToolChoice::Named("x".into()),
            ..ask(vec![])
        },
        Class::ClientFault,
        "tool_choice names `x`, which is not among the tools",
    );
}
