//! A freeze holds for every act from the moment it is a row, and nothing else ends it than its end or a person.

use std::time::Duration;

use jarvis_agent::view::CardStatus;
use jarvis_agent::{Error, Frozen};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::providers::scripted::{Turn, calls, says};
use jarvis_memory::records::{AuditEvent, Vote};

use crate::approvals::asked_to_stop_web;
use crate::support::house::{NOW, owner};
use crate::support::{House, key};

const RESTART_WEB: &str = r#"{"action":"restart","name":"web"}"#;

fn restart_web() -> [Turn; 2] {
    [calls("c1", "act", RESTART_WEB), says("so it is")]
}

/// The outcome of the act that a model is made to call.
async fn outcome(house: &House) -> String {
    let answer = house.ask("restart web").await;
    house.calls(&answer).await.concat()
}

const DONE: &str = r#"act {"action":"restart","name":"web"} reversible ok"#;
const DENIED: &str = r#"act {"action":"restart","name":"web"} reversible denied"#;

#[tokio::test]
async fn a_freeze_is_for_acts_and_ends_by_hand_or_by_itself() {
    let turns = (0..5).flat_map(|_| restart_web());
    let reads = [calls("c1", "read_state", r#"{"name":"web"}"#), says("it runs")];
    let house = House::new(turns.chain(reads)).await;
    let frozen = house.agent.freeze(&owner(), "all", None).await.unwrap();
    let expect = Frozen {
        what: "all".into(),
        until: None,
        by: "owner".into(),
        at: NOW,
    };
    assert_eq!(frozen, [expect]);
    assert_eq!(outcome(&house).await, DENIED);
    let system = house.model.calls()[0].request.messages[0].joined_text();
    assert!(
        system.ends_with("All acts are frozen by owner, until somebody takes it away."),
        "{system}"
    );
    assert_eq!(house.agent.unfreeze(&owner(), "all").await.unwrap(), []);
    assert_eq!(outcome(&house).await, DONE);
    // One tool, for an hour, through a restart.
    house.say("/freeze act 1h").await.unwrap();
    assert_eq!(outcome(&house).await, DENIED);
    let house = house.restarted(restart_web().into_iter().chain(restart_web())).await;
    assert_eq!(outcome(&house).await, DENIED);
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(outcome(&house).await, DONE);
    assert_eq!(house.agent.frozen(&owner()).await.unwrap(), []);
    // Another tool's freeze is no concern of this one; a read is never frozen.
    let house = house
        .restarted(
            [calls("c1", "read_state", r#"{"name":"web"}"#), says("it runs")]
                .into_iter()
                .chain(restart_web()),
        )
        .await;
    house.agent.freeze(&owner(), "read_state", None).await.unwrap();
    let answer = house.ask("how is web?").await;
    assert_eq!(house.calls(&answer).await, [r#"read_state {"name":"web"} read ok"#]);
}

#[tokio::test]
async fn what_is_frozen_cannot_be_approved_and_the_card_stays() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    house.agent.freeze(&owner(), "act", None).await.unwrap();
    let refused = house.decide(&card.id, true).await;
    assert!(
        matches!(&refused, Err(Error::Frozen(tool)) if tool == "act"),
        "{refused:?}"
    );
    assert_eq!(house.card().await.status, CardStatus::Pending);
    house.agent.unfreeze(&owner(), "act").await.unwrap();
    assert_eq!(house.approve(&card.id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

#[tokio::test]
async fn a_freeze_between_the_approval_and_the_act_stops_the_act() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    // As if the process had ended right after the vote.
    let vote = Vote {
        approval_id: card.id.clone(),
        person_id: "owner".into(),
        yes: true,
        trust: 4,
        via: "console".into(),
        note: None,
    };
    let event = AuditEvent::default();
    house.store.vote(&vote, &event, None, NOW).await.unwrap();
    house.agent.freeze(&owner(), "all", None).await.unwrap();
    let house = house.restarted([]).await;
    let mut seen = house.watch();
    let told = seen.told("frozen");
    let messages = house.messages().await;
    if !messages.iter().any(|message| message.text.contains("frozen")) {
        told.await;
    }
    assert_eq!(house.card().await.status, CardStatus::Failed);
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn when_nobody_can_tell_what_is_frozen_nothing_acts() {
    let house = House::new(restart_web()).await;
    house.store.execute_raw("DROP TABLE switches").await.unwrap();
    assert_eq!(outcome(&house).await, DENIED);
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn who_may_not_operate_may_not_freeze_and_names_are_checked() {
    let house = House::new([]).await;
    let friend = jarvis_agent::Principal::of(&key("friend", &[Scope::Chat]), jarvis_agent::Surface::Api);
    let refused = house.agent.freeze(&friend, "all", None).await;
    assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
    let unknown = house.agent.freeze(&owner(), "acts", None).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no tool `acts`; the tools are: act, go_on, read_state"
    );
    let free = house.agent.unfreeze(&owner(), "all").await.unwrap_err();
    assert_eq!(free.to_string(), "`all` is not frozen");
    assert_eq!(house.audit().await, Vec::<String>::new());
    house.say("/freeze all 2h").await.unwrap();
    house.say("/unfreeze").await.unwrap();
    assert_eq!(house.audit().await, ["freeze owner/console", "unfreeze owner/console"]);
    let last = house.talk().await.pop().unwrap();
    assert_eq!(last, "event: Nothing is frozen.");
}
