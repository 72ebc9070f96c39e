use serde_json::{Value, json};

use super::{Stage, form, stage};
use crate::http::tests::Answered;

const PATH: &str = "/v1/images/generations";

async fn draw(stage: &Stage, more: Value) -> Answered {
    let mut body = json!({"model": "it", "prompt": "a red square"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.post(PATH, &body).await
}

#[tokio::test]
async fn request_and_answer_are_passed_on_as_they_are() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let answered = draw(&stage, json!({"n": 2, "size": "1024x1024", "x_new": {"a": 1.50}})).await;
    assert_eq!(answered.by(), (200, "cloud/ok", "1"), "{}", answered.body);
    let json = answered.json();
    assert_eq!(
        (json["data"].as_array().unwrap().len(), &json["x_new"]),
        (2, &json!({"a": 1.50}))
    );
    let sent = json!({"model": "ok", "prompt": "a red square", "n": 2, "size": "1024x1024", "x_new": {"a": 1.50}});
    assert_eq!(stage.sent_to("cloud"), [(PATH.to_owned(), sent)]);
    let url = draw(&stage, json!({"response_format": "url"})).await.json();
    assert_eq!(url["data"][0], json!({"url": "http://127.0.0.1:9/one.png"}));
}

#[tokio::test]
async fn what_cannot_make_images_says_so_by_name() {
    let stage = stage().await;
    stage.alias("gpu/ok cpu/ok");
    let (status, code, message) = draw(&stage, json!({})).await.said();
    assert_eq!((status, code.as_str()), (400, "unsupported_by_model"));
    assert_eq!(
        message,
        "gpu (ollama) cannot make images; cpu (ollama) cannot make images"
    );
    assert_eq!(stage.sent_to("gpu"), []);

    stage.alias("gpu/ok cloud/bare other/ok");
    let answered = draw(&stage, json!({})).await;
    assert_eq!(answered.by(), (200, "other/ok", "2"), "{}", answered.body);
    let reason = answered.header("x-jarvis-fallback-reason").unwrap();
    assert_eq!(
        reason,
        "gpu/ok: gpu (ollama) cannot make images; cloud/bare: does not serve /images/generations"
    );
}

/// A target that dies before its picture is here to the end is as good as one that never began.
#[tokio::test]
async fn another_target_takes_over() {
    let check = async |first: &str, attempts: &str| {
        let stage = stage().await;
        stage.alias(&format!("cloud/{first} other/ok"));
        let answered = draw(&stage, json!({})).await;
        assert_eq!(answered.by(), (200, "other/ok", attempts), "{first} {}", answered.body);
    };
    check("500", "3").await;
    check("reset", "3").await;
    check("die", "3").await;
    check("hang", "2").await;
    check("stall", "2").await;
    check("html", "2").await;
    check("error-first", "2").await;
    check("garbage", "2").await;
    check("quota", "2").await;
    check("429-long", "2").await;
    check("missing", "2").await;
}

#[tokio::test]
async fn a_fault_of_the_request_is_told_as_the_server_told_it() {
    let check = async |model: &str, expect: (u16, &str), says: &str| {
        let stage = stage().await;
        stage.alias(&format!("cloud/{model} other/ok"));
        let (status, code, message) = draw(&stage, json!({})).await.said();
        assert_eq!((status, code.as_str()), expect, "{model} {message}");
        assert!(message.contains(says), "{message}");
        assert_eq!(stage.sent_to("other"), []);
    };
    check("400", (400, "refused"), "Refused on purpose").await;
    check("filter", (400, "content_filter"), "content management policy").await;
    let stage = stage().await;
    stage.alias("cloud/ok");
    let nothing = stage.post(PATH, &json!({"model": "it"})).await;
    assert_eq!(nothing.said().2, "Missing required parameter: 'prompt'.");
    for body in [json!({"prompt": "x"}), json!({"model": "", "prompt": "x"})] {
        let refused = stage.post(PATH, &body).await;
        assert_eq!(refused.json()["error"]["param"], json!("model"), "{}", refused.body);
    }
}

fn events(answered: &Answered) -> Vec<Value> {
    let data = answered.body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

#[tokio::test]
async fn partial_images_pass_through_where_the_server_streams_them() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let answered = draw(&stage, json!({"stream": true, "partial_images": 2})).await;
    assert_eq!(answered.by(), (200, "cloud/ok", "1"), "{}", answered.body);
    assert!(
        answered
            .header("content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    let events = events(&answered);
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        (kinds[0], *kinds.last().unwrap()),
        ("image_generation.partial_image", "image_generation.completed")
    );

    let refuse = async |target: &str, says: &str| {
        stage.alias(target);
        let (status, code, message) = draw(&stage, json!({"stream": true})).await.said();
        assert_eq!((status, code.as_str()), (400, "unsupported_by_model"), "{message}");
        assert!(message.contains(says), "{message}");
    };
    refuse(
        "cloud/lax",
        "cloud/lax: cannot make images as a stream: it answered in one piece",
    )
    .await;

    stage.alias("cloud/error-first other/ok");
    assert_eq!(draw(&stage, json!({"stream": true})).await.by(), (200, "other/ok", "2"));
}

/// A stream that is cut never looks like one that ended.
#[tokio::test]
async fn a_stream_that_dies_ends_with_an_error() {
    for model in ["die", "no-done", "stall"] {
        let stage = stage().await;
        stage.alias(&format!("cloud/{model} other/ok"));
        let answered = draw(&stage, json!({"stream": true})).await;
        assert_eq!(answered.by(), (200, &*format!("cloud/{model}"), "1"));
        let events = events(&answered);
        let [.., error, done] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(
            error["error"]["code"],
            json!("stream_interrupted"),
            "{model} {events:?}"
        );
        assert_eq!(done, &json!("[DONE]"));
        assert!(events.iter().all(|event| event["type"] != "image_generation.completed"));
    }
    // What the server itself says went wrong is not said twice.
    let stage = stage().await;
    stage.alias("cloud/error-line");
    let events = events(&draw(&stage, json!({"stream": true})).await);
    assert!(
        events
            .iter()
            .any(|event| event["error"]["message"] == "the engine died"),
        "{events:?}"
    );
}

#[tokio::test]
async fn edits_are_a_form_or_json() {
    let stage = stage().await;
    stage.alias("gpu/ok cloud/500 other/ok");
    let fields = [("model", "it"), ("prompt", "make it blue")];
    let answered = stage
        .post_form("/v1/images/edits", &form(&fields, "image", b"\x89PNG\r\n\x1a\n"))
        .await;
    assert_eq!(answered.by(), (200, "other/ok", "3"), "{}", answered.body);
    assert!(answered.json()["data"][0]["b64_json"].is_string());
    stage.alias("gpu/ok");
    let refused = stage
        .post("/v1/images/edits", &json!({"model": "it", "prompt": "x"}))
        .await;
    assert_eq!(
        refused.said().2,
        "the body must be a form: `content-type: multipart/form-data; boundary=…`"
    );
    let refused = stage.post_form("/v1/images/edits", &form(&fields, "image", b"x")).await;
    assert_eq!(refused.said().2, "gpu (ollama) cannot edit images");
}
