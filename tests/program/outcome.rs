//! What a program is told of an approval.

use serde_json::{Value, json};

use crate::jarvis::{Jarvis, Setup};
use crate::world::Container;

const RUNS: &str = "trap 'exit 0' TERM; while true; do sleep 0.1; done";

#[tokio::test]
async fn an_answer_to_a_program_names_its_card_in_a_header() {
    let web = Container::run("header", RUNS);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let stop = format!("stop {}", web.name);
    let chat = |text: &str, stream: bool| json!({ "model": "jarvis", "stream": stream, "messages": [{ "role": "user", "content": text }] });
    let check = async |path: &str, body: Value, expect: Option<&str>| {
        let answer = jarvis.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let named = answer.headers.get("x-jarvis-approval");
        let named = named.map(|ids| ids.to_str().expect("a plain text").to_owned());
        assert_eq!(named.as_deref(), expect, "{path}: {}", answer.text);
        answer.text
    };
    check("/v1/chat/completions", chat("what is running here?", false), None).await;
    let first = jarvis.post("/v1/chat/completions", chat(&stop, false)).await;
    let id = first.headers["x-jarvis-approval"].to_str().expect("an id").to_owned();
    jarvis.card(&id, "pending").await;
    // The same act again is the same card.
    check("/v1/chat/completions", chat(&stop, false), Some(&id)).await;
    check("/v1/responses", json!({ "model": "jarvis", "input": stop }), Some(&id)).await;
    let text = check("/v1/chat/completions", chat(&stop, true), None).await;
    let comment = format!("\n\n: x-jarvis-approval: {id}\n\ndata: [DONE]");
    assert!(
        text.contains(&comment) && text.contains(&format!("approve {id}")),
        "{text}"
    );
    assert_eq!(web.state(), "running");
}
