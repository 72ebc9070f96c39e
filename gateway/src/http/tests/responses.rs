//! `/v1/responses` at the boundary that a client has.

use super::*;
use crate::chat::{FinishReason, Role, ToolCallDelta};
use crate::provider::{Class, Error as ProviderError};

fn ask(fields: Value) -> String {
    let mut body = json!({"model": "chat", "input": "hi"});
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    body.to_string()
}

impl Site {
    async fn respond(&self, fields: Value) -> Answered {
        self.send(request(Method::POST, "/v1/responses", ask(fields))).await
    }

    async fn delete(&self, path: &str) -> Answered {
        self.send(request(Method::DELETE, path, Body::empty())).await
    }

    /// What the model was given last, in short: `user: hi`.
    fn given(&self) -> Vec<String> {
        let call = self.played.calls().pop().unwrap();
        let messages = call.request.messages.iter();
        messages
            .map(|message| {
                let role = match message.role {
                    Role::System => "system",
                    Role::User => "user",
                    Role::Assistant => "assistant",
                    Role::Tool => "tool",
                };
                let calls: Vec<&str> = message.tool_calls.iter().map(|call| call.id.as_str()).collect();
                format!("{role}: {}{}", message.joined_text(), calls.concat())
            })
            .collect()
    }
}

