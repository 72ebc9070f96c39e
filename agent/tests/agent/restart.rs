//! What a new process does about what the last one left: cards, acts and turns.

use std::time::Duration;

use jarvis_agent::Error;
use jarvis_agent::view::CardStatus;
use jarvis_gateway::providers::scripted::{Step, calls, says};
use serde_json::json;

use crate::approvals::asked_to_stop_web;
use crate::support::{House, short};

#[tokio::test]
async fn a_pending_card_survives_and_works() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let house = house.restarted([]).await;
    assert_eq!(house.card().await, card);
    assert_eq!(house.approve(&card.id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
    let house = house.restarted([]).await;
    assert_eq!(house.card().await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

#[tokio::test]
async fn what_was_approved_and_not_begun_is_done_once_at_start() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let approved = "UPDATE approvals SET status = 'approved', decided_by = 'owner'";
    house.store.execute_raw(approved).await.expect("a crash after the vote");
    let house = house.restarted([]).await;
    let mut seen = house.watch();
    if house.card().await.status != CardStatus::Done {
        seen.closed(&id).await;
    }
    let house = house.restarted([]).await;
    assert_eq!(house.card().await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
    assert_eq!(
        house.talk().await[2..],
        [format!(
            "event: **{id}** was approved by owner: stop web.\n\nstop web: now stopped."
        )]
    );
}

#[tokio::test]
async fn what_was_being_executed_is_reported_and_never_repeated() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let gate = house.world.hold("web");
    house.decide(&id, true).await.expect("the owner may");
    gate.arrived().await;

    let house = house.restarted([]).await;
    let card = house.card().await;
    assert_eq!(card.status, CardStatus::Failed);
    let says = "Outcome unknown: Jarvis was stopped while it did this. The state now: running.";
    assert_eq!(card.outcome, Some(json!({ "status": "interrupted", "says": says })));
    let told = format!("event: **{id}** was approved by owner: stop web.\n\n{says}");
    assert_eq!(house.talk().await[2..], [told]);
    let asked = &house.messages().await[0];
    assert_eq!(
        house.calls(asked).await[1..],
        [r#"act {"action":"stop","name":"web"} destructive interrupted"#]
    );
    let audit = house.audit().await;
    assert_eq!(
        audit[2..],
        [
            r#"tool.intent owner/approval act {"action":"stop","name":"web"} allow approved"#,
            "tool.outcome owner/restart act interrupted",
            "approval.finished owner/approval act failed",
        ]
    );
    // A second start finds nothing left to report, and nobody can start it again.
    let house = house.restarted([]).await;
    assert_eq!(house.audit().await, audit);
    assert!(matches!(
        house.decide(&id, true).await,
        Err(Error::AlreadyDecided { .. })
    ));
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_card_whose_time_ended_meanwhile_is_expired_at_start() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let approved = "UPDATE approvals SET status = 'approved', decided_by = 'owner'";
    house.store.execute_raw(approved).await.expect("a crash after the vote");
    house.clock.advance(Duration::from_hours(1));
    let house = house.restarted([]).await;
    assert_eq!(house.card().await.status, CardStatus::Expired);
    assert_eq!(house.world.done(), Vec::<String>::new());
    let told = house.talk().await.pop().expect("an event");
    assert_eq!(
        told,
        format!(
            "event: **{id}** was approved by owner and expired before it was begun: stop web. Say `again {id}` if it \
             is still wanted."
        )
    );
}

#[tokio::test]
async fn a_turn_that_was_cut_off_is_closed_and_told() {
    let check = async |turn: Vec<Step>, held: Option<&str>, told: &str, call: &[&str]| {
        let house = House::new([turn]).await;
        let mut seen = house.watch();
        let gate = held.map(|name| house.world.hold(name));
        let said = house.say("restart web").await.expect("taken").message;
        match gate {
            Some(gate) => gate.arrived().await,
            None => seen.text("Let me").await,
        }
        let house = house.restarted([says("here again")]).await;
        assert_eq!(
            house.talk().await,
            ["user: restart web".to_owned(), format!("event: {told}")]
        );
        assert_eq!(
            short::run(&house.run_of(&said).await),
            "failed restarted: 0 models, 0 tools"
        );
        assert_eq!(house.calls(&said).await, call);
        assert_eq!(house.world.done(), Vec::<String>::new());
        house.audit().await;
        assert_eq!(house.ask("hello?").await.text, "here again");
    };
    let no_answer = "Jarvis was restarted during this turn, so it has no answer. Ask again.";
    let talks = vec![
        Step::Event(jarvis_gateway::chat::Event::Text("Let me".into())),
        Step::Hang,
    ];
    check(talks, None, no_answer, &[]).await;
    check(
        calls("c1", "read_state", r#"{"name":"web"}"#),
        Some("web"),
        no_answer,
        &[r#"read_state {"name":"web"} read interrupted"#],
    )
    .await;
    check(
        calls("c1", "act", r#"{"action":"restart","name":"web"}"#),
        Some("web"),
        &format!(
            "{no_answer} The outcome of `act` {{\"action\":\"restart\",\"name\":\"web\"}} is unknown: look at the state first."
        ),
        &[r#"act {"action":"restart","name":"web"} reversible interrupted"#],
    )
    .await;
}
