//! After an approved act a model looks at the outcome: once, with nothing of its own to do.

use jarvis_agent::ApprovalsConfig;
use jarvis_agent::view::{CardStatus, Happening, RunState};
use jarvis_gateway::chat::{Event, Role, Served};
use jarvis_gateway::providers::scripted::{Step, Turn, calls, says};

use crate::approvals::{STOP_WEB, open};
use crate::support::town::{OPS, Town};
use crate::support::{House, Manner, town};

/// A house with follow-ups, in which `web` waits to be stopped; what the model says after that.
async fn asked(after: impl IntoIterator<Item = Turn>) -> (House, String) {
    asked_with("stop web", after).await
}

/// The same, asked for in these words.
async fn asked_with(words: &str, after: impl IntoIterator<Item = Turn>) -> (House, String) {
    let config = ApprovalsConfig {
        follow_up: true,
        ..ApprovalsConfig::default()
    };
    let turns = [calls("c1", "act", STOP_WEB), says("It waits.")]
        .into_iter()
        .chain(after);
    let house = House::with_approvals(config, turns.collect::<Vec<_>>()).await;
    house.ask(words).await;
    let id = house.card().await.id;
    (house, id)
}

/// Approves, and waits for the end of the turn that follows.
async fn followed(house: &House, id: &str) -> &'static str {
    let mut seen = house.watch();
    house.decide(id, true).await.expect("the owner may");
    seen.closed(id).await;
    let is_end = |happening: &Happening| {
        matches!(
            happening,
            Happening::Run {
                state: RunState::Finished,
                ..
            }
        )
    };
    match seen.first("the end of the follow-up", is_end).await {
        Happening::Run { why, .. } => why.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

async fn follow_ups(house: &House) -> usize {
    let audit = house.audit().await;
    audit
        .iter()
        .filter(|line| line.starts_with("follow_up owner/follow-up"))
        .count()
}

#[tokio::test]
async fn the_outcome_is_looked_at_once_as_material() {
    let (house, id) = asked([says("web is down now, as you wanted.")]).await;
    followed(&house, &id).await;
    let talk = house.talk().await;
    assert_eq!(
        talk[2..],
        [
            format!("event: **{id}** was approved by owner: stop web.\n\nstop web: now stopped."),
            "assistant: web is down now, as you wanted.".to_owned(),
        ]
    );
    assert_eq!(follow_ups(&house).await, 1);
    let asked = house.model.calls()[2].request.messages.clone();
    let last = asked.last().expect("a message");
    let text = last.joined_text();
    assert_eq!(last.role, Role::User);
    assert!(text.starts_with("(Event, not written by a person)"), "{text}");
    assert!(
        text.contains("now stopped") && text.contains("Nobody wrote this just now"),
        "{text}"
    );
    let shown = asked
        .iter()
        .filter(|message| message.joined_text().contains("now stopped"));
    assert_eq!(shown.count(), 1, "the event stands there once");
    let run = house.run_of(house.messages().await.last().expect("an answer")).await;
    assert!(run.tainted);
    assert_eq!(run.person_id.as_deref(), Some("owner"));
}

#[tokio::test]
async fn an_act_that_failed_is_looked_at_too() {
    let (house, id) = asked([says("It did not work.")]).await;
    house.world.set_manner("web", Manner::Fails);
    followed(&house, &id).await;
    assert_eq!(house.talk().await[3], "assistant: It did not work.");
}

/// What the words that began it all do not name is a card, though the same call would be free in a turn of the owner's own.
#[tokio::test]
async fn a_follow_up_acts_on_no_idea_of_its_own() {
    for name in ["plex", "vpn"] {
        let restart = format!(r#"{{"action":"restart","name":"{name}"}}"#);
        let (house, id) = asked([calls("c2", "act", &restart), says("That waits.")]).await;
        followed(&house, &id).await;
        let card = open(&house).await;
        assert_eq!(
            (card.status, card.rule.as_str()),
            (CardStatus::Pending, "tainted"),
            "{name}"
        );
        assert_eq!(house.world.done(), ["stop web"], "{name}");
        let audit = house.audit().await;
        assert!(
            audit
                .iter()
                .any(|line| line.starts_with("approval.created owner/follow-up act")),
            "{audit:?}"
        );
    }
}

#[tokio::test]
async fn without_a_model_nothing_more_is_said() {
    let command = vec![
        Step::Event(Event::Served(Served {
            target: "command".into(),
            model: "command".into(),
            attempts: 1,
            left: Vec::new(),
            dropped: Vec::new(),
        })),
        Step::Event(Event::Text("I did not understand that.".into())),
    ];
    for after in [vec![command], Vec::new()] {
        let (house, id) = asked(after).await;
        assert_eq!(followed(&house, &id).await, "failed");
        assert_eq!(house.talk().await.len(), 3, "{:?}", house.talk().await);
        assert_eq!(house.store.unfinished_runs().await.expect("a store"), []);
    }
}

/// What was done is told, though nobody says more about it.
#[tokio::test]
async fn an_act_of_a_follow_up_is_told_without_a_model_too() {
    let restart = calls("c2", "act", r#"{"action":"restart","name":"vpn"}"#);
    let (house, id) = asked_with("stop web, then restart vpn", [restart]).await;
    assert_eq!(followed(&house, &id).await, "failed");
    assert_eq!(house.world.done(), ["stop web", "restart vpn"]);
    let talk = house.talk().await;
    let told = "What was done before that:\n\nrestart vpn: now running.";
    assert!(talk.last().is_some_and(|last| last.ends_with(told)), "{talk:?}");
}

/// Every card was approved by somebody, and still it ends.
#[tokio::test]
async fn a_chain_of_follow_ups_has_an_end() {
    let names = ["plex", "vpn", "db"];
    let turns = names.iter().flat_map(|name| {
        let stop = format!(r#"{{"action":"stop","name":"{name}"}}"#);
        [calls("c", "act", &stop), says("And this waits.")]
    });
    let (house, mut id) = asked(turns.collect::<Vec<_>>()).await;
    house.world.set("db", "running");
    for _ in names {
        followed(&house, &id).await;
        id = open(&house).await.id;
    }
    assert_eq!(house.approve(&id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web", "stop plex", "stop vpn", "stop db"]);
    assert_eq!(follow_ups(&house).await, 3);
    assert_eq!(house.model.calls().len(), 8);
}

#[tokio::test]
async fn it_is_off_unless_it_is_set() {
    let house = House::new([calls("c1", "act", STOP_WEB), says("It waits."), says("More.")]).await;
    house.ask("stop web").await;
    house.approve(&house.card().await.id).await;
    assert_eq!(follow_ups(&house).await, 0);
    assert_eq!(house.model.calls().len(), 2);
}

/// A town in which the owner asked for the stop of `web` in the room of operators; what the model says after that.
async fn asked_in_a_room(after: impl IntoIterator<Item = Turn>) -> (Town, String) {
    let config = ApprovalsConfig {
        follow_up: true,
        ..ApprovalsConfig::default()
    };
    let turns = [calls("c1", "act", STOP_WEB), says("It waits.")]
        .into_iter()
        .chain(after);
    let town = Town::with_approvals(config, turns.collect::<Vec<_>>()).await;
    town.asks(&town::owner(), OPS, "stop web").await;
    let id = town.house.card().await.id;
    (town, id)
}

#[tokio::test]
async fn in_a_room_of_a_platform_the_outcome_is_looked_at_there() {
    let (town, id) = asked_in_a_room([says("web is down now.")]).await;
    let before = town.lines("discord", OPS).len();
    assert_eq!(followed(&town.house, &id).await, "answered");
    town.line("discord", OPS, before + 1).await;
    let lines = town.lines("discord", OPS).split_off(before);
    assert!(lines[0].contains("now stopped"), "{lines:?}");
    assert_eq!(lines[1..], ["web is down now."]);
}

#[tokio::test]
async fn who_asked_has_the_rights_of_now() {
    let look = calls("c2", "read_state", r#"{"name":"vpn"}"#);
    for (still_owner, expect) in [(true, "\"status\":\"ok\""), (false, "not available here")] {
        let (town, id) = asked_in_a_room([look.clone(), says("that is all")]).await;
        if !still_owner {
            let mut directory = town::directory();
            directory.people.owners.clear();
            town.house.agent.set_directory(directory);
        }
        followed(&town.house, &id).await;
        let run = town.house.model.calls();
        let told = run
            .last()
            .expect("a call")
            .request
            .messages
            .last()
            .expect("a message")
            .joined_text();
        assert!(told.contains(expect), "{told}");
    }
}