/// The events of a stream.
fn events(body: &str) -> Vec<Value> {
    let blocks = body.split_terminator("\n\n").filter(|block| !block.starts_with(':'));
    blocks
        .map(|block| serde_json::from_str(block.split_once("\ndata: ").unwrap().1).unwrap())
        .collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn turn(said: &str) -> Vec<Step> {
    vec![text(said), finish()]
}

fn call(id: &str) -> Step {
    Step::Event(Event::ToolCall(ToolCallDelta {
        index: 0,
        id: Some(id.into()),
        name: Some("f".into()),
        arguments: "{}".into(),
    }))
}

fn fail(class: Class) -> Step {
    Step::Fail(ProviderError::new(class, "it failed"))
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_kept_as_it_was_answered() {
    let site = site(vec![turn("hello")]);
    let answered = site.respond(json!({"metadata": {"a": "b"}, "user": "u"})).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert_eq!(answered.header("x-jarvis-target"), Some("gpu/m"));
    assert_eq!(answered.header("x-jarvis-dropped"), Some("user"));
    let answer = answered.json();
    assert_eq!(
        (&answer["model"], &answer["created_at"]),
        (&json!("m"), &json!(1_795_168_000))
    );
    assert_eq!(answer["output"][0]["content"][0]["text"], json!("hello"));
    assert_eq!(
        (&answer["usage"]["total_tokens"], &answer["metadata"]),
        (&json!(7), &json!({"a": "b"}))
    );

    let path = format!("/v1/responses/{}", answer["id"].as_str().unwrap());
    assert_eq!(site.fetch(&path).await.json(), answer);
    let listed = site.fetch(&format!("{path}/input_items")).await.json();
    assert_eq!(
        (&listed["has_more"], &listed["data"][0]["content"][0]["text"]),
        (&json!(false), &json!("hi"))
    );
    let cancel = site
        .send(request(Method::POST, &format!("{path}/cancel"), Body::empty()))
        .await;
    assert_eq!(cancel.error(), (400, "not_cancellable".into()));
    assert_eq!(
        site.delete(&path).await.json(),
        json!({"id": answer["id"], "object": "response", "deleted": true})
    );
    for gone in [site.fetch(&path).await, site.delete(&path).await] {
        assert_eq!(gone.error(), (404, "response_not_found".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_is_kept_before_its_end_is_told() {
    let site = site(vec![turn("hello")]);
    let response = request(Method::POST, "/v1/responses", ask(json!({"stream": true})));
    let response = site.router.clone().oneshot(response).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut body = response.into_body();
    let mut all = String::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        let piece = std::str::from_utf8(&data).unwrap();
        if piece.contains("response.completed") {
            assert_eq!(site.responses.kept.lock().unwrap().len(), 1);
        }
        all.push_str(piece);
    }
    let events = events(&all);
    let last = events.last().unwrap();
    assert_eq!(last["type"], json!("response.completed"));
    let path = format!("/v1/responses/{}", last["response"]["id"].as_str().unwrap());
    assert_eq!(site.fetch(&path).await.json(), last["response"]);
}

#[tokio::test(start_paused = true)]
async fn a_response_goes_on_from_an_earlier_one() {
    let tools = json!([{"type": "function", "name": "f", "parameters": null}]);
    let script = vec![vec![call("c1"), finish()], turn("sunny"), turn("again"), turn("refers")];
    let site = site(script);
    let first = site
        .respond(json!({"instructions": "be brief", "tools": tools}))
        .await
        .json();
    let output = json!([{"type": "function_call_output", "call_id": "c1", "output": "22"}]);
    let go_on = json!({"previous_response_id": first["id"], "input": output, "tools": tools});
    let second = site.respond(go_on).await.json();
    // Instructions are of one request and are not carried on.
    assert_eq!(site.given(), ["user: hi", "assistant: c1", "tool: 22"]);
    let go_on = json!({"previous_response_id": second["id"], "input": "more", "store": false});
    let third = site.respond(go_on).await.json();
    let expect = [
        "user: hi",
        "assistant: c1",
        "tool: 22",
        "assistant: sunny",
        "user: more",
    ];
    assert_eq!(site.given(), expect);
    assert_eq!(
        (&third["store"], &third["previous_response_id"]),
        (&json!(false), &second["id"])
    );
    let path = format!("/v1/responses/{}", third["id"].as_str().unwrap());
    assert_eq!(site.fetch(&path).await.error(), (404, "response_not_found".into()));

    let reference = json!({"type": "item_reference", "id": second["output"][0]["id"]});
    site.respond(json!({"input": [{"role": "user", "content": "hi"}, reference, {"role": "user", "content": "so?"}]}))
        .await;
    assert_eq!(site.given(), ["user: hi", "assistant: sunny", "user: so?"]);

    let unanswered = site
        .respond(json!({"previous_response_id": first["id"], "input": "well?"}))
        .await;
    assert_eq!(unanswered.error(), (400, "invalid_request".into()));
    for (fields, expect) in [
        (
            json!({"previous_response_id": "resp_none"}),
            (400, "previous_response_not_found"),
        ),
        (
            json!({"previous_response_id": third["id"]}),
            (400, "previous_response_not_found"),
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "msg_none"}]}),
            (404, "item_not_found"),
        ),
    ] {
        let answered = site.respond(fields).await;
        assert_eq!(answered.error(), (expect.0, expect.1.to_owned()));
    }
}

/// Each reference is a few bytes, so that without a limit a short body would become any number of long items.
#[tokio::test(start_paused = true)]
async fn what_is_referred_to_is_together_no_longer_than_a_conversation() {
    let site = site(vec![turn("one"), turn("two")]);
    let long = "x".repeat(6 * 1024 * 1024);
    let kept = site.respond(json!({"input": long})).await.json();
    let path = format!("/v1/responses/{}/input_items", kept["id"].as_str().unwrap());
    let item = site.fetch(&path).await.json()["data"][0]["id"].clone();
    let reference = json!({"type": "item_reference", "id": item});
    let refused = site.respond(json!({"input": [reference, reference]})).await;
    assert_eq!(refused.error(), (400, "context_length_exceeded".into()));
    let answered = site.respond(json!({"input": [reference]})).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
}

#[tokio::test(start_paused = true)]
async fn one_key_does_not_see_what_another_was_answered() {
    let site = site(vec![turn("secret"), turn("x"), turn("y")]);
    site.keys.add("jv_a", &[Scope::Chat]);
    site.keys.add("jv_b", &[Scope::Chat]);
    let send = async |key: &str, method: Method, path: &str, body: String| {
        let mut request = request(method, path, body);
        let value = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        site.send(request).await
    };
    let answer = send("jv_a", Method::POST, "/v1/responses", ask(json!({}))).await.json();
    let path = format!("/v1/responses/{}", answer["id"].as_str().unwrap());
    let not_found = (404, "response_not_found".to_owned());
    assert_eq!(send("jv_b", Method::GET, &path, String::new()).await.error(), not_found);
    let items = format!("{path}/input_items");
    assert_eq!(
        send("jv_b", Method::GET, &items, String::new()).await.error(),
        not_found
    );
    assert_eq!(
        send("jv_b", Method::DELETE, &path, String::new()).await.error(),
        not_found
    );
    let go_on = ask(json!({"previous_response_id": answer["id"]}));
    let refused = send("jv_b", Method::POST, "/v1/responses", go_on).await;
    assert_eq!(refused.error(), (400, "previous_response_not_found".into()));
    let refer = ask(json!({"input": [{"type": "item_reference", "id": answer["output"][0]["id"]}]}));
    let refused = send("jv_b", Method::POST, "/v1/responses", refer).await;
    assert_eq!(refused.error(), (404, "item_not_found".into()));
    assert_eq!(send("jv_a", Method::GET, &path, String::new()).await.json(), answer);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_dies_is_told_as_a_failure_and_nothing_begins_too_early() {
    let site = site(vec![vec![text("half"), fail(Class::Upstream5xx)]]);
    let answered = site.respond(json!({"stream": true, "model": "agent"})).await;
    let told = events(&answered.body);
    let kinds = kinds(&told);
    assert_eq!(kinds.first(), Some(&"response.created"));
    assert_eq!(kinds.last(), Some(&"response.failed"));
    let last = &told.last().unwrap()["response"];
    assert_eq!(
        (&last["status"], &last["output"][0]["status"]),
        (&json!("failed"), &json!("incomplete"))
    );
    assert_eq!(last["error"], json!({"code": "server_error", "message": "it failed"}));

    // Before the first word an error still has a status of its own.
    let site = self::site(vec![vec![fail(Class::HostDown)], vec![]]);
    for _ in 0..2 {
        let answered = site.respond(json!({"stream": true, "model": "agent"})).await;
        assert_eq!(answered.error(), (503, "no_target_available".into()));
    }

    let slow = vec![vec![
        Step::Wait(std::time::Duration::from_secs(25)),
        text("hi"),
        finish(),
    ]];
    let answered = self::site(slow)
        .respond(json!({"stream": true, "model": "agent"}))
        .await;
    assert!(
        answered
            .body
            .starts_with(": jarvis\n\n: jarvis\n\nevent: response.created\n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_costs_the_keeping_and_not_the_answer() {
    let site = site(vec![turn("hello"), turn("hello")]);
    *site.responses.broken.lock().unwrap() = true;
    let whole = site.respond(json!({})).await;
    assert_eq!((whole.status.as_u16(), &whole.json()["store"]), (200, &json!(false)));
    let streamed = events(&site.respond(json!({"stream": true})).await.body);
    let last = streamed.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["store"]),
        (&json!("response.completed"), &json!(false))
    );
    let go_on = site.respond(json!({"previous_response_id": "resp_1"})).await;
    assert_eq!(go_on.error(), (503, "store_unavailable".into()));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_may_be_shortened_when_asked() {
    let item = |role: &str, text: &str| json!({"role": role, "content": text});
    let input = json!([
        item("system", "be brief"),
        item("user", "1"),
        item("assistant", "2"),
        item("user", "3"),
        item("assistant", "4"),
        item("user", "5"),
    ]);
    let too_long = || vec![fail(Class::ContextLength)];
    let site = site(vec![too_long(), turn("ok"), too_long()]);
    let ask = |truncation: &str| json!({"model": "agent", "input": input, "truncation": truncation});
    let answered = site.respond(ask("auto")).await;
    assert_eq!(
        (answered.status.as_u16(), answered.header("x-jarvis-truncated")),
        (200, Some("1"))
    );
    assert_eq!(site.given(), ["system: be brief", "user: 3", "assistant: 4", "user: 5"]);
    assert_eq!(
        site.respond(ask("disabled")).await.error(),
        (400, "context_length_exceeded".into())
    );
}

#[tokio::test(start_paused = true)]
async fn how_an_answer_ended() {
    let check = async |reason: FinishReason, expect: &str, why: Value| {
        let end = Step::Event(Event::Finish(Finish::because(reason)));
        let site = site(vec![vec![text("x"), end.clone()], vec![text("x"), end]]);
        let whole = site.respond(json!({})).await.json();
        assert_eq!((&whole["status"], &whole["incomplete_details"]), (&json!(expect), &why));
        let streamed = events(&site.respond(json!({"stream": true})).await.body);
        let last = streamed.last().unwrap();
        assert_eq!(last["type"], json!(format!("response.{expect}")));
        assert_eq!(last["response"]["incomplete_details"], why);
    };
    check(FinishReason::Stop, "completed", Value::Null).await;
    check(
        FinishReason::Length,
        "incomplete",
        json!({"reason": "max_output_tokens"}),
    )
    .await;
    check(
        FinishReason::ContentFilter,
        "incomplete",
        json!({"reason": "content_filter"}),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_wrong() {
    let site = site(vec![]);
    for (body, expect) in [
        ("{\"model\": ".to_owned(), (400, "invalid_request")),
        ("[]".to_owned(), (400, "invalid_request")),
        (ask(json!({"model": "chut"})), (404, "model_not_found")),
        (ask(json!({"input": []})), (400, "invalid_request")),
        (
            ask(json!({"tools": [{"type": "web_search"}]})),
            (400, "unsupported_tool"),
        ),
        ("x".repeat(11 * 1024 * 1024), (413, "request_too_large")),
    ] {
        let answered = site.send(request(Method::POST, "/v1/responses", body)).await;
        assert_eq!(answered.error(), (expect.0, expect.1.to_owned()));
    }
    for (path, expect) in [("?limit=0", 400), ("?order=up", 400), ("?after=x", 400), ("", 200)] {
        let kept = Kept {
            id: "resp_1".into(),
            owner: "loopback".into(),
            previous: None,
            created_at: Millis(0),
            input: vec![json!({"id": "msg_1"}), json!({"id": "msg_2"})],
            response: json!({}),
        };
        *site.responses.kept.lock().unwrap() = vec![kept];
        let answered = site.fetch(&format!("/v1/responses/resp_1/input_items{path}")).await;
        assert_eq!(answered.status.as_u16(), expect, "{path}");
    }
    let page = site
        .fetch("/v1/responses/resp_1/input_items?limit=1&order=asc&after=msg_1")
        .await;
    let expect = json!({"object": "list", "first_id": "msg_2", "last_id": "msg_2", "has_more": false,
                        "data": [{"id": "msg_2"}]});
    assert_eq!(page.json(), expect);
    let streamed = site.fetch("/v1/responses/resp_1?stream=true").await;
    assert_eq!(streamed.error(), (400, "unsupported_parameter".into()));
}
