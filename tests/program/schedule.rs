//! Reminders of the whole program: made in words, said at their time by the real clock, over a kill.

use serde_json::{Value, json};

use crate::jarvis::{Jarvis, Setup};

fn in_berlin() -> Setup {
    Setup {
        config: "[schedule]\ntimezone = \"Europe/Berlin\"\n".into(),
        ..Setup::default()
    }
}

fn text(message: &Value) -> &str {
    message["text"].as_str().unwrap_or_default()
}

async fn reminders(jarvis: &Jarvis, conversation: &str) -> Vec<String> {
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let messages = jarvis.get(&path).await.json()["messages"].clone();
    let texts = messages
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| text(message).to_owned());
    texts.filter(|text| text.starts_with("**Reminder**")).collect()
}

#[tokio::test]
async fn a_reminder_is_said_at_its_time() {
    let jarvis = Jarvis::start(&in_berlin()).await;
    let conversation = jarvis.conversation().await;
    let set = jarvis.ask(&conversation, "remind me in 2 s to stretch").await;
    assert!(
        text(&set).contains("is set, a reminder: stretch") && text(&set).contains("(Europe/Berlin)"),
        "{set}"
    );
    let said = jarvis
        .message(&conversation, |message| text(message).starts_with("**Reminder**"))
        .await;
    assert_eq!(
        (text(&said), said["role"].as_str()),
        ("**Reminder**: stretch", Some("event"))
    );
    assert_eq!(jarvis.get("/v1/jarvis/jobs").await.json(), json!({ "jobs": [] }));
}

#[tokio::test]
async fn a_reminder_outlives_a_kill_and_is_said_once() {
    let jarvis = Jarvis::start(&in_berlin()).await;
    let conversation = jarvis.conversation().await;
    jarvis.ask(&conversation, "remind me in 1 s to breathe").await;
    let jarvis = Jarvis::start_in(jarvis.kill().await, &in_berlin()).await;
    jarvis
        .message(&conversation, |message| text(message).starts_with("**Reminder**"))
        .await;
    let jarvis = Jarvis::start_in(jarvis.kill().await, &in_berlin()).await;
    // Another one, so that the schedule has certainly looked since.
    jarvis.ask(&conversation, "remind me in 1 s to smile").await;
    jarvis
        .message(&conversation, |message| text(message).ends_with(": smile"))
        .await;
    assert_eq!(
        reminders(&jarvis, &conversation).await,
        ["**Reminder**: breathe", "**Reminder**: smile"]
    );
}

#[tokio::test]
async fn jobs_are_shown_and_changed_from_a_shell_and_by_programs() {
    let jarvis = Jarvis::start(&in_berlin()).await;
    let conversation = jarvis.conversation().await;
    jarvis
        .ask(&conversation, "/remind me daily 08:30 to look at the backups")
        .await;
    let job = jarvis.get("/v1/jarvis/jobs").await.json()["jobs"][0].clone();
    let id = job["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (&job["when"], &job["timezone"]),
        (&json!("every day at 08:30"), &json!("Europe/Berlin"))
    );

    let (shown, ok) = jarvis.run(&["jobs"]).await;
    assert!(
        ok && shown.contains(&id) && shown.contains("look at the backups"),
        "{shown}"
    );
    let (shown, ok) = jarvis.run(&["jobs", "pause", &id.to_lowercase()]).await;
    assert!(ok && shown.contains("paused"), "{shown}");
    let (shown, ok) = jarvis.run(&["jobs", "pause", &id]).await;
    assert!(!ok && shown.contains("there is nothing to pause"), "{shown}");

    let path = format!("/v1/jarvis/jobs/{id}");
    let answer = jarvis.post(&path, json!({ "do": "dance" })).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let answer = jarvis.post(&path, json!({ "do": "cancel" })).await;
    assert_eq!(
        (answer.status, answer.json()["status"].clone()),
        (200, json!("cancelled"))
    );
    let answer = jarvis.post(&path, json!({ "do": "resume" })).await;
    assert_eq!(
        (answer.status, answer.error_code()),
        (409, "job_not_changed".to_owned())
    );
    let answer = jarvis.post("/v1/jarvis/jobs/ZZZZZ", json!({ "do": "cancel" })).await;
    assert_eq!((answer.status, answer.error_code()), (404, "job_not_found".to_owned()));
}
