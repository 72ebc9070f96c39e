use std::time::Duration;

use async_openai::types::chat::{CreateChatCompletionResponse, CreateChatCompletionStreamResponse};
use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::chat::{Left, Served, ToolCallDelta, WireChunk};
use crate::provider::{Class, Error as ProviderError};

/// The JSON of every `data:` line but the last, which has to be `[DONE]`.
fn chunks(body: &str) -> Vec<Value> {
    let data = body.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
    let mut data: Vec<&str> = data.map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{body}");
    data.into_iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn fail(class: Class) -> Step {
    Step::Fail(ProviderError::new(class, "it failed"))
}

fn wire(data: &Value, meaningful: bool) -> Step {
    Step::Event(Event::Wire(WireChunk {
        data: Bytes::from(data.to_string()),
        meaningful,
    }))
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer() {
    let site = site(vec![vec![text("hel"), text("lo"), finish()]]);
    let answered = site.ask(question("chat", false)).await;
    assert_eq!(answered.status, 200);
    assert_eq!(answered.header("x-jarvis-target"), Some("gpu/m"));
    assert_eq!(answered.header("x-jarvis-attempts"), Some("1"));
    assert_eq!(answered.header("x-jarvis-fallback-reason"), None);
    let answer: CreateChatCompletionResponse = serde_json::from_str(&answered.body).unwrap();
    assert_eq!((answer.model.as_str(), answer.created), ("m", 1_795_168_000));
    assert_eq!(answer.choices[0].message.content.as_deref(), Some("hello"));
    assert_eq!(answer.usage.map(|usage| usage.total_tokens), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer() {
    let call = ToolCallDelta {
        index: 0,
        id: Some("c1".into()),
        name: Some("f".into()),
        arguments: "{}".into(),
    };
    let script = vec![text("hel"), text("lo"), Step::Event(Event::ToolCall(call)), finish()];
    let site = site(vec![script.clone(), script]);
    let answered = site.ask(question("chat", true)).await;
    assert_eq!(
        answered.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(answered.header("x-jarvis-target"), Some("gpu/m"));
    let without_usage = chunks(&answered.body);
    for chunk in &without_usage {
        serde_json::from_value::<CreateChatCompletionStreamResponse>(chunk.clone()).unwrap();
        assert_eq!((&chunk["id"], &chunk["model"]), (&without_usage[0]["id"], &json!("m")));
        assert_eq!(chunk.get("usage"), None);
    }
    let deltas: Vec<(&Value, &Value)> = without_usage
        .iter()
        .map(|chunk| (&chunk["choices"][0]["delta"], &chunk["choices"][0]["finish_reason"]))
        .collect();
    let call = json!({"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let expect = [
        (json!({"role": "assistant", "content": ""}), Value::Null),
        (json!({"content": "hel"}), Value::Null),
        (json!({"content": "lo"}), Value::Null),
        (json!({"tool_calls": [call]}), Value::Null),
        (json!({}), json!("stop")),
    ];
    assert_eq!(
        deltas,
        expect.iter().map(|(delta, reason)| (delta, reason)).collect::<Vec<_>>()
    );

    let mut body: Value = serde_json::from_str(&question("chat", true)).unwrap();
    body["stream_options"] = json!({"include_usage": true});
    let with_usage = chunks(&site.ask(body.to_string()).await.body);
    let (last, others) = with_usage.split_last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]["total_tokens"]),
        (&json!([]), &json!(7))
    );
    assert!(
        others
            .iter()
            .all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn chunks_of_the_same_protocol_pass_through_untouched() {
    let chunk = |delta: Value, reason: Value| {
        json!({"id": "up", "object": "chat.completion.chunk", "created": 1, "model": "m2", "x_odd": [1.0, null],
               "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    };
    let sent = [
        chunk(json!({"role": "assistant", "content": ""}), Value::Null),
        chunk(json!({"content": "hello", "x_new": 1}), Value::Null),
        chunk(json!({}), json!("stop")),
    ];
    let script = vec![
        wire(&sent[0], false),
        wire(&sent[1], true),
        wire(&sent[2], false),
        finish(),
    ];
    let site = site(vec![script.clone(), script]);
    assert_eq!(chunks(&site.ask(question("chat", true)).await.body), sent);
    let whole = site.ask(question("chat", false)).await.json();
    assert_eq!((&whole["id"], &whole["x_odd"]), (&json!("up"), &json!([1.0, null])));
    assert_eq!(whole["choices"][0]["message"]["x_new"], json!(1));
    let asked = site.played.calls().pop().unwrap().request.original.clone().unwrap();
    assert_eq!(
        (asked.body, asked.include_usage),
        (Bytes::from(question("chat", false)), true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_dies_ends_with_an_error_and_no_finish_reason() {
    for end in [vec![fail(Class::Upstream5xx)], vec![]] {
        let site = site(vec![[vec![text("half")], end].concat()]);
        let answered = site.ask(question("chat", true)).await;
        assert_eq!(answered.status, 200);
        let chunks = chunks(&answered.body);
        let (last, others) = chunks.split_last().unwrap();
        let error = &last["error"];
        assert_eq!(
            (&error["code"], &error["type"]),
            (&json!("stream_interrupted"), &json!("upstream_error"))
        );
        assert_eq!((error.get("param"), &last["choices"]), (Some(&Value::Null), &json!([])));
        assert!(
            others
                .iter()
                .all(|chunk| chunk["choices"][0]["finish_reason"].is_null())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_it_is_known_how_it_goes() {
    let late = |end: Step| vec![vec![Step::Wait(Duration::from_millis(2_900)), end, finish()]];
    let site = site(late(fail(Class::HostDown)));
    let answered = site.ask(question("agent", true)).await;
    assert_eq!(answered.error(), (503, "no_target_available".to_owned()));
    assert_eq!(answered.header("x-should-retry"), Some("false"));

    let slow = vec![vec![Step::Wait(Duration::from_secs(25)), text("hi"), finish()]];
    let site = self::site(slow);
    let began = Instant::now();
    let response = site
        .router
        .clone()
        .oneshot(request(Method::POST, "/v1/chat/completions", question("agent", true)));
    let response = response.await.unwrap();
    assert_eq!((response.status().as_u16(), began.elapsed().as_secs()), (200, 3));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.starts_with(": jarvis\n\n: jarvis\n\ndata: {"), "{body}");
    assert_eq!(chunks(&body).len(), 3);

    // A failure after the status has to be told in the stream.
    let site = self::site(vec![vec![Step::Wait(Duration::from_secs(4)), fail(Class::HostDown)]]);
    let answered = site.ask(question("agent", true)).await;
    assert_eq!(answered.status, 200);
    assert_eq!(chunks(&answered.body)[0]["error"]["message"], json!("it failed"));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_answers_the_error_says_why() {
    let site = site(vec![vec![fail(Class::HostDown)]]);
    let answered = site.ask(question("chat", false)).await;
    assert_eq!(answered.error(), (503, "no_target_available".to_owned()));
    let error = &answered.json()["error"];
    assert_eq!(error["message"], json!("no model answered (gpu/m: it failed)"));
    assert_eq!(answered.header("x-should-retry"), Some("false"));
    let wait: u64 = answered.header("retry-after").unwrap().parse().unwrap();
    assert!((4..=6).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_told_in_the_headers() {
    let served = Served {
        target: "cloud/gpt".into(),
        model: "gpt".into(),
        attempts: 2,
        left: vec![Left {
            target: "gpu/m".into(),
            reason: "refused\r\nx-evil: 1 \u{e9}".into(),
            class: Class::HostDown,
        }],
        dropped: vec!["logit_bias".into(), "user".into()],
    };
    let site = site(vec![vec![Step::Event(Event::Served(served)), text("hi"), finish()]]);
    let answered = site.ask(question("agent", true)).await;
    assert_eq!(answered.header("x-jarvis-target"), Some("cloud/gpt"));
    assert_eq!(answered.header("x-jarvis-attempts"), Some("2"));
    assert_eq!(
        answered.header("x-jarvis-fallback-reason"),
        Some("gpu/m: refusedx-evil: 1 ")
    );
    assert_eq!(answered.header("x-jarvis-dropped"), Some("logit_bias, user"));
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_request_is_relayed_in_our_shape() {
    let check = async |status: u16, body: &str, expect: Value| {
        let error = ProviderError {
            status: Some(status),
            body: Some(body.into()),
            ..ProviderError::new(Class::ClientFault, "the server refused the request")
        };
        let site = site(vec![vec![Step::Fail(error)]]);
        let answered = site.ask(question("chat", false)).await;
        assert_eq!(answered.json()["error"], expect);
        answered.error();
        assert_eq!(answered.status.as_u16(), status);
    };
    let ours = |message: &str, param: Value, code: &str| json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
    let body = r#"{"error": {"message": "bad seed", "type": "x", "param": "seed", "code": "invalid_seed"}}"#;
    check(422, body, ours("bad seed", json!("seed"), "invalid_seed")).await;
    check(
        400,
        r#"{"code": 400, "message": "bad"}"#,
        ours("bad", Value::Null, "400"),
    )
    .await;
    let ours = ours("the server refused the request", Value::Null, "invalid_request");
    check(400, "<html>", ours).await;
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_told_what_is_wrong_with_it() {
    let site = site(vec![]);
    let check = async |body: Body, status: u16, code: &str, param: Value, says: &str| {
        let answered = site.ask(body).await;
        assert_eq!(answered.error(), (status, code.to_owned()));
        let error = &answered.json()["error"];
        assert_eq!(
            (&error["param"], &error["type"]),
            (&param, &json!("invalid_request_error"))
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
    };
    check(
        "{\"model\":".into(),
        400,
        "invalid_request",
        Value::Null,
        "line 1 column 9",
    )
    .await;
    check(
        "{\"model\": 7}".into(),
        400,
        "invalid_request",
        json!("model"),
        "`model`",
    )
    .await;
    check(
        "\u{0}\u{ff}".into(),
        400,
        "invalid_request",
        Value::Null,
        "not valid JSON",
    )
    .await;
    let near = "the model `chatt` does not exist or you do not have access to it; did you mean `chat`?";
    check(
        question("chatt", false).into(),
        404,
        "model_not_found",
        json!("model"),
        near,
    )
    .await;
    let mut two: Value = serde_json::from_str(&question("chat", false)).unwrap();
    two["n"] = json!(2);
    check(
        two.to_string().into(),
        400,
        "unsupported_parameter",
        json!("n"),
        "one answer",
    )
    .await;

    let limit = 10 * 1024 * 1024;
    let piece = Bytes::from(vec![b' '; 1024 * 1024]);
    let endless = futures_util::stream::iter((0..50).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    check(
        Body::from_stream(endless),
        413,
        "request_too_large",
        Value::Null,
        "10 MiB",
    )
    .await;
    check(
        vec![b' '; limit + 1].into(),
        413,
        "request_too_large",
        Value::Null,
        "10 MiB",
    )
    .await;
    check(vec![b' '; limit].into(), 400, "invalid_request", Value::Null, "EOF").await;
    assert_eq!(site.played.calls().len(), 0);
}

#[tokio::test]
async fn the_models_are_listed() {
    let site = site(vec![]);
    let model =
        |id: &str, owner: &str| json!({"id": id, "object": "model", "created": 1_795_168_000, "owned_by": owner});
    let expect = json!({"object": "list", "data": [
        model("agent", "jarvis"), model("chat", "jarvis"), model("gpu/m", "gpu"),
    ]});
    assert_eq!(site.fetch("/v1/models").await.json(), expect);
    assert_eq!(site.fetch("/v1/models/gpu/m").await.json(), model("gpu/m", "gpu"));
    assert_eq!(site.fetch("/v1/models/gpu%2Fm").await.json(), model("gpu/m", "gpu"));
    assert_eq!(
        site.fetch("/v1/models/none").await.error(),
        (404, "model_not_found".to_owned())
    );
    assert_eq!(
        site.fetch("/v1/elsewhere").await.error(),
        (404, "unknown_url".to_owned())
    );
    assert_eq!(site.fetch("/elsewhere").await.error(), (404, "unknown_url".to_owned()));
    let wrong = site.send(request(Method::POST, "/v1/models", Body::empty())).await;
    assert_eq!(wrong.error(), (405, "method_not_allowed".to_owned()));
    assert!(site.registry.all_of_kind("chat", "ollama") && !site.registry.all_of_kind("chat", "openai"));
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_told_who_asks_and_in_which_conversation() {
    let site = site(vec![vec![text("hi"), finish()]]);
    let mut asks = request(Method::POST, "/v1/chat/completions", question("agent", false));
    asks.headers_mut()
        .insert("x-jarvis-conversation", "c-1".parse().unwrap());
    assert_eq!(site.send(asks).await.status, 200);
    let call = site.played.calls().pop().unwrap();
    assert_eq!(call.request.caller, crate::caller::Caller::Loopback);
    assert_eq!(
        (call.request.conversation.as_deref(), call.model.as_str()),
        (Some("c-1"), "agent")
    );
}
