//! `OpenAI`'s protocol, answer by answer and fault by fault.

use async_openai::types::chat::{CreateChatCompletionRequest, CreateChatCompletionStreamResponse};
use bytes::Bytes;
use jarvis_gateway::chat::{Delivery, Event, Finish, FinishReason, Message, Original, Protocol, Request, Role};
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::openai::{OpenAi, Settings};
use serde_json::{Value, json};
use stand_in::{OK_TEXT, Server};

use super::{ask, leave, play, question, reply, server, upstream, weather};

fn provider(server: &Server) -> OpenAi {
    OpenAi::new(upstream(&format!("{}/v1", server.url())), Settings::default())
}

/// A request as it came in over the API.
fn forwarded(body: &Value, include_usage: bool) -> Request {
    Request {
        original: Some(Original {
            protocol: Protocol::OpenAiChat,
            body: Bytes::from(body.to_string()),
            include_usage,
        }),
        delivery: Delivery::Live,
        ..Request::default()
    }
}

/// The texts of the forwarded chunks, whether each is meaningful, and the end.
fn read_wire(events: &[Event]) -> (Vec<Value>, Vec<bool>, Option<Finish>) {
    let (mut chunks, mut meaningful, mut finish) = (Vec::new(), Vec::new(), None);
    for event in events {
        match event {
            Event::Wire(chunk) => {
                serde_json::from_slice::<CreateChatCompletionStreamResponse>(&chunk.data).unwrap();
                chunks.push(serde_json::from_slice(&chunk.data).unwrap());
                meaningful.push(chunk.meaningful);
            }
            Event::Finish(end) => assert_eq!(finish.replace(end.clone()), None),
            other => panic!("{other:?} in a forwarded answer"),
        }
    }
    (chunks, meaningful, finish)
}

#[tokio::test]
async fn whole_answers() {
    let server = server().await;
    let openai = provider(&server);
    let check = async |model: &str, text: &str, reasoning: &str, finish: FinishReason| {
        let reply = reply(&openai, ask(model, question("hello"))).await;
        assert_eq!(
            (reply.text.as_str(), reply.reasoning.as_str(), reply.finish.reason),
            (text, reasoning, finish),
            "{model}"
        );
        assert!(
            reply.finish.usage.is_some_and(|usage| usage.prompt_tokens > 0),
            "{model}"
        );
    };
    check("ok", OK_TEXT, "", FinishReason::Stop).await;
    check("echo", "hello", "", FinishReason::Stop).await;
    check(
        "think",
        OK_TEXT,
        "The user wants to know what runs here.",
        FinishReason::Stop,
    )
    .await;
    check("bytes", "Café, naïve, 東京, 😀 and done.", "", FinishReason::Stop).await;
    check("length", OK_TEXT, "", FinishReason::Length).await;
    check("empty", "", "", FinishReason::Stop).await;
    check("no-mark", OK_TEXT, "", FinishReason::Stop).await;
    check("malformed", OK_TEXT, "", FinishReason::Stop).await;
}

#[tokio::test]
async fn faults_have_their_class() {
    let server = server().await;
    let openai = provider(&server);
    let check = async |model: &str, class: Class, status: Option<u16>| {
        let typed = Request {
            tools: vec![weather()],
            ..question("hello")
        };
        let messages = json!([{"role": "user", "content": "hello"}]);
        let parameters = json!({"type": "object", "properties": {}});
        let tools = json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}]);
        let wire = forwarded(&json!({"model": "x", "messages": messages, "tools": tools}), false);
        for request in [typed, wire] {
            let (_, error) = play(&openai, ask(model, request)).await;
            let error = error.unwrap_or_else(|| panic!("{model} did not fail"));
            assert_eq!((error.class, error.status), (class, status), "{model}: {error}");
            assert!(
                !error.message.is_empty() && !error.message.contains("sk-"),
                "{model}: {error}"
            );
        }
    };
    check("reset", Class::Transport, None).await;
    check("die", Class::Truncated, None).await;
    check("html", Class::Decode, None).await;
    check("garbage", Class::Decode, None).await;
    check("error-line", Class::Upstream5xx, None).await;
    check("error-first", Class::Upstream5xx, None).await;
    check("429", Class::RateShort, Some(429)).await;
    check("429-long", Class::RateLong, Some(429)).await;
    check("500", Class::Upstream5xx, Some(500)).await;
    check("503", Class::Upstream5xx, Some(503)).await;
    check("busy", Class::Saturated, Some(503)).await;
    check("401", Class::HardDown, Some(401)).await;
    check("quota", Class::HardDown, Some(429)).await;
    check("409", Class::Transient, Some(409)).await;
    check("400", Class::ClientFault, Some(400)).await;
    check("filter", Class::Policy, Some(400)).await;
    check("no-tools", Class::Capability, Some(400)).await;
    check("context", Class::ContextLength, Some(400)).await;
    check("missing", Class::ModelMissing, Some(404)).await;
    check("no-such-model", Class::ModelMissing, Some(404)).await;
}

