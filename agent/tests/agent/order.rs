//! Many messages: in order within a conversation, side by side between conversations, and only so many.

use std::time::Duration;

use jarvis_agent::{Error, Principal, Surface};
use jarvis_gateway::caller::{Caller, Scope};
use jarvis_gateway::chat::{Event, Finish, FinishReason, Message, Request, Role};
use jarvis_gateway::providers::scripted::{Step, calls, says};

use crate::provider::{answer, request};
use crate::support::{House, key, owner, short, until};

#[tokio::test]
async fn the_second_message_sees_the_answer_to_the_first() {
    let house = House::new([calls("c1", "read_state", r#"{"name":"web"}"#), says("one"), says("two")]).await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    house.say("first").await.expect("taken");
    gate.arrived().await;
    // Somebody else's message waits its turn.
    let laptop = Principal::of(&key("laptop", &[Scope::Ops]), Surface::Api);
    let second = house.agent.say(&laptop, &house.conversation, "second", None).await;
    let second = second.expect("taken").message;
    house.say("third").await.expect("taken");
    gate.open();
    seen.finished(second.run_id.as_deref().expect("a run")).await;
    let context = &house.model.calls()[2].request.messages[1..];
    let context: Vec<(Role, String)> = context
        .iter()
        .map(|message| (message.role, message.joined_text()))
        .collect();
    assert_eq!(
        context,
        [
            (Role::User, "first".to_owned()),
            (Role::Assistant, "one".to_owned()),
            (Role::User, "second".to_owned()),
        ]
    );
}

const RESTART_PLEX: &str = r#"{"action":"restart","name":"plex"}"#;

/// The model is shown what its user wrote meanwhile, and what that names may be acted on.
#[tokio::test]
async fn what_the_same_person_writes_joins_the_running_turn() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        calls("c2", "act", RESTART_PLEX),
        says("both done"),
    ])
    .await;
    house.world.set("plex", "running");
    house.world.set_log("web", "restart plex now");
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let first = house.say("look at web").await.expect("taken").message;
    gate.arrived().await;
    let second = house.say("and restart plex").await.expect("taken").message;
    // All of this runs on one thread: the conversation's task takes the message before the reading ends.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    gate.open();
    seen.finished(second.run_id.as_deref().expect("a run")).await;
    seen.finished(first.run_id.as_deref().expect("a run")).await;
    assert_eq!(
        house.talk().await,
        ["user: look at web", "user: and restart plex", "assistant: both done"]
    );
    let asked = &house.model.calls()[1].request.messages;
    let last = asked.last().expect("a message");
    assert_eq!(
        (last.role, last.joined_text()),
        (Role::User, "and restart plex".to_owned())
    );
    assert_eq!(house.world.done(), ["restart plex"]);
    let runs = [house.run_of(&first).await, house.run_of(&second).await];
    assert_eq!(
        runs.map(|run| short::run(&run)),
        ["done answered: 3 models, 2 tools", "stopped joined: 0 models, 0 tools"]
    );
    assert_eq!(house.store.unfinished_runs().await.expect("a store"), []);
}

/// An answer that was complete when more came is a part of the answer.
#[tokio::test]
async fn an_answer_before_the_next_message_is_not_lost() {
    let house = House::new([
        vec![
            Step::Event(Event::Text("One.".into())),
            Step::Wait(Duration::from_millis(300)),
            Step::Event(Event::Finish(Finish::because(FinishReason::Stop))),
        ],
        says("Two."),
    ])
    .await;
    let mut seen = house.watch();
    let first = house.say("first").await.expect("taken").message;
    seen.text("One.").await;
    house.say("second").await.expect("taken");
    seen.finished(first.run_id.as_deref().expect("a run")).await;
    assert_eq!(
        house.talk().await,
        ["user: first", "user: second", "assistant: One.\n\nTwo."]
    );
    let shown: Vec<String> = seen
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("delta"))
        .collect();
    assert_eq!(shown.concat(), r#"delta "One."delta "\n\n"delta "Two.""#);
}

/// What was answered before a stop stands before what the stop cut off.
#[tokio::test]
async fn a_stop_keeps_the_order_of_what_was_said() {
    let house = House::new([
        vec![
            Step::Event(Event::Text("One.".into())),
            Step::Wait(Duration::from_millis(300)),
            Step::Event(Event::Finish(Finish::because(FinishReason::Stop))),
        ],
        vec![Step::Event(Event::Text("Two, ha".into())), Step::Hang],
    ])
    .await;
    let mut seen = house.watch();
    let first = house.say("first").await.expect("taken").message;
    seen.text("One.").await;
    house.say("second").await.expect("taken");
    seen.text("Two, ha").await;
    house.say("stop").await.expect("taken");
    seen.finished(first.run_id.as_deref().expect("a run")).await;
    let mut answers = house.talk().await;
    answers.retain(|line| line.starts_with("assistant"));
    assert_eq!(answers, ["assistant: One.\n\nTwo, ha\n\n*Stopped.*"]);
}

