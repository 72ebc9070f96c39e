//! Memory of the whole program: from a shell, by programs, and over a restart.

use serde_json::{Value, json};

use crate::jarvis::{Jarvis, Setup};

fn text(message: &Value) -> &str {
    message["text"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn memories_are_kept_found_and_forgotten_from_a_shell_and_by_programs() {
    let setup = Setup::default();
    let jarvis = Jarvis::start(&setup).await;
    let kept = jarvis
        .post("/v1/jarvis/memory", json!({ "text": "the NAS is called attic" }))
        .await;
    assert_eq!(kept.status, 201, "{}", kept.text);
    let kept = kept.json();
    assert_eq!((&kept["audience"], &kept["author"]), (&json!("owner"), &json!("owner")));
    let again = jarvis
        .post("/v1/jarvis/memory", json!({ "text": "the NAS is called attic" }))
        .await;
    assert_eq!((again.status, again.error_code()), (409, "not_remembered".to_owned()));
    let (shown, ok) = jarvis.run(&["memory", "add", "the boiler is serviced in May"]).await;
    assert!(ok && shown.contains("the boiler is serviced in May"), "{shown}");

    let jarvis = Jarvis::start_in(jarvis.kill().await, &setup).await;
    let (shown, ok) = jarvis.run(&["memory"]).await;
    assert!(ok && shown.contains("attic") && shown.contains("boiler"), "{shown}");
    let (shown, ok) = jarvis.run(&["memory", "search", "what is the NAS called?"]).await;
    assert!(ok && shown.contains("attic") && !shown.contains("boiler"), "{shown}");
    let found = jarvis.get("/v1/jarvis/memory/search?q=boiler").await.json();
    assert_eq!(
        found["found"][0]["text"],
        json!("the boiler is serviced in May"),
        "{found}"
    );

    let id = kept["id"].as_str().expect("an id");
    let (shown, ok) = jarvis.run(&["memory", "forget", id]).await;
    assert!(ok && shown.contains("It is forgotten."), "{shown}");
    let (shown, ok) = jarvis.run(&["memory", "forget", id]).await;
    assert!(!ok && shown.contains("there is no memory"), "{shown}");
    let (_, ok) = jarvis.run(&["memory", "off"]).await;
    assert!(ok);
    let listed = jarvis.get("/v1/jarvis/memory").await.json();
    assert_eq!(
        (&listed["learning"], listed["memories"].as_array().map(Vec::len)),
        (&json!(false), Some(1))
    );
    let answer = jarvis.post("/v1/jarvis/memory", json!({ "words": "x" })).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[tokio::test]
async fn the_owner_is_forgotten_and_stays_the_owner() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    jarvis
        .ask(&conversation, "/memory add the safe opens with 71727374")
        .await;
    let asked = jarvis
        .post(
            &format!("/v1/jarvis/conversations/{conversation}/messages"),
            json!({ "text": "/forgetme" }),
        )
        .await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    jarvis.post(&path, json!({ "text": "/forgetme confirm" })).await;
    assert_eq!(jarvis.get(&path).await.status, 404, "the conversation is gone");
    let listed = jarvis.get("/v1/jarvis/memory").await.json();
    assert_eq!(listed["memories"], json!([]));
    let conversation = jarvis.conversation().await;
    let said = jarvis.ask(&conversation, "/memory add I am back").await;
    assert!(text(&said).contains("Remembered as"), "{said}");
}