#[tokio::test]
async fn an_answer_that_ends_too_early_has_no_finish() {
    let server = server().await;
    let messages = json!([{"role": "user", "content": "hello"}]);
    for request in [question("hello"), forwarded(&json!({"messages": messages}), false)] {
        let (events, error) = play(&provider(&server), ask("no-done", request)).await;
        assert_eq!(error, None);
        assert!(!events.is_empty());
        assert!(
            !events.iter().any(|event| matches!(event, Event::Finish(_))),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn tools_are_called_and_their_results_understood() {
    let server = server().await;
    let openai = provider(&server);
    let mut request = Request {
        tools: vec![weather()],
        ..question("weather?\ncall get_weather {\"city\":\"Ulm\",\"unit\":\"é\"}\ncall get_weather {\"city\":\"Bonn\"}")
    };
    let first = reply(&openai, ask("tools", request.clone())).await;
    assert_eq!(first.finish.reason, FinishReason::ToolCalls);
    let arguments: Vec<_> = first.tool_calls.iter().map(|call| call.arguments.as_str()).collect();
    assert_eq!(arguments, [r#"{"city":"Ulm","unit":"é"}"#, r#"{"city":"Bonn"}"#]);
    request.messages.push(Message {
        tool_calls: first.tool_calls.clone(),
        ..Message::text(Role::Assistant, "")
    });
    for (call, text) in first.tool_calls.iter().zip(["12 degrees", "9 degrees"]) {
        request.messages.push(Message {
            tool_call_id: Some(call.id.clone()),
            ..Message::text(Role::Tool, text)
        });
    }
    let second = reply(&openai, ask("tools", request)).await;
    assert_eq!(second.text, "The tools said: 12 degrees / 9 degrees");
    for entry in server.log() {
        serde_json::from_value::<CreateChatCompletionRequest>(entry.body).unwrap();
    }
}

#[tokio::test]
async fn a_forwarded_request_is_changed_in_three_fields_and_its_answer_in_none() {
    let server = server().await;
    let openai = provider(&server);
    let body = json!({
        "model": "jarvis-chat", "top_k": 7, "messages": [{"role": "user", "content": "hé", "new": {"x": null}}],
        "stream": false, "seed": 1,
    });
    for include_usage in [false, true] {
        let (events, error) = play(&openai, ask("ok", forwarded(&body, include_usage))).await;
        assert_eq!(error, None);
        let (chunks, meaningful, finish) = read_wire(&events);
        let finish = finish.unwrap();
        assert_eq!(finish.reason, FinishReason::Stop);
        assert!(finish.usage.is_some());
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, OK_TEXT);
        let with_usage = chunks.iter().filter(|chunk| chunk["choices"] == json!([])).count();
        assert_eq!(with_usage, usize::from(include_usage));
        // The role opens the answer and the finish reason ends it; everything between is meaningful.
        let last = meaningful.len() - 1 - usize::from(include_usage);
        let expect: Vec<bool> = (0..meaningful.len()).map(|at| at > 0 && at < last).collect();
        assert_eq!(meaningful, expect);
    }
    let expect = json!({
        "model": "ok", "top_k": 7, "messages": [{"role": "user", "content": "hé", "new": {"x": null}}],
        "stream": true, "seed": 1, "stream_options": {"include_usage": true},
    });
    let bodies: Vec<_> = server.log().into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [expect.clone(), expect]);
}

#[tokio::test]
async fn leaving_closes_the_connection() {
    for (model, after_first_event) in [("hang", false), ("late-60000", false), ("stall", true), ("slow", true)] {
        let server = server().await;
        leave(&server, &provider(&server), model, after_first_event).await;
    }
}