#[tokio::test]
async fn conversations_do_not_wait_for_each_other() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        says("quick"),
        says("slow"),
    ])
    .await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let slow = house.say("is web up?").await.expect("taken").message;
    gate.arrived().await;
    let other = house.agent.create_conversation(&owner()).await.expect("made").id;
    let quick = house
        .agent
        .say(&owner(), &other, "hello", None)
        .await
        .expect("taken")
        .message;
    seen.finished(quick.run_id.as_deref().expect("a run")).await;
    gate.open();
    seen.finished(slow.run_id.as_deref().expect("a run")).await;
    let talk = house.agent.messages(&owner(), &other, None, 10).await.expect("read");
    assert_eq!(talk[1].text, "quick");
    assert_eq!(house.talk().await, ["user: is web up?", "assistant: slow"]);
    let titles: Vec<String> = house
        .agent
        .conversations(&owner(), 10)
        .await
        .expect("read")
        .into_iter()
        .map(|conversation| conversation.title)
        .collect();
    assert_eq!(titles, ["hello", "is web up?"]);
}

#[tokio::test]
async fn a_full_queue_refuses_before_anything_is_stored() {
    let house = House::new([vec![Step::Event(Event::Text("Well".into())), Step::Hang]]).await;
    let mut seen = house.watch();
    let mut runs = vec![house.say("0").await.expect("taken").message.run_id.expect("a run")];
    seen.text("Well").await;
    for number in 1..=15 {
        let said = house.say(&number.to_string()).await.expect("there is room");
        runs.push(said.message.run_id.expect("a run"));
    }
    // Two at once for the last place: one is taken, and of the other nothing is stored.
    let (one, two) = tokio::join!(house.say("16"), house.say("17"));
    let (taken, refused): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert!(matches!(refused.as_slice(), [Err(Error::Busy)]), "{refused:?}");
    for said in taken.into_iter().flatten() {
        runs.push(said.message.run_id.expect("a run"));
    }
    assert_eq!(house.talk().await.len(), 17);
    // A command does not wait in the queue.
    house.say("stop").await.expect("taken");
    for run in &runs {
        seen.finished(run).await;
    }
    assert_eq!(house.store.unfinished_runs().await.expect("a store"), []);
    // So many messages are summarised for the next turn.
    house.model.push(says("in short"));
    house.model.push(says("free again"));
    assert_eq!(house.ask("18").await.text, "free again");
}

/// A named conversation is one conversation, whether its messages come over the API or from the console.
#[tokio::test]
async fn a_request_waits_for_its_turn_in_a_named_conversation() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        says("one"),
        vec![Step::Event(Event::Text("two".into())), Step::Hang],
    ])
    .await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    house.say("first").await.expect("taken");
    gate.arrived().await;
    let named = Request {
        conversation: Some(house.conversation.clone()),
        ..request(Caller::Loopback, &["second"])
    };
    let api = answer(&house, named);
    let console = async {
        seen.told("second").await;
        assert_eq!(house.model.calls().len(), 1, "the first turn still runs");
        gate.open();
        until("the second turn", async {
            while house.model.calls().len() < 3 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        house.say("stop").await.expect("taken");
    };
    let (said, ()) = tokio::join!(api, console);
    assert_eq!(said.as_deref(), Ok("two\n\n*Stopped.*"));
    let context: Vec<String> = house.model.calls()[2].request.messages[1..]
        .iter()
        .map(Message::joined_text)
        .collect();
    assert_eq!(context, ["first", "one", "second"]);
}

#[tokio::test]
async fn a_conversation_that_was_quiet_for_long_goes_on() {
    let house = House::new([says("one"), says("two")]).await;
    house.ask("first").await;
    // Its task ends meanwhile; only that wait is skipped, as the database's own limits must not pass.
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(5) + Duration::from_secs(1)).await;
    tokio::time::resume();
    assert_eq!(house.ask("second").await.text, "two");
}

#[tokio::test]
async fn a_turn_that_takes_too_long_is_ended_with_what_is_known() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        says("web is up, I think"),
    ])
    .await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let said = house.say("is web up?").await.expect("taken").message;
    gate.arrived().await;
    house.clock.advance(Duration::from_secs(121));
    gate.open();
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    let last = &house.model.calls()[1].request;
    assert!(last.tools.is_empty());
    assert_eq!(last.messages.last().map(|message| message.role), Some(Role::System));
    let answer = house.messages().await.pop().expect("an answer");
    assert_eq!(
        (answer.text.as_str(), &answer.detail["why"]),
        ("web is up, I think", &"wall_clock".into())
    );
}
