//! The main job on real containers, without any model: command mode.

use serde_json::json;

use crate::bad_input::card_of;
use crate::jarvis::{Jarvis, Setup};
use crate::world::Container;

const RUNS: &str = "trap 'exit 0' TERM; while true; do sleep 0.1; done";
const DIES: &str = "echo 'connecting to the database'; echo 'FATAL: password=hunter22 rejected by db-7' >&2; exit 3";

#[tokio::test]
async fn what_is_running_here() {
    let web = Container::run("list", RUNS);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, "what is running here?").await;
    let text = answer["text"].as_str().expect("a text");
    assert!(text.contains(&web.name), "{text}");
    assert!(text.contains("command mode"), "every such answer says so: {text}");
    assert_eq!(answer["detail"]["tools"][0]["name"], json!("list_containers"));
    assert_eq!(answer["detail"]["tools"][0]["status"], json!("ok"));
}

#[tokio::test]
async fn why_did_it_die_quotes_its_own_log_and_no_secret() {
    let dead = Container::run("dies", DIES);
    crate::jarvis::eventually("it to die", async || (dead.state() == "exited").then_some(())).await;
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, &format!("why did {} die?", dead.name)).await;
    let text = answer["text"].as_str().expect("a text");
    assert!(text.contains("connecting to the database"), "{text}");
    assert!(text.contains("rejected by db-7"), "{text}");
    assert!(text.contains('3'), "the exit code: {text}");
    assert!(!text.contains("hunter22"), "{text}");
}

#[tokio::test]
async fn a_restart_runs_at_once_and_is_read_back() {
    let web = Container::run("restart", RUNS);
    let before = web.started_at();
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, &format!("restart {}", web.name)).await;
    assert_ne!(web.started_at(), before, "{answer}");
    assert_eq!(web.state(), "running");
    assert!(
        answer["text"].as_str().is_some_and(|text| text.contains("running")),
        "{answer}"
    );
    let (audit, ok) = jarvis.run(&["audit"]).await;
    assert!(ok && audit.contains("the chain is intact"), "{audit}");
    let intent = audit.find("tool.intent").expect("the intent is written");
    assert!(audit.find("tool.outcome").expect("the outcome is written") > intent);
    assert!(audit.contains("allow by reversible"), "{audit}");
}

#[tokio::test]
async fn stopping_waits_for_a_card_that_survives_a_kill() {
    let web = Container::run("stop", RUNS);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, &format!("stop {}", web.name)).await;
    let id = card_of(&answer);
    assert!(
        answer["text"]
            .as_str()
            .is_some_and(|text| text.contains(&id) && text.contains("NOT done")),
        "{answer}"
    );
    assert_eq!(web.state(), "running");

    let jarvis = Jarvis::start_in(jarvis.kill().await, &Setup::default()).await;
    let card = jarvis.card(&id, "pending").await;
    assert_eq!(card["plan"]["title"], json!(format!("stop container {}", web.name)));
    assert_eq!(card["requested_by"], json!("owner"));
    let path = format!("/v1/jarvis/approvals/{id}");
    let approved = jarvis.post(&path, json!({ "yes": true })).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let done = jarvis.card(&id, "done").await;
    assert_eq!(web.state(), "exited");
    assert_eq!(done["outcome"]["status"], json!("ok"), "{done}");
    let told = jarvis.message(&conversation, |message| {
        message["role"] == "event" && message["text"].as_str().is_some_and(|text| text.contains(&id))
    });
    assert!(
        told.await["text"]
            .as_str()
            .is_some_and(|text| text.contains("exited") || text.contains("stopped"))
    );
    let again = jarvis.post(&path, json!({ "yes": true })).await;
    assert_eq!(
        (again.status, again.error_code().as_str()),
        (409, "approval_already_decided")
    );
    let (audit, _) = jarvis.run(&["audit"]).await;
    for kind in ["approval.created", "approval.vote", "tool.intent", "tool.outcome"] {
        assert!(audit.contains(kind), "{kind} in {audit}");
    }
    assert_eq!(audit.matches("tool.outcome").count(), 1, "run once: {audit}");
}

#[tokio::test]
async fn a_card_is_decided_in_words_and_from_the_command_line() {
    let (one, two) = (Container::run("words", RUNS), Container::run("line", RUNS));
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let first = card_of(&jarvis.ask(&conversation, &format!("stop {}", one.name)).await);
    jarvis
        .ask(&conversation, &format!("approve {}", first.to_lowercase()))
        .await;
    jarvis.card(&first, "done").await;
    assert_eq!(one.state(), "exited");
    let second = card_of(&jarvis.ask(&conversation, &format!("stop {}", two.name)).await);
    let (says, ok) = jarvis.run(&["approve"]).await;
    assert!(ok && says.contains(&second) && !says.contains(&first), "{says}");
    let (says, ok) = jarvis.run(&["approve", &second]).await;
    assert!(ok && says.contains("Approved"), "{says}");
    jarvis.card(&second, "done").await;
    assert_eq!(two.state(), "exited");
}

#[tokio::test]
async fn a_card_for_a_state_that_is_gone_does_nothing() {
    let web = Container::run("stale", RUNS);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let id = card_of(&jarvis.ask(&conversation, &format!("stop {}", web.name)).await);
    crate::world::docker(&["restart", "-t", "1", &web.name]).expect("it restarts");
    jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    let card = jarvis.card(&id, "stale").await;
    assert!(
        card["outcome"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("changed")),
        "{card}"
    );
    assert_eq!(web.state(), "running");
    let hint = card["outcome"]["hint"].as_str().expect("a hint");
    let new = hint.strip_prefix("asked again as ").expect("the new card");
    jarvis.card(new, "pending").await;
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let web = Container::run("near", RUNS);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let typo = format!("{}x", web.name);
    let answer = jarvis.ask(&conversation, &format!("restart {typo}")).await;
    let text = answer["text"].as_str().expect("a text");
    assert!(
        text.contains(&typo) && text.contains(&format!("`{}`", web.name)),
        "{text}"
    );
    let crafted = jarvis.ask(&conversation, "restart ../images/jarvis-test/tiny").await;
    assert!(
        crafted["detail"]["tools"]
            .as_array()
            .is_none_or(|tools| tools.iter().all(|tool| tool["status"] != "ok"))
    );
    assert!(
        crate::world::docker(&["image", "inspect", "jarvis-test/tiny"]).is_ok(),
        "the image is still there"
    );
}

#[tokio::test]
async fn an_engine_that_is_away_is_said_and_nothing_is_lost() {
    let setup = Setup {
        config: "tools.docker.host = \"/nowhere/docker.sock\"".into(),
        ..Setup::default()
    };
    let jarvis = Jarvis::start(&setup).await;
    assert!(
        jarvis.lines.iter().any(|line| line.contains("Docker     missing")),
        "{:?}",
        jarvis.lines
    );
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, "what is running here?").await;
    let text = answer["text"].as_str().expect("a text");
    assert!(text.contains("/nowhere/docker.sock"), "{text}");
    let (audit, ok) = jarvis.run(&["audit"]).await;
    assert!(ok && audit.contains("error"), "{audit}");
}
