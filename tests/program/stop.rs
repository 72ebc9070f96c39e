//! Stopping: running turns are finished or told, streams do not end as if they were whole, acts are awaited.

use serde_json::json;
use stand_in::Server;

use crate::jarvis::{Jarvis, Setup};
use crate::wire::{open, read_until};
use crate::world::Container;

fn slow_model(url: &str) -> Setup {
    let config = format!(
        "[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{url}\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"slow\"\n"
    );
    Setup {
        config,
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_by_stopping_ends_with_an_error() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let mut jarvis = Jarvis::start(&slow_model(&server.url())).await;
    let body = json!({ "model": "jarvis", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
    let headers = [("content-type", "application/json")];
    let answer = open(
        &jarvis.address,
        "POST",
        "/v1/chat/completions",
        &headers,
        body.to_string(),
    )
    .await;
    let mut answer = answer.into_body();
    read_until(&mut answer, "word0").await;
    jarvis.terminate();
    let rest = read_until(&mut answer, "[DONE]").await;
    assert!(rest.contains("\"error\""), "{rest}");
    assert!(!rest.contains("\"finish_reason\":\"stop\""), "{rest}");
    assert_eq!(jarvis.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_act_that_has_begun_is_awaited_and_recorded() {
    // It takes its time to stop, so that the act is under way when the process is told to end.
    let web = Container::run(
        "slow-stop",
        "trap 'sleep 2; exit 0' TERM; while true; do sleep 0.1; done",
    );
    let mut jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let mut events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "")
        .await
        .into_body();
    jarvis
        .post(&path, json!({ "text": format!("restart {}", web.name) }))
        .await;
    read_until(&mut events, r#""status":"running""#).await;
    jarvis.terminate();
    assert_eq!(jarvis.exit_code().await, Some(0));
    let (audit, _) = jarvis.run(&["audit"]).await;
    assert!(
        audit.contains("tool.intent") && audit.contains("tool.outcome"),
        "{audit}"
    );

    let jarvis = Jarvis::start_in(jarvis.into_folder(), &Setup::default()).await;
    let message = jarvis
        .message(&conversation, |message| message["role"] == "assistant")
        .await;
    assert_eq!(message["detail"]["why"], json!("shutdown"), "{message}");
    assert!(
        message["text"].as_str().is_some_and(|text| text.contains(&web.name)),
        "{message}"
    );
}

#[tokio::test]
async fn a_turn_that_was_killed_is_told_of_after_the_restart() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let setup = slow_model(&server.url());
    let jarvis = Jarvis::start(&setup).await;
    let conversation = jarvis.conversation().await;
    let mut events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "")
        .await
        .into_body();
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    jarvis.post(&path, json!({ "text": "tell me" })).await;
    read_until(&mut events, r#""type":"delta""#).await;
    let jarvis = Jarvis::start_in(jarvis.kill().await, &setup).await;
    let told = jarvis
        .message(&conversation, |message| message["role"] == "event")
        .await;
    assert!(
        told["text"].as_str().is_some_and(|text| text.contains("restarted")),
        "{told}"
    );
}
