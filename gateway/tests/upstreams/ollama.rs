//! Ollama's protocol, answer by answer and fault by fault.

use jarvis_gateway::chat::{Event, FinishReason, Message, Options, Part, ReasoningEffort, Request, Role, Usage};
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::ollama::{Ollama, Settings};
use serde_json::json;
use stand_in::{OK_TEXT, Server};

use super::{ask, leave, play, question, reply, server, upstream, weather};

fn provider(server: &Server) -> Ollama {
    Ollama::new(upstream(&server.url()), Settings::default())
}

#[tokio::test]
async fn whole_answers() {
    let server = server().await;
    let ollama = provider(&server);
    let check = async |model: &str, text: &str, reasoning: &str, finish: FinishReason| {
        let reply = reply(&ollama, ask(model, question("hello"))).await;
        assert_eq!(
            (reply.text.as_str(), reply.reasoning.as_str(), reply.finish.reason),
            (text, reasoning, finish),
            "{model}"
        );
    };
    check("ok", OK_TEXT, "", FinishReason::Stop).await;
    check("ok:8b", OK_TEXT, "", FinishReason::Stop).await;
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
    check("malformed", OK_TEXT, "", FinishReason::Stop).await;
    check("no-think", OK_TEXT, "", FinishReason::Stop).await;
    let usage = reply(&ollama, ask("stream-7-0", question("hello")))
        .await
        .finish
        .usage
        .unwrap();
    assert!(usage.prompt_tokens > 0);
    let expect = Usage {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: 7,
        ..Usage::default()
    };
    assert_eq!(usage, expect);
}

#[tokio::test]
async fn faults_have_their_class() {
    let server = server().await;
    let ollama = provider(&server);
    let check = async |model: &str, class: Class, status: Option<u16>| {
        let request = Request {
            tools: vec![weather()],
            ..question("hello")
        };
        let (_, error) = play(&ollama, ask(model, request)).await;
        let error = error.unwrap_or_else(|| panic!("{model} did not fail"));
        assert_eq!((error.class, error.status), (class, status), "{model}: {error}");
        assert!(
            !error.message.is_empty() && !error.message.contains("sk-test"),
            "{model}: {error}"
        );
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
    check("403", Class::HardDown, Some(403)).await;
    check("quota", Class::HardDown, Some(402)).await;
    check("408", Class::Transient, Some(408)).await;
    check("400", Class::ClientFault, Some(400)).await;
    check("501", Class::Capability, Some(501)).await;
    check("no-tools", Class::Capability, Some(400)).await;
    check("context", Class::ContextLength, Some(400)).await;
    check("missing", Class::ModelMissing, Some(404)).await;
    check("no-such-model", Class::ModelMissing, Some(404)).await;
}

#[tokio::test]
async fn trying_again_helps_where_it_should() {
    let server = server().await;
    let ollama = provider(&server);
    let (_, error) = play(&ollama, ask("500-once", question("hello"))).await;
    assert_eq!(error.map(|error| error.class), Some(Class::Upstream5xx));
    assert_eq!(reply(&ollama, ask("500-once", question("hello"))).await.text, OK_TEXT);
}

#[tokio::test]
async fn an_answer_that_ends_too_early_has_no_finish() {
    let server = server().await;
    let (events, error) = play(&provider(&server), ask("no-done", question("hello"))).await;
    assert_eq!(error, None);
    assert!(!events.is_empty());
    assert!(
        !events.iter().any(|event| matches!(event, Event::Finish(_))),
        "{events:?}"
    );
}

#[tokio::test]
async fn tools_are_called_and_their_results_understood() {
    let server = server().await;
    let ollama = provider(&server);
    for model in ["tools", "tools-last"] {
        let mut request = Request {
            tools: vec![weather()],
            ..question(
                "weather?\ncall get_weather {\"city\":\"Ulm\",\"unit\":\"é\"}\ncall get_weather {\"city\":\"Bonn\"}",
            )
        };
        let first = reply(&ollama, ask(model, request.clone())).await;
        assert_eq!(first.finish.reason, FinishReason::ToolCalls);
        let arguments: Vec<_> = first.tool_calls.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!(
            arguments,
            [r#"{"city":"Ulm","unit":"é"}"#, r#"{"city":"Bonn"}"#],
            "{model}"
        );
        let assistant = Message {
            tool_calls: first.tool_calls.clone(),
            ..Message::text(Role::Assistant, "")
        };
        request.messages.push(assistant);
        for (call, text) in first.tool_calls.iter().zip(["12 degrees", "9 degrees"]) {
            request.messages.push(Message {
                tool_call_id: Some(call.id.clone()),
                ..Message::text(Role::Tool, text)
            });
        }
        let second = reply(&ollama, ask(model, request.clone())).await;
        assert_eq!(second.text, "The tools said: 12 degrees / 9 degrees");
        // The server counts its calls from 0 in every answer; ours must differ from those of the turn before.
        request.messages.push(Message::text(Role::Assistant, &second.text));
        request.messages.push(Message::text(Role::User, "and tomorrow?"));
        let third = reply(&ollama, ask(model, request)).await;
        let mut ids: Vec<_> = first
            .tool_calls
            .iter()
            .chain(&third.tool_calls)
            .map(|call| &call.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4, "{model}");
    }
}

#[tokio::test]
async fn a_model_that_cannot_think_is_asked_again_without() {
    let server = server().await;
    let thinking = Request {
        options: Options {
            reasoning_effort: Some(ReasoningEffort::High),
            ..Options::default()
        },
        ..question("hello")
    };
    let answer = reply(&provider(&server), ask("no-think", thinking)).await;
    assert_eq!(answer.text, OK_TEXT);
    let thinks: Vec<_> = server
        .log()
        .iter()
        .map(|entry| entry.body.get("think").cloned())
        .collect();
    assert_eq!(thinks, [Some(json!("high")), None]);
}

#[tokio::test]
async fn the_request_is_what_ollama_wants() {
    let server = server().await;
    let settings = serde_json::from_value(json!({"num_ctx": 8192, "keep_alive": "30m", "think": false})).unwrap();
    let ollama = Ollama::new(upstream(&server.url()), settings);
    let picture = Message {
        content: vec![
            Part::Text("what is this?".into()),
            Part::Image {
                url: "data:image/png;base64,iVBORw0KGgo=".into(),
                detail: None,
            },
        ],
        ..Message::text(Role::User, "")
    };
    let request = Request {
        messages: vec![picture],
        ..Request::default()
    };
    assert_eq!(reply(&ollama, ask("echo:latest", request)).await.text, "what is this?");
    let expect = json!({
        "model": "echo:latest",
        "messages": [{"role": "user", "content": "what is this?", "images": ["iVBORw0KGgo="]}],
        "stream": true, "keep_alive": "30m", "think": false, "shift": false, "truncate": false,
        "options": {"num_ctx": 8192},
    });
    assert_eq!(server.log()[0].body, expect);
}

#[tokio::test]
async fn leaving_closes_the_connection() {
    for (model, after_first_event) in [("hang", false), ("late-60000", false), ("stall", true), ("slow", true)] {
        let server = server().await;
        leave(&server, &provider(&server), model, after_first_event).await;
    }
}
