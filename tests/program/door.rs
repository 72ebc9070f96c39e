//! Who comes in.

use std::time::Duration;

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::send;

const CHAT: &str = r#"{"model":"nope","messages":[{"role":"user","content":"hi"}]}"#;

/// Every route that reads or acts, as (method, path).
const ROUTES: [(&str, &str); 10] = [
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/jarvis/status"),
    ("GET", "/v1/jarvis/targets"),
    ("GET", "/v1/jarvis/conversations"),
    ("GET", "/v1/jarvis/approvals"),
    ("GET", "/v1/jarvis/jobs"),
    ("GET", "/v1/jarvis/runs/last"),
    ("GET", "/v1/jarvis/audit"),
    ("GET", "/v1/jarvis/events"),
];

#[tokio::test]
async fn without_keys_only_this_machine_by_its_own_name_comes_in() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    for (method, path) in ROUTES {
        let check = async |header: (&str, &str), expect: &str| {
            let answer = send(&jarvis.address, method, path, &[header], CHAT).await;
            assert_eq!(answer.status, 403, "{method} {path} {header:?}: {}", answer.text);
            assert_eq!(answer.error_code(), expect);
        };
        // A page whose name was rebound to 127.0.0.1 sends its own name.
        check(("host", "evil.example:7878"), "host_not_allowed").await;
        check(("origin", "https://evil.example"), "origin_not_allowed").await;
        check(("origin", "null"), "origin_not_allowed").await;
        check(("sec-fetch-site", "cross-site"), "origin_not_allowed").await;
    }
    let own = format!("http://{}", jarvis.address);
    let answer = send(&jarvis.address, "GET", "/v1/models", &[("origin", &own)], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// A form on a foreign page can post text without asking first.
#[tokio::test]
async fn a_cross_site_post_changes_nothing() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let headers = [("origin", "https://evil.example"), ("content-type", "text/plain")];
    let answer = send(&jarvis.address, "POST", "/v1/jarvis/conversations", &headers, "{}").await;
    assert_eq!(answer.status, 403);
    let list = jarvis.get("/v1/jarvis/conversations").await.json();
    assert_eq!(list["conversations"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn from_the_first_key_on_a_key_is_needed() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    assert_eq!(jarvis.get("/v1/models").await.status, 200);
    let (says, ok) = jarvis.run(&["key", "add", "laptop", "--scopes", "chat"]).await;
    assert!(ok, "{says}");
    let secret = says.lines().next().expect("the key").to_owned();
    let refused = eventually("the door to close", async || {
        let answer = jarvis.get("/v1/models").await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    assert!(refused.message().contains("jarvis key add"), "{}", refused.text);
    let with = async |key: &str, path: &str| {
        send(
            &jarvis.address,
            "GET",
            path,
            &[("authorization", &format!("Bearer {key}"))],
            "",
        )
        .await
    };
    assert_eq!(with(&secret, "/v1/models").await.status, 200);
    let wrong = with("jv_wrong", "/v1/models").await;
    assert_eq!(
        (wrong.status, wrong.error_code().as_str()),
        (401, "invalid_api_key"),
        "{}",
        wrong.text
    );
    // A key for talking reads nothing of the owner's.
    let reads = with(&secret, "/v1/jarvis/conversations").await;
    assert_eq!((reads.status, reads.error_code().as_str()), (403, "insufficient_scope"));

    // The owner's own commands still work: they read the data folder.
    let (says, ok) = jarvis.run(&["approve"]).await;
    assert!(ok && says.contains("No approval is open"), "{says}");

    let (says, ok) = jarvis.run(&["key", "revoke", "laptop"]).await;
    assert!(ok, "{says}");
    eventually("the key to be refused", async || {
        (with(&secret, "/v1/models").await.status == 401).then_some(())
    })
    .await;
    let (audit, _) = jarvis.run(&["audit"]).await;
    assert!(
        audit.contains("key.created") && audit.contains("key.revoked"),
        "{audit}"
    );
    assert!(!audit.contains(&secret), "the audit holds no secret");
}

/// A request waits as long as the class of its key says.
#[tokio::test]
async fn keys_of_a_class_wait_as_their_class_says() {
    let server = stand_in().await;
    let mut setup = chain(&server.url(), &[("gpu", "hang")]);
    setup.config += "\n[key_classes.hasty]\ndeadline = \"700ms\"\n";
    let jarvis = Jarvis::start(&setup).await;
    let (says, ok) = jarvis.run(&["key", "add", "one", "--class", "lazy"]).await;
    assert!(!ok && says.contains("there are: hasty"), "{says}");
    let (says, ok) = jarvis.run(&["key", "add", "one", "--class", "hasty"]).await;
    assert!(ok && says.contains("class hasty"), "{says}");
    let bearer = format!("Bearer {}", says.lines().next().expect("the key"));
    let headers = [("authorization", bearer.as_str())];
    let body = chat("jarvis-chat", "hi", false).to_string();
    let asked = send(&jarvis.address, "POST", "/v1/chat/completions", &headers, body);
    let answer = tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .expect("an end");
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (504, "timeout"),
        "{}",
        answer.text
    );
    let (says, ok) = jarvis.run(&["key", "set", "one", "--class", "none"]).await;
    assert!(ok && !says.contains("hasty"), "{says}");
}
