//! Ollama's routes, as its clients see them.

mod lists;

use std::time::Duration;

use super::*;
use crate::chat::{
    Message, Options, Part, Protocol, ReasoningEffort, Request as ChatRequest, ResponseFormat, Role, Timings, ToolCall,
    ToolCallDelta,
};
use crate::provider::{Class, Error as ProviderError};

const CREATED: &str = "2026-11-20T09:46:40Z";

impl Site {
    async fn ollama(&self, path: &str, body: &Value) -> Answered {
        self.send(request(Method::POST, path, body.to_string())).await
    }

    /// What the played model was asked last.
    fn asked(&self) -> Arc<ChatRequest> {
        self.played.calls().last().unwrap().request.clone()
    }
}

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn asks(stream: bool) -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": stream})
}

fn ended(reason: FinishReason) -> Step {
    Step::Event(Event::Finish(Finish {
        usage: Some(Usage {
            prompt_tokens: 3,
            completion_tokens: 4,
            ..Usage::default()
        }),
        timings: Timings {
            load: Some(Duration::from_nanos(7)),
            prompt: Some(Duration::from_nanos(8)),
            answer: Some(Duration::from_nanos(9)),
        },
        ..Finish::because(reason)
    }))
}

/// The counters of [`ended`], from a clock that stands still.
fn counters(reason: &str) -> Value {
    json!({
        "done": true, "done_reason": reason, "total_duration": 1, "load_duration": 7, "prompt_eval_count": 3,
        "prompt_eval_duration": 8, "eval_count": 4, "eval_duration": 9,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! at the call reads better without a borrow"
)]
fn line(message: Value, more: Value) -> Value {
    let mut line = json!({"model": "m", "created_at": CREATED, "message": message});
    let fields = line.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    line
}

fn says(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

fn called(index: u32, id: &str, arguments: &str) -> Step {
    Step::Event(Event::ToolCall(ToolCallDelta {
        index,
        id: Some(id.into()),
        name: Some("f".into()),
        arguments: arguments.into(),
    }))
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer() {
    let thinks = Step::Event(Event::Reasoning("hm".into()));
    let site = site(vec![vec![thinks, text("hel"), text("lo"), ended(FinishReason::Stop)]]);
    let mut asks = asks(true);
    asks.as_object_mut().unwrap().remove("stream");
    let answered = site.ollama("/api/chat", &asks).await;
    assert_eq!(answered.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answered.header("x-jarvis-target"), Some("gpu/m"));
    let more = json!({"done": false});
    let expect = [
        line(
            json!({"role": "assistant", "content": "", "thinking": "hm"}),
            more.clone(),
        ),
        line(says("hel"), more.clone()),
        line(says("lo"), more),
        line(says(""), counters("stop")),
    ];
    assert_eq!(lines(&answered.body), expect);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer() {
    let thinks = Step::Event(Event::Reasoning("hm".into()));
    let turn = vec![thinks, text("hel"), text("lo"), ended(FinishReason::Length)];
    let site = site(vec![turn.clone(), turn]);
    let answered = site.ollama("/api/chat", &asks(false)).await;
    assert_eq!(answered.header("content-type"), Some("application/json; charset=utf-8"));
    let message = json!({"role": "assistant", "content": "hello", "thinking": "hm"});
    assert_eq!(answered.json(), line(message, counters("length")));

    let mut without_thinking = asks(false);
    without_thinking["think"] = false.into();
    let answered = site.ollama("/api/chat", &without_thinking).await;
    assert_eq!(answered.json()["message"], says("hello"));
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_answered() {
    let turn = vec![text("hel"), text("lo"), ended(FinishReason::Stop)];
    let site = site(vec![turn.clone(), turn]);
    let asks = |stream| json!({"model": "chat:latest", "prompt": "hi", "system": "be brief", "stream": stream});
    let mut whole = json!({"model": "m", "created_at": CREATED, "response": "hello"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(counters("stop").as_object().unwrap().clone());
    assert_eq!(site.ollama("/api/generate", &asks(false)).await.json(), whole);
    let streamed = lines(&site.ollama("/api/generate", &asks(true)).await.body);
    let texts: Vec<&str> = streamed.iter().map(|line| line["response"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hel", "lo", ""]);
    let asked = site.asked();
    assert_eq!(
        asked.messages,
        [Message::text(Role::System, "be brief"), Message::text(Role::User, "hi")]
    );
    assert_eq!(asked.original.as_ref().unwrap().protocol, Protocol::OllamaGenerate);
}

#[tokio::test(start_paused = true)]
async fn calls_come_whole_and_only_with_a_good_end() {
    let part = |arguments: &str| {
        Step::Event(Event::ToolCall(ToolCallDelta {
            index: 0,
            arguments: arguments.into(),
            ..ToolCallDelta::default()
        }))
    };
    let first = [
        called(0, "a", ""),
        part(r#"{"z": 1.0,"#),
        part(r#""a": "é"}"#),
        called(1, "b", ""),
    ];
    let turn = |end| first.iter().cloned().chain(end).collect::<Vec<Step>>();
    let site = site(vec![
        turn(vec![ended(FinishReason::ToolCalls)]),
        turn(vec![ended(FinishReason::ToolCalls)]),
        turn(vec![called(2, "c", r#"{"cut of"#), ended(FinishReason::Length)]),
        turn(vec![called(2, "c", "[]"), ended(FinishReason::ToolCalls)]),
        turn(vec![called(2, "c", "[]"), ended(FinishReason::ToolCalls)]),
        turn(vec![]),
    ]);
    let calls = json!([
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"z": 1.0, "a": "é"}}},
        {"id": "b", "function": {"index": 1, "name": "f", "arguments": {}}},
    ]);
    let message = json!({"role": "assistant", "content": "", "tool_calls": calls});
    let streamed = [
        line(message.clone(), json!({"done": false})),
        line(says(""), counters("stop")),
    ];
    let answered = site.ollama("/api/chat", &asks(true)).await;
    assert!(
        answered.body.contains(r#""arguments":{"z": 1.0,"a": "é"}"#),
        "{}",
        answered.body
    );
    assert_eq!(lines(&answered.body), streamed);
    let whole = site.ollama("/api/chat", &asks(false)).await.json();
    assert_eq!(whole, line(message.clone(), counters("stop")));

    let cut_short = site.ollama("/api/chat", &asks(false)).await.json();
    assert_eq!(cut_short, line(message, counters("length")));

    let malformed = json!({"error": "the arguments of the call of `f` are not a JSON object"});
    assert_eq!(
        lines(&site.ollama("/api/chat", &asks(true)).await.body),
        std::slice::from_ref(&malformed)
    );
    assert_eq!(site.ollama("/api/chat", &asks(false)).await.json(), malformed);

    let died = site.ollama("/api/chat", &asks(true)).await;
    assert_eq!(lines(&died.body), [json!({"error": "the answer was cut off"})]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_in_ollamas_words() {
    let fails = |class| Step::Fail(ProviderError::new(class, "it failed"));
    let site = site(vec![
        vec![text("hel"), fails(Class::Upstream5xx)],
        vec![fails(Class::ClientFault)],
        vec![fails(Class::HardDown)],
    ]);
    let broken = lines(&site.ollama("/api/chat", &asks(true)).await.body);
    assert_eq!(broken.last(), Some(&json!({"error": "it failed"})));
    assert_eq!(broken.len(), 2);

    let check = async |path: &str, body: Value, status: u16, says: &str| {
        let answered = site.ollama(path, &body).await;
        let expect = (status, json!({"error": says}));
        assert_eq!((answered.status.as_u16(), answered.json()), expect, "{body}");
    };
    check("/api/chat", asks(true), 400, "it failed").await;
    check("/api/chat", asks(true), 503, "no model answered (gpu/m: it failed)").await;
    let named = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    check("/api/chat", named("qwen"), 404, "model 'qwen' not found").await;
    check(
        "/api/chat",
        named("chatt:latest"),
        404,
        "model 'chatt:latest' not found; did you mean 'chat'?",
    )
    .await;
    check("/api/chat", named(""), 400, "model is required").await;
    let with = |field: &str, value: Value| {
        let mut body = asks(false);
        body[field] = value;
        body
    };
    let says = "invalid format: \"yaml\"; expected \"json\" or a valid JSON Schema object";
    check("/api/chat", with("format", "yaml".into()), 400, says).await;
    let says = "invalid think value: \"hard\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)";
    check("/api/chat", with("think", "hard".into()), 400, says).await;
    let king = json!([{"role": "king", "content": "x"}]);
    let says = "invalid role: \"king\", must be one of system, user, assistant, tool";
    check("/api/chat", with("messages", king), 400, says).await;
    let hot = with("options", json!({"temperature": "hot"}));
    let answered = site.ollama("/api/chat", &hot).await;
    assert!(
        answered.body.contains("`options.temperature`: invalid type"),
        "{}",
        answered.body
    );

    check("/api/nothing", json!({}), 404, "there is nothing at /api/nothing").await;
    check("/api/tags", json!({}), 405, "this address does not understand POST").await;
    let answered = site.ollama("/api/pull", &json!({"model": "m"})).await;
    assert_eq!(answered.status, 501);
    assert!(
        answered.body.starts_with("{\"error\":\"pull is not offered here"),
        "{}",
        answered.body
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_at_the_door_are_too() {
    let site = site(vec![]);
    site.keys.add("secret", &[Scope::Embeddings]);
    let mut keyed = request(Method::POST, "/api/chat", asks(true).to_string());
    let answered = site.send(request(Method::GET, "/api/tags", Body::empty())).await;
    assert_eq!(answered.status, 401);
    assert!(answered.json()["error"].is_string(), "{}", answered.body);
    keyed
        .headers_mut()
        .insert("authorization", "Bearer secret".parse().unwrap());
    let answered = site.send(keyed).await;
    assert_eq!(answered.status, 403);
    assert!(answered.json()["error"].is_string(), "{}", answered.body);
}

fn a_request_with_everything() -> Value {
    let tool = json!({"type": "function", "function": {"name": "f", "description": "does it",
                      "parameters": {"type": "object", "properties": {}}}});
    json!({
        "model": "gpu/m:latest", "stream": false, "keep_alive": "1h", "think": "high",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "User", "content": "what?", "images": ["iVBORw0KGgoAAA=="]},
            {"role": "assistant", "content": null, "thinking": "hm", "tool_calls": [
                {"function": {"name": "f", "arguments": {"b": 1, "a": 2}}},
                {"id": "x", "function": {"name": "g", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_name": "g", "content": "two"},
            {"role": "tool", "content": [{"type": "text", "text": "one"}]},
        ],
        "tools": [tool],
        "format": {"type": "object"},
        "options": {"num_predict": 5.0, "temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 7, "stop": "END",
                    "presence_penalty": 0.25, "frequency_penalty": 0.75, "num_ctx": 4096},
        "logprobs": true, "top_logprobs": 2,
    })
}

#[tokio::test(start_paused = true)]
async fn everything_of_a_request_is_read() {
    let site = site(vec![vec![text("x"), finish()], vec![text("x"), finish()]]);
    let body = a_request_with_everything();
    site.ollama("/api/chat", &body).await;
    let asked = site.asked();
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    let result = |id: &str, text: &str| Message {
        tool_call_id: Some(id.into()),
        ..Message::text(Role::Tool, text)
    };
    let picture = Part::Image {
        detail: None,
        url: "data:image/png;base64,iVBORw0KGgoAAA==".into(),
    };
    let expect = [
        Message::text(Role::System, "be brief"),
        Message {
            content: vec![Part::Text("what?".into()), picture],
            ..Message::text(Role::User, "")
        },
        Message {
            content: vec![],
            reasoning: Some("hm".into()),
            tool_calls: vec![call("call_2_0", "f", r#"{"b":1,"a":2}"#), call("x", "g", "{}")],
            ..Message::text(Role::Assistant, "")
        },
        result("x", "two"),
        result("call_2_0", "one"),
    ];
    assert_eq!(asked.messages, expect);
    let expect = Options {
        max_tokens: Some(5),
        temperature: Some(0.0),
        top_p: Some(0.5),
        presence_penalty: Some(0.25),
        frequency_penalty: Some(0.75),
        seed: Some(7),
        stop: vec!["END".into()],
        response_format: Some(ResponseFormat::JsonSchema {
            name: "answer".into(),
            schema: json!({"type": "object"}),
            strict: None,
        }),
        reasoning_effort: Some(ReasoningEffort::High),
        logprobs: Some(2),
        ..Options::default()
    };
    assert_eq!(asked.options, expect);
    assert_eq!(asked.tools.len(), 1);
    let original = asked.original.as_ref().unwrap();
    assert_eq!(
        (original.protocol, &original.body[..]),
        (Protocol::OllamaChat, body.to_string().as_bytes())
    );

    let unlimited = json!({"model": "chat", "prompt": "", "images": ["AAAA"], "format": "", "think": true,
                           "options": {"num_predict": -1, "stop": ["a", "b"]}, "keep_alive": 0});
    site.ollama("/api/generate", &unlimited).await;
    let expect = Options {
        stop: vec!["a".into(), "b".into()],
        ..Options::default()
    };
    assert_eq!(site.asked().options, expect);
}

#[tokio::test(start_paused = true)]
async fn residency_is_not_a_clients_to_change() {
    let site = site(vec![]);
    let check = async |path: &str, fields: Value, reason: &str| {
        let mut body = json!({"model": "chat"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let answered = site.ollama(path, &body).await;
        let mut expect = json!({"model": "chat", "created_at": CREATED, "done": true, "done_reason": reason});
        match path {
            "/api/chat" => expect["message"] = says(""),
            _ => expect["response"] = "".into(),
        }
        assert_eq!(answered.json(), expect, "{fields}");
    };
    check("/api/chat", json!({"messages": []}), "load").await;
    check("/api/chat", json!({"keep_alive": "5m"}), "load").await;
    check("/api/chat", json!({"messages": [], "keep_alive": 0}), "unload").await;
    check("/api/generate", json!({"keep_alive": "0s"}), "unload").await;
    check("/api/generate", json!({"prompt": "", "keep_alive": -1}), "load").await;
    assert!(site.played.calls().is_empty());
    let unknown = site.ollama("/api/generate", &json!({"model": "nothing"})).await;
    assert_eq!(unknown.status, 404);
}
