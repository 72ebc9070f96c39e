//! What people and programs send by mistake, or on purpose.

use bytes::Bytes;
use serde_json::json;

use crate::jarvis::{Jarvis, Setup};
use crate::wire::{PATIENCE, send};
use crate::world::Container;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_request_that_is_not_right_is_told_what_is_wrong() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let check = async |body: &str, status: u16, code: &str, part: &str| {
        let answer = send(
            &jarvis.address,
            "POST",
            "/v1/chat/completions",
            &[JSON],
            body.to_owned(),
        )
        .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert_eq!(answer.error_code(), code, "{body}: {}", answer.text);
        assert!(answer.message().contains(part), "{body}: {}", answer.text);
    };
    check(r#"{"model":"#, 400, "invalid_request", "line 1").await;
    check("[]", 400, "invalid_request", "").await;
    check(r#"{"messages":[]}"#, 400, "invalid_request", "`model`").await;
    check(
        r#"{"model":"jarvis","messages":"hi"}"#,
        400,
        "invalid_request",
        "messages",
    )
    .await;
    check(
        r#"{"model":"jarvs","messages":[{"role":"user","content":"x"}]}"#,
        404,
        "model_not_found",
        "`jarvis`",
    )
    .await;
    let tools = r#"{"model":"jarvis","messages":[{"role":"user","content":"x"}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}"#;
    check(tools, 400, "invalid_request", "its own tools").await;
}

#[tokio::test]
async fn a_huge_body_is_refused_without_being_read() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let body = Bytes::from(vec![b'x'; 50 * 1024 * 1024]);
    let path = "/v1/chat/completions";
    let whole = send(&jarvis.address, "POST", path, &[JSON], body.clone()).await;
    assert_eq!(
        (whole.status, whole.error_code().as_str()),
        (413, "request_too_large"),
        "{}",
        whole.text
    );
    for path in ["/v1/chat/completions", "/v1/jarvis/conversations/x/messages"] {
        // A client that waits for a go-ahead is answered before it has sent anything.
        let length = body.len().to_string();
        let headers = [JSON, ("content-length", length.as_str()), ("expect", "100-continue")];
        let answer = tokio::time::timeout(PATIENCE, send_head_only(&jarvis.address, path, &headers))
            .await
            .expect("in time");
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
        assert!(
            answer.contains(r#""param":"#) && answer.contains(r#""code":"#),
            "{answer}"
        );
    }
    assert_eq!(jarvis.get("/healthz").await.status, 200);
}

/// Sends a request's head and none of its body, and reads what comes back until the answer is whole.
async fn send_head_only(address: &str, path: &str, headers: &[(&str, &str)]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .expect("it is sent");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.expect("an answer");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn talking_to_what_is_not_there() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let check = async |method: &str, path: &str, body: &str, status: u16, code: &str| {
        let answer = send(&jarvis.address, method, path, &[JSON], body.to_owned()).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code),
            "{method} {path}: {}",
            answer.text
        );
    };
    check(
        "GET",
        "/v1/jarvis/conversations/nope/messages",
        "",
        404,
        "conversation_not_found",
    )
    .await;
    check(
        "POST",
        "/v1/jarvis/conversations/nope/messages",
        r#"{"text":"hi"}"#,
        404,
        "conversation_not_found",
    )
    .await;
    check(
        "POST",
        "/v1/jarvis/approvals/K7QX",
        r#"{"yes":true}"#,
        404,
        "approval_not_found",
    )
    .await;
    check("GET", "/v1/jarvis/nope", "", 404, "unknown_url").await;
    check("GET", "/v1/nope", "", 404, "unknown_url").await;
    let conversation = jarvis.conversation().await;
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    check("POST", &path, r#"{"text":" "}"#, 400, "message_empty").await;
    check("POST", &path, r#"{"txt":"hi"}"#, 400, "invalid_body").await;
    check("POST", &path, r#"{"text":"#, 400, "invalid_body").await;
    let long = json!({ "text": "x".repeat(100_001) }).to_string();
    check("POST", &path, &long, 413, "message_too_long").await;
}

/// An expired card, a second click, and a click by somebody without the right.
#[tokio::test]
async fn a_card_is_decided_once_in_time_and_by_the_right_person() {
    let web = Container::run("card", "trap 'exit 0' TERM; while true; do sleep 0.1; done");
    let stop = format!("stop {}", web.name);

    let jarvis = Jarvis::start(&Setup {
        config: "agent.approval_minutes = 0".into(),
        ..Setup::default()
    })
    .await;
    let conversation = jarvis.conversation().await;
    let id = card_of(&jarvis.ask(&conversation, &stop).await);
    let late = jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    assert_eq!(
        (late.status, late.error_code().as_str()),
        (410, "approval_expired"),
        "{}",
        late.text
    );
    assert_eq!(web.state(), "running");

    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let id = card_of(&jarvis.ask(&conversation, &stop).await);
    let (key, ok) = jarvis.run(&["key", "new", "watcher", "--scope", "chat,ops"]).await;
    assert!(ok, "{key}");
    let key = format!("Bearer {}", key.lines().next().unwrap_or_default());
    let path = format!("/v1/jarvis/approvals/{id}");
    let click = async |key: &str, yes: bool| {
        send(
            &jarvis.address,
            "POST",
            &path,
            &[JSON, ("authorization", key)],
            json!({ "yes": yes }).to_string(),
        )
        .await
    };
    let forbidden = click(&key, true).await;
    assert_eq!(
        (forbidden.status, forbidden.error_code().as_str()),
        (403, "approval_forbidden"),
        "{}",
        forbidden.text
    );
    assert_eq!(web.state(), "running");
    let local = std::fs::read_to_string(jarvis.data().join("local.key")).expect("the local key");
    let owner = format!("Bearer {local}");
    let denied = click(&owner, false).await;
    assert_eq!(
        (denied.status, denied.json()["status"].clone()),
        (200, json!("denied")),
        "{}",
        denied.text
    );
    let second = click(&owner, true).await;
    assert_eq!(
        (second.status, second.error_code().as_str()),
        (409, "approval_already_decided"),
        "{}",
        second.text
    );
    assert_eq!(web.state(), "running");
}

/// The id of the card that an answer names.
pub(crate) fn card_of(message: &serde_json::Value) -> String {
    let tools = message["detail"]["tools"].as_array().cloned().unwrap_or_default();
    let id = tools
        .iter()
        .find_map(|tool| tool["approval"].as_str().map(str::to_owned));
    id.unwrap_or_else(|| panic!("no card in {message}"))
}
