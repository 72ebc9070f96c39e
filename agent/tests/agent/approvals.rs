//! A destructive act becomes a card, and the card becomes the act, once.

use jarvis_agent::Error;
use jarvis_agent::view::{ApprovalView, CardStatus};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::chat::FinishReason;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::providers::scripted::{call, calls, finish, says};
use jarvis_memory::records::MessageRole;
use serde_json::json;

use crate::support::house::NOW;
use crate::support::{House, Manner, key, short};

pub(crate) const STOP_WEB: &str = r#"{"action":"stop","name":"web"}"#;

/// A house in which somebody asked to stop `web`, and the model did as it was told.
pub(crate) async fn asked_to_stop_web() -> House {
    let house = House::new([calls("c1", "act", STOP_WEB), says("It waits for approval.")]).await;
    house.ask("stop web").await;
    house
}

#[tokio::test]
async fn a_destructive_act_is_a_card_and_nothing_runs() {
    let house = House::new([calls("c1", "act", STOP_WEB), says("It waits for approval.")]).await;
    let mut seen = house.watch();
    let answer = house.ask("stop web").await;
    let card = house.card().await;
    let expect = ApprovalView {
        id: card.id.clone(),
        tool: "act".into(),
        arguments: json!({ "action": "stop", "name": "web" }),
        effect: "destructive".into(),
        rule: "destructive".into(),
        plan: json!({
            "title": "stop web", "says": ["web will be stopped"], "before": "running", "after": "stopped",
            "state_hash": "web:running", "undo": null,
        }),
        status: CardStatus::Pending,
        requested_by: Some("owner".into()),
        conversation_id: Some(house.conversation.clone()),
        need: 1,
        created_at: NOW,
        expires_at: Millis(NOW.0 + 30 * 60 * 1000),
        decided_by: None,
        decided_at: None,
        executed_at: None,
        outcome: None,
    };
    assert_eq!(card, expect);
    assert_eq!(
        seen.lines(),
        [
            "message user: stop web",
            "run started",
            "approval stop web pending",
            "tool act web pending",
            "delta \"It waits for approval.\"",
            "message assistant: It waits for approval.",
            "run finished answered",
        ]
    );
    assert_eq!(
        house.audit().await,
        [r#"approval.created owner/console act {"action":"stop","name":"web"} ask destructive"#]
    );
    assert_eq!(
        house.calls(&answer).await,
        [r#"act {"action":"stop","name":"web"} destructive pending"#]
    );
    assert_eq!(answer.detail["tools"][0]["approval"], json!(card.id));
    let told = house.model.calls()[1].request.messages[3].joined_text();
    let expect = json!({
        "status": "pending",
        "approval": card.id,
        "says": format!(
            "NOT done yet: **stop web** needs approval **{id}** first.\n\nNow: running. Afterwards: stopped.\n\n\
             Approve it on its card, or say `approve {id}` (or `deny {id}`) within 30 min.",
            id = card.id,
        ),
    });
    assert_eq!(told, expect.to_string());
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(house.world.state("web"), "running");
}

#[tokio::test]
async fn the_same_act_asked_again_is_the_same_card() {
    let twice = vec![
        call(0, "c1", "act", STOP_WEB),
        call(1, "c2", "act", r#"{"name":"web","action":"stop"}"#),
        finish(FinishReason::ToolCalls),
    ];
    let house = House::new([twice, says("waits"), calls("c3", "act", STOP_WEB), says("still waits")]).await;
    let answer = house.ask("stop web").await;
    assert_eq!(
        house.calls(&answer).await,
        [
            r#"act {"action":"stop","name":"web"} destructive pending"#,
            r#"act {"name":"web","action":"stop"} destructive pending"#,
        ]
    );
    let first = house.card().await;
    let answer = house.ask("stop web, I said").await;
    assert_eq!(house.card().await, first);
    assert_eq!(answer.detail["tools"][0]["approval"], json!(first.id));
    let system = house.model.calls()[2].request.messages[0].joined_text();
    assert!(
        system.ends_with(&format!("Open approval {}: stop web. Not done yet.", first.id)),
        "{system}"
    );
}

/// However many wait elsewhere.
#[tokio::test]
async fn a_model_is_told_of_the_open_cards_of_its_conversation() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let owner = crate::support::owner();
    for _ in 0..20 {
        house.clock.advance(std::time::Duration::from_millis(1));
        house.model.push(calls("c1", "act", STOP_WEB));
        house.model.push(says("It waits."));
        let other = house.agent.create_conversation(&owner).await.expect("made").id;
        let mut seen = house.watch();
        let said = house.agent.say(&owner, &other, "stop web", None).await.expect("taken");
        seen.finished(said.message.run_id.as_deref().expect("a run")).await;
    }
    house.model.push(says("It waits still."));
    house.ask("and now?").await;
    let asked = house.model.calls().pop().expect("a call");
    let system = asked.request.messages[0].joined_text();
    assert!(
        system.ends_with(&format!("Open approval {id}: stop web. Not done yet.")),
        "{system}"
    );
}

#[tokio::test]
async fn an_approved_act_runs_once_and_is_told() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let mut seen = house.watch();
    let decided = house.decide(&card.id, true).await.expect("the owner may");
    assert_eq!(
        (decided.status, decided.decided_by.as_deref()),
        (CardStatus::Approved, Some("owner"))
    );
    let closed = seen.closed(&card.id).await;
    let expect = ApprovalView {
        status: CardStatus::Done,
        decided_by: Some("owner".into()),
        decided_at: Some(NOW),
        executed_at: Some(NOW),
        outcome: Some(json!({ "status": "ok", "summary": "stop web: now stopped." })),
        ..card.clone()
    };
    assert_eq!(closed, expect);
    assert_eq!(house.card().await, expect);
    assert_eq!(house.world.done(), ["stop web"]);
    let told = format!(
        "event: **{}** was approved by owner: stop web.\n\nstop web: now stopped.",
        card.id
    );
    assert_eq!(house.talk().await[2..], *std::slice::from_ref(&told));
    assert_eq!(
        seen.lines(),
        [
            "approval stop web approved".to_owned(),
            "approval stop web executing".to_owned(),
            format!("message {told}"),
            "approval stop web done".to_owned(),
        ]
    );
    assert_eq!(
        house.audit().await[1..],
        [
            "approval.vote owner/console act yes",
            r#"tool.intent owner/approval act {"action":"stop","name":"web"} allow approved"#,
            "tool.outcome owner/approval act ok",
            "approval.finished owner/approval act done",
        ]
    );
    let asked = &house.messages().await[0];
    assert_eq!(
        house.calls(asked).await,
        [
            r#"act {"action":"stop","name":"web"} destructive pending"#,
            r#"act {"action":"stop","name":"web"} destructive ok"#,
        ]
    );
}

#[tokio::test]
async fn a_denied_act_never_runs() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let denied = house.decide(&card.id, false).await.expect("the owner may");
    assert_eq!(denied.status, CardStatus::Denied);
    let again = house.decide(&card.id, true).await;
    assert!(
        matches!(&again, Err(Error::AlreadyDecided { id, status: CardStatus::Denied, .. }) if *id == card.id),
        "{again:?}"
    );
    assert_eq!(
        house.talk().await[2..],
        [format!("event: **{}** was denied by owner: stop web.", card.id)]
    );
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(house.audit().await[1..], ["approval.vote owner/console act no"]);
}

