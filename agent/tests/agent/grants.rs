//! "Approve for an hour": no second card for the same thing, and one for everything else.

use std::time::Duration;

use jarvis_agent::Error;
use jarvis_agent::view::CardStatus;
use jarvis_gateway::providers::scripted::{Turn, calls, says};

use crate::approvals::asked_to_stop_web;
use crate::support::House;
use crate::support::house::owner;

/// A model that looks at plex, whose log is outside text, and then acts by itself.
fn looks_and_acts(action: &str, name: &str) -> [Turn; 3] {
    let act = format!(r#"{{"action":"{action}","name":"{name}"}}"#);
    [
        calls("c1", "read_state", r#"{"name":"plex"}"#),
        calls("c2", "act", &act),
        says("so it is"),
    ]
}

/// The outcome of the act in the next turn.
async fn outcome(house: &House) -> String {
    let answer = house.ask("how is plex?").await;
    let calls = house.calls(&answer).await;
    let last = calls.last().expect("two calls");
    last.rsplit(' ').next().expect("a word").to_owned()
}

#[tokio::test]
async fn a_grant_is_for_one_thing_in_one_hour_until_it_is_taken_back() {
    let scripts = [
        looks_and_acts("restart", "vpn"),
        looks_and_acts("restart", "vpn"),
        looks_and_acts("start", "vpn"),
        looks_and_acts("restart", "web"),
        looks_and_acts("stop", "vpn"),
        looks_and_acts("restart", "vpn"),
    ];
    let house = House::new(scripts.into_iter().flatten()).await;
    assert_eq!(outcome(&house).await, "pending");
    let card = house.card().await;
    assert_eq!(card.rule, "rule_of_two");
    let mut seen = house.watch();
    house.say(&format!("approve {} 1h", card.id)).await.unwrap();
    assert_eq!(seen.closed(&card.id).await.status, CardStatus::Done);
    let grants = house.agent.grants(&owner()).await.unwrap();
    assert_eq!(grants.len(), 1);
    assert_eq!(
        (grants[0].tool.as_str(), grants[0].target.as_str(), grants[0].uses_left),
        ("act", "vpn", 20)
    );
    assert_eq!(outcome(&house).await, "ok");
    assert_eq!(outcome(&house).await, "ok");
    assert_eq!(house.world.done(), ["restart vpn", "restart vpn", "start vpn"]);
    assert_eq!(house.agent.grants(&owner()).await.unwrap()[0].uses_left, 18);
    // Another target, and what cannot be undone.
    assert_eq!(outcome(&house).await, "pending");
    assert_eq!(outcome(&house).await, "pending");
    house.say(&format!("/grants revoke {}", card.id)).await.unwrap();
    assert_eq!(house.agent.grants(&owner()).await.unwrap(), []);
    assert_eq!(outcome(&house).await, "pending");
    assert_eq!(house.world.done().len(), 3);
    let audit = house.audit().await.join("\n");
    for expect in [
        "grant owner/console act",
        "allow granted",
        "grant.revoked owner/console",
    ] {
        assert!(audit.contains(expect), "{expect}: {audit}");
    }
}

#[tokio::test]
async fn a_grant_ends_with_its_hour_its_uses_and_under_a_freeze() {
    let scripts = (0..4).flat_map(|_| looks_and_acts("restart", "vpn"));
    let house = House::new(scripts).await;
    assert_eq!(outcome(&house).await, "pending");
    let card = house.card().await;
    let mut seen = house.watch();
    house.agent.approve_for_an_hour(&owner(), &card.id, None).await.unwrap();
    seen.closed(&card.id).await;
    house
        .agent
        .freeze(&owner(), "all", Some(Duration::from_mins(1)))
        .await
        .unwrap();
    assert_eq!(outcome(&house).await, "denied");
    house.clock.advance(Duration::from_mins(1));
    house
        .store
        .execute_raw("UPDATE grants SET uses_left = 1")
        .await
        .unwrap();
    assert_eq!(outcome(&house).await, "ok");
    assert_eq!(house.agent.grants(&owner()).await.unwrap(), []);
    house
        .store
        .execute_raw("UPDATE grants SET uses_left = 9")
        .await
        .unwrap();
    house.clock.advance(Duration::from_mins(59));
    assert_eq!(outcome(&house).await, "pending");
    assert_eq!(house.world.done().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_undone_is_not_granted() {
    let house = asked_to_stop_web().await;
    let card = house.card().await;
    let refused = house.agent.approve_for_an_hour(&owner(), &card.id, None).await;
    assert!(matches!(refused, Err(Error::NotGrantable { .. })), "{refused:?}");
    house.say(&format!("approve {} 1h", card.id)).await.unwrap();
    let last = house.talk().await.pop().unwrap();
    assert!(last.contains("is not allowed for a while"), "{last}");
    assert_eq!(house.card().await.status, CardStatus::Pending);
    assert_eq!(house.world.done(), Vec::<String>::new());
}
