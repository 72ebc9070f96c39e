//! Plain commands and messages as they come in: in words, twice, empty, too long.

use std::sync::Arc;

use jarvis_agent::view::CardStatus;
use jarvis_agent::{Error, Principal, Surface};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::chain::Chain;
use jarvis_gateway::chat::Event;
use jarvis_gateway::providers::command::Mode;
use jarvis_gateway::providers::scripted::{Step, says};

use crate::approvals::asked_to_stop_web;
use crate::support::{House, World, key, owner, until};

const NO_MODEL: &str = "No model is set up, so this is command mode (start Ollama, or set OPENAI_API_KEY).";

#[tokio::test]
async fn approving_and_denying_in_words() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let mut seen = house.watch();
    let said = house
        .say(&format!("Approve {}.", id.to_lowercase()))
        .await
        .expect("taken");
    assert_eq!(said.message.run_id, None, "no model is asked");
    assert_eq!(seen.closed(&id).await.status, CardStatus::Done);
    seen.told(&format!("**{id}** is approved")).await;
    assert_eq!(house.world.done(), ["stop web"]);

    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    house.say(&format!("/deny {id}")).await.expect("taken");
    assert_eq!(house.card().await.status, CardStatus::Denied);
    assert_eq!(
        house.talk().await[2..],
        [
            format!("user: /deny {id}"),
            format!("event: **{id}** was denied by owner: stop web."),
        ]
    );
    house.say(&format!("approve {id}")).await.expect("taken");
    assert_eq!(
        house.talk().await.pop(),
        Some(format!(
            "event: Not decided: approval {id} was already decided by owner; it is denied."
        ))
    );
    house.say("approve ZZZZ").await.expect("taken");
    assert_eq!(
        house.talk().await.pop().as_deref(),
        Some("event: Not decided: there is no approval `ZZZZ`; `jarvis approve` lists the open ones.")
    );
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn talk_about_approving_goes_to_the_model() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    for text in [
        format!("please approve {id}"),
        format!("approve {id} or not?"),
        format!("the log says: approve {id}"),
        format!("approve\n{id}\nSYSTEM"),
    ] {
        house.model.push(says("use the card"));
        assert_eq!(house.ask(&text).await.text, "use the card", "{text}");
    }
    assert_eq!(house.card().await.status, CardStatus::Pending);
}

#[tokio::test]
async fn the_right_to_approve_holds_for_words_too() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let ops = Principal::of(&key("laptop", &[Scope::Ops]), Surface::Terminal);
    let said = house
        .agent
        .say(&ops, &house.conversation, &format!("approve {id}"), None)
        .await;
    assert!(said.expect("taken").is_new);
    assert_eq!(
        house.talk().await.pop().as_deref(),
        Some("event: Not decided: you may not decide this: it takes a key with the scope `approve`.")
    );
    assert_eq!(house.card().await.status, CardStatus::Pending);
    assert_eq!(
        house.audit().await[1..],
        ["approval.vote key:id-laptop/terminal act refused"]
    );
}

#[tokio::test]
async fn a_card_of_another_conversation_can_be_denied() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let other = house.agent.create_conversation(&owner()).await.expect("made").id;
    house
        .agent
        .say(&owner(), &other, &format!("deny {id}"), None)
        .await
        .expect("taken");
    let told = house.agent.messages(&owner(), &other, None, 10).await.expect("read");
    assert_eq!(told[1].text, format!("**{id}** is denied."));
    assert_eq!(
        house.talk().await[2..],
        [format!("event: **{id}** was denied by owner: stop web.")]
    );
}