/// The card that waits. Time stands still here, so that no card is the newest.
pub(crate) async fn open(house: &House) -> ApprovalView {
    let mut cards = house.cards().await;
    cards.retain(|card| card.status == CardStatus::Pending);
    assert_eq!(cards.len(), 1, "{cards:?}");
    cards.remove(0)
}

fn stale(change: &str, hint: &str) -> serde_json::Value {
    json!({
        "status": "error",
        "error": format!("the state changed since the card was raised ({change}), so nothing was done"),
        "hint": hint,
        "retry": false,
    })
}

const ASK_AGAIN: &str = "ask for it again to get a card for the present state";

/// What was approved for another state is asked for anew, once, and done only when somebody says yes to that.
#[tokio::test]
async fn a_state_that_changed_makes_a_card_stale_and_asks_anew_once() {
    let house = asked_to_stop_web().await;
    let first = house.card().await;
    house.world.set("web", "unhealthy");
    let closed = house.approve(&first.id).await;
    assert_eq!(closed.status, CardStatus::Stale);
    let second = open(&house).await;
    let hint = format!("asked again as {}", second.id);
    assert_eq!(closed.outcome, Some(stale("then: running; now: unhealthy", &hint)));
    assert_eq!(
        (
            second.status,
            second.rule.as_str(),
            second.decided_by.as_deref(),
            &second.arguments
        ),
        (CardStatus::Pending, "state_changed", None, &first.arguments)
    );
    assert_eq!(second.plan["before"], json!("unhealthy"));
    assert_eq!(second.requested_by, first.requested_by);
    assert!(house.talk().await[2].contains(&hint), "{:?}", house.talk().await);

    house.world.set("web", "running");
    let closed = house.approve(&second.id).await;
    assert_eq!(
        (closed.status, closed.outcome),
        (
            CardStatus::Stale,
            Some(stale("then: unhealthy; now: running", ASK_AGAIN))
        )
    );
    assert_eq!(house.cards().await.len(), 2);
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(
        house.audit().await[1..],
        [
            "approval.vote owner/console act yes",
            r#"approval.created owner/approval act {"action":"stop","name":"web"} ask state_changed"#,
            "approval.finished owner/approval act stale",
            "approval.vote owner/console act yes",
            "approval.finished owner/approval act stale",
        ]
    );
}

