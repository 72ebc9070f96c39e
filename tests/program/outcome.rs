//! What comes of an approval: told to programs, and through a kill at any moment.

use serde_json::{Value, json};

use crate::bad_input::card_of;
use crate::jarvis::{Jarvis, Setup, eventually};
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

/// Does not end by being asked to, so that stopping it takes a second.
pub(crate) const STUBBORN: &str = "trap '' TERM; while true; do sleep 0.1; done";

/// Entries of the audit about a card, by kind.
pub(crate) async fn audited(jarvis: &Jarvis, id: &str, kind: &str) -> usize {
    let audit = jarvis.get("/v1/jarvis/audit?limit=500").await.json();
    let entries = audit["entries"].as_array().expect("entries");
    let fits = |entry: &&Value| entry["approval_id"] == id && entry["kind"] == kind;
    entries.iter().filter(fits).count()
}

/// Where in the life of an approved act the process ends.
#[derive(Debug, Clone, Copy)]
enum Killed {
    AfterTheVote,
    AfterTheClaim,
    DuringTheAct,
}

/// The process is killed without a word. Whatever it had begun then is done once, or said to be unknown, and never both.
async fn killed(at: Killed) {
    let web = Container::run("killed", STUBBORN);
    let began = web.started_at();
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let id = card_of(&jarvis.ask(&conversation, &format!("stop {}", web.name)).await);
    let path = format!("/v1/jarvis/approvals/{id}");
    let voted = jarvis.post(&path, json!({ "yes": true })).await;
    assert_eq!(voted.status, 200, "{}", voted.text);
    match at {
        Killed::AfterTheVote => {}
        Killed::AfterTheClaim => {
            let begun = async || (jarvis.get(&path).await.json()["status"] != "approved").then_some(());
            eventually("the claim", begun).await;
        }
        Killed::DuringTheAct => {
            let begun = async || (audited(&jarvis, &id, "tool.intent").await == 1).then_some(());
            eventually("the intent", begun).await;
        }
    }
    let mut folder = jarvis.kill().await;
    // The second start finds nothing left to do.
    for start in ["first", "second"] {
        let jarvis = Jarvis::start_in(folder, &Setup::default()).await;
        let card = eventually("an end", async || {
            let card = jarvis.get(&path).await.json();
            ["done", "failed"]
                .iter()
                .any(|end| card["status"] == *end)
                .then_some(card)
        })
        .await;
        let outcome = &card["outcome"];
        let intents = audited(&jarvis, &id, "tool.intent").await;
        let is_known = card["status"] == "done";
        if is_known {
            assert_eq!((outcome["status"].as_str(), intents), (Some("ok"), 1), "{at:?} {card}");
            assert_eq!(web.state(), "exited", "{at:?} {card}");
        } else {
            assert_eq!(outcome["status"], "interrupted", "{at:?} {card}");
            assert!(intents <= 1, "{at:?}: {intents} times");
        }
        let told = jarvis.message(&conversation, |message| {
            let text = message["text"].as_str().unwrap_or_default();
            message["role"] == "event" && text.contains(&id) && text.contains("Outcome unknown") != is_known
        });
        told.await;
        assert_eq!(
            audited(&jarvis, &id, "approval.finished").await,
            1,
            "{at:?}, {start} start"
        );
        assert_eq!(web.started_at(), began, "{at:?}");
        let again = jarvis.post(&path, json!({ "yes": true })).await;
        assert_eq!(again.error_code(), "approval_already_decided", "{at:?}");
        let (audit, ok) = jarvis.run(&["audit"]).await;
        assert!(ok && audit.contains("the chain is intact"), "{audit}");
        folder = jarvis.kill().await;
    }
}

#[tokio::test]
async fn a_kill_after_the_vote_loses_nothing() {
    killed(Killed::AfterTheVote).await;
}

#[tokio::test]
async fn a_kill_after_the_claim_does_nothing_twice() {
    killed(Killed::AfterTheClaim).await;
}

#[tokio::test]
async fn a_kill_during_the_act_is_an_outcome_that_nobody_knows() {
    killed(Killed::DuringTheAct).await;
}