#[tokio::test]
async fn stop_in_words_stops_the_turn() {
    let house = House::new([vec![Step::Event(Event::Text("Well".into())), Step::Hang]]).await;
    let mut seen = house.watch();
    let said = house.say("a story").await.expect("taken").message;
    seen.text("Well").await;
    house.say("stop").await.expect("taken");
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    let mut talk = house.talk().await;
    // The command and the end of the turn are told by two tasks.
    talk[1..].sort();
    assert_eq!(
        talk,
        [
            "user: a story",
            "assistant: Well\n\n*Stopped.*",
            "event: Stopping.",
            "user: stop"
        ]
    );
    house.say("/stop").await.expect("taken");
    assert_eq!(
        house.talk().await.pop().as_deref(),
        Some("event: No answer is being written. `stop NAME` stops a container.")
    );
    assert_eq!(house.model.calls().len(), 1);
}

#[tokio::test]
async fn the_same_message_twice_is_one_message() {
    let house = House::new([says("hello")]).await;
    let mut seen = house.watch();
    let send = async || {
        let id = Some("phone-1".to_owned());
        house
            .agent
            .say(&owner(), &house.conversation, "hi", id)
            .await
            .expect("taken")
    };
    let first = send().await;
    assert!(first.is_new);
    seen.finished(first.message.run_id.as_deref().expect("a run")).await;
    let second = send().await;
    assert!(!second.is_new);
    assert_eq!(second.message, first.message);
    assert_eq!(house.talk().await, ["user: hi", "assistant: hello"]);
    assert_eq!(house.model.calls().len(), 1);
}

#[tokio::test]
async fn a_command_sent_twice_is_carried_out_once() {
    let house = House::new([]).await;
    let stop = async || {
        let id = Some("phone-1".to_owned());
        house
            .agent
            .say(&owner(), &house.conversation, "stop", id)
            .await
            .expect("taken")
    };
    assert!(stop().await.is_new);
    assert!(!stop().await.is_new);
    assert_eq!(
        house.talk().await,
        [
            "user: stop",
            "event: No answer is being written. `stop NAME` stops a container."
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_a_message_is_refused_and_not_stored() {
    let house = House::new([]).await;
    for text in ["", "  \n\t"] {
        assert!(matches!(house.say(text).await, Err(Error::Empty)), "{text:?}");
    }
    let long = "ä".repeat(100_001);
    let refused = house.say(&long).await;
    assert!(
        matches!(
            refused,
            Err(Error::TooLong {
                limit: 100_000,
                got: 100_001
            })
        ),
        "{refused:?}"
    );
    let nowhere = house.agent.say(&owner(), "no-such-id", "hi", None).await;
    assert!(matches!(nowhere, Err(Error::NoConversation(_))), "{nowhere:?}");
    assert_eq!(house.talk().await, Vec::<String>::new());
    assert_eq!(house.model.calls().len(), 0);
}

#[tokio::test]
async fn command_mode_reads_and_acts_and_asks_without_a_model() {
    let world = World::new();
    let mode = Mode::new(world.catalog().commands());
    let chain = Chain::new(Vec::new()).with_last(Arc::new(mode));
    let house = House::with_chain(Arc::new(chain), world).await;
    assert_eq!(
        house.ask("state web").await.text,
        format!("**web** is running.\n\n{NO_MODEL}")
    );
    let answer = house.ask("please restart plex").await;
    assert_eq!(answer.text, format!("restart plex: now running.\n\n{NO_MODEL}"));
    assert_eq!(house.world.done(), ["restart plex"]);

    let answer = house.ask("stop web").await;
    let id = house.card().await.id;
    assert_eq!(
        answer.text,
        format!(
            "NOT done yet: **stop web** needs approval **{id}** first.\n\nNow: running. Afterwards: stopped.\n\n\
             Approve it on its card, or say `approve {id}` (or `deny {id}`) within 30 min.\n\n{NO_MODEL}"
        )
    );
    let mut seen = house.watch();
    house.say(&format!("approve {id}")).await.expect("taken");
    until("the act", seen.closed(&id)).await;
    assert_eq!(house.world.done(), ["restart plex", "stop web"]);
    house.audit().await;
}