#[tokio::test]
async fn the_card_for_the_new_state_is_approved_like_any_other() {
    let house = asked_to_stop_web().await;
    house.world.set("web", "unhealthy");
    let first = house.card().await.id;
    house.approve(&first).await;
    let second = open(&house).await.id;
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(house.approve(&second).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

#[tokio::test]
async fn what_is_asked_for_again_twice_at_once_is_one_card() {
    let house = asked_to_stop_web().await;
    let denied = house.card().await.id;
    house.decide(&denied, false).await.expect("the owner may");
    let owner = crate::support::owner();
    let again = || house.agent.ask_again(&owner, &denied);
    let (one, two) = tokio::join!(again(), again());
    assert_eq!(one.expect("a card").id, two.expect("the same card").id);
    open(&house).await;
}

/// Nothing to do any more, or nothing that may be done: nobody is asked.
#[tokio::test]
async fn a_stale_card_is_not_asked_for_anew_in_vain() {
    let house = asked_to_stop_web().await;
    house.world.set("web", "stopped");
    let closed = house.approve(&house.card().await.id).await;
    assert_eq!(closed.outcome, Some(stale("then: running; now: stopped", ASK_AGAIN)));
    assert_eq!(house.cards().await.len(), 1);
}

#[tokio::test]
async fn an_approved_act_that_goes_wrong_says_so() {
    let check = async |manner: Manner, done: &[&str], outcome: serde_json::Value, call: &str| {
        let house = asked_to_stop_web().await;
        house.world.set_manner("web", manner);
        let closed = house.approve(&house.card().await.id).await;
        assert_eq!(
            (closed.status, closed.outcome),
            (CardStatus::Failed, Some(outcome)),
            "{manner:?}"
        );
        assert_eq!(house.world.done(), done, "{manner:?}");
        let asked = &house.messages().await[0];
        let calls = house.calls(asked).await;
        assert_eq!(
            calls.last().map(String::as_str),
            Some(&*format!(r#"act {{"action":"stop","name":"web"}} destructive {call}"#)),
            "{manner:?}"
        );
        let audit = house.audit().await;
        assert_eq!(
            audit[audit.len() - 2..],
            [
                format!("tool.outcome owner/approval act {call}"),
                "approval.finished owner/approval act failed".to_owned()
            ],
            "{manner:?}"
        );
    };
    let unknown = |what: &str| {
        json!({
            "status": "interrupted",
            "says": format!("Outcome unknown: {what}. Look at the state before you try again."),
        })
    };
    check(
        Manner::Fails,
        &[],
        json!({ "status": "error", "error": "`web` does not answer", "retry": true }),
        "error",
    )
    .await;
    check(
        Manner::LosesSight,
        &["touched web"],
        unknown("`web` was out of sight"),
        "interrupted",
    )
    .await;
    check(
        Manner::Hangs,
        &[],
        unknown("`act` took longer than 30ms"),
        "interrupted",
    )
    .await;
    check(
        Manner::Panics,
        &[],
        unknown("`act` broke off by a fault of its own"),
        "interrupted",
    )
    .await;
}

#[tokio::test]
async fn arguments_that_were_tampered_with_are_not_run() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let tampered = r#"UPDATE approvals SET arguments = '{"action":"stop","name":"vpn"}'"#;
    house.store.execute_raw(tampered).await.expect("the row is changed");
    let mut seen = house.watch();
    house.decide(&card.id, true).await.expect("the vote counts");
    let told = seen.told("is not carried out").await;
    assert_eq!(
        (told.role, told.text),
        (
            MessageRole::Event,
            format!(
                "**{}** is not carried out: what is stored of it is not what was asked for. Ask for it again, and look \
                 at who can write to the database.",
                card.id
            )
        )
    );
    assert_eq!(house.card().await.status, CardStatus::Approved);
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(house.audit().await[1..], ["approval.vote owner/console act yes"]);
}

#[tokio::test]
async fn an_act_asked_for_over_the_api_is_decided_on_the_console() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let phone = jarvis_agent::Principal::of(&key("phone", &[Scope::Approve]), jarvis_agent::Surface::Api);
    let mut seen = house.watch();
    let note = Some("fine".to_owned());
    house
        .agent
        .decide(&phone, &card.id, true, note)
        .await
        .expect("it may approve");
    let closed = seen.closed(&card.id).await;
    assert_eq!(
        (closed.status, closed.decided_by.as_deref()),
        (CardStatus::Done, Some("phone"))
    );
    assert_eq!(house.audit().await[1], "approval.vote key:id-phone/api act yes");
    let last = house.messages().await.pop().expect("an event");
    assert!(short::message(&last).contains("was approved by phone"), "{}", last.text);
}
