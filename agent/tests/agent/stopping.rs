//! Stopping a turn, and stopping the process: what has begun is finished, recorded and told.

use std::time::Duration;

use futures_util::poll;
use jarvis_agent::Error;
use jarvis_gateway::chat::Event;
use jarvis_gateway::providers::scripted::{Step, Turn, calls, says};

use crate::support::house::Seen;
use crate::support::{House, owner, short};

const RESTART_WEB: &str = r#"{"action":"restart","name":"web"}"#;

fn talks_and_hangs(text: &str) -> Turn {
    vec![Step::Event(Event::Text(text.into())), Step::Hang]
}

async fn cancel(house: &House) -> bool {
    house
        .agent
        .cancel(&owner(), &house.conversation)
        .await
        .expect("the owner may")
}

/// Says `text` and returns the id of its run.
async fn begin(house: &House, text: &str) -> (Seen, String) {
    let seen = house.watch();
    let said = house.say(text).await.expect("taken");
    (seen, said.message.run_id.expect("a run"))
}

async fn last(house: &House) -> (String, String) {
    let answer = house.messages().await.pop().expect("an answer");
    let run = short::run(&house.run_of(&answer).await);
    (short::message(&answer), run)
}

#[tokio::test]
async fn what_a_model_said_before_the_stop_is_kept() {
    let house = House::new([talks_and_hangs("Half an"), says("whole")]).await;
    let (mut seen, run_id) = begin(&house, "hello").await;
    seen.text("Half an").await;
    assert!(cancel(&house).await);
    seen.finished(&run_id).await;
    assert_eq!(
        last(&house).await,
        (
            "assistant: Half an\n\n*Stopped.*".into(),
            "stopped cancelled: 0 models, 0 tools".into()
        )
    );
    assert!(!cancel(&house).await, "nothing is left to stop");
    assert_eq!(house.ask("again").await.text, "whole");
}

#[tokio::test]
async fn a_reading_ends_with_the_turn() {
    let house = House::new([calls("c1", "read_state", r#"{"name":"web"}"#)]).await;
    let gate = house.world.hold("web");
    let (mut seen, run_id) = begin(&house, "is web up?").await;
    gate.arrived().await;
    assert!(cancel(&house).await);
    seen.finished(&run_id).await;
    assert_eq!(
        last(&house).await,
        (
            "assistant: Stopped.".into(),
            "stopped cancelled: 1 models, 1 tools".into()
        )
    );
    let answer = house.messages().await.pop().expect("an answer");
    assert_eq!(
        house.calls(&answer).await,
        [r#"read_state {"name":"web"} read interrupted"#]
    );
    assert_eq!(
        house.audit().await[1..],
        ["tool.outcome owner/console read_state interrupted"]
    );
}

#[tokio::test]
async fn an_act_that_has_begun_is_finished_and_told() {
    let house = House::new([calls("c1", "act", RESTART_WEB)]).await;
    let gate = house.world.hold("web");
    let (mut seen, run_id) = begin(&house, "restart web").await;
    gate.arrived().await;
    assert!(cancel(&house).await);
    gate.open();
    seen.finished(&run_id).await;
    assert_eq!(
        last(&house).await,
        (
            "assistant: Stopped. What was done until then:\n\nrestart web: now running. (This finished after you stopped me.)"
                .into(),
            "stopped cancelled: 1 models, 1 tools".into()
        )
    );
    let answer = house.messages().await.pop().expect("an answer");
    assert_eq!(
        house.calls(&answer).await,
        [r#"act {"action":"restart","name":"web"} reversible ok"#]
    );
    assert_eq!(house.audit().await[1..], ["tool.outcome owner/console act ok"]);
    assert_eq!(house.world.done(), ["restart web"]);
}

#[tokio::test]
async fn an_act_before_the_stop_is_told_with_it() {
    let house = House::new([
        calls("c0", "read_state", r#"{"name":"web"}"#),
        calls("c1", "act", RESTART_WEB),
        talks_and_hangs("I have rest"),
    ])
    .await;
    let (mut seen, run_id) = begin(&house, "restart web").await;
    seen.text("I have rest").await;
    assert!(cancel(&house).await);
    seen.finished(&run_id).await;
    assert_eq!(
        last(&house).await,
        (
            "assistant: I have rest\n\n*Stopped.* What was done until then:\n\nrestart web: now running.".into(),
            "stopped cancelled: 2 models, 2 tools".into()
        )
    );
}

#[tokio::test]
async fn messages_that_wait_are_stopped_with_the_turn() {
    let house = House::new([talks_and_hangs("Hm"), says("never asked"), says("fresh")]).await;
    let (mut seen, first) = begin(&house, "one").await;
    let (_, second) = begin(&house, "two").await;
    seen.text("Hm").await;
    assert!(cancel(&house).await);
    seen.finished(&first).await;
    seen.finished(&second).await;
    assert_eq!(
        house.talk().await,
        [
            "user: one",
            "user: two",
            "assistant: Hm\n\n*Stopped.*",
            "assistant: Stopped.",
        ]
    );
}

#[tokio::test]
async fn a_shutdown_waits_for_an_act_and_records_it() {
    let house = House::new([calls("c1", "act", RESTART_WEB)]).await;
    let gate = house.world.hold("web");
    let (mut seen, run_id) = begin(&house, "restart web").await;
    gate.arrived().await;
    {
        let mut stopping = Box::pin(house.tasks.stop(Duration::from_secs(20)));
        assert!(poll!(&mut stopping).is_pending(), "the act is awaited");
        gate.open();
        assert!(stopping.await, "everything ended in time");
    }
    seen.finished(&run_id).await;
    assert_eq!(
        last(&house).await,
        (
            "assistant: Jarvis was shut down during this answer. What was done until then:\n\nrestart web: now running."
                .into(),
            "stopped shutdown: 1 models, 1 tools".into()
        )
    );
    assert_eq!(house.world.done(), ["restart web"]);
    assert!(matches!(house.say("more").await, Err(Error::Stopping)));
    // Nothing is left for the next start to close.
    let talk = house.talk().await;
    let house = house.restarted([]).await;
    assert_eq!(house.talk().await, talk);
    house.audit().await;
}

#[tokio::test]
async fn a_shutdown_ends_a_model_that_talks() {
    let house = House::new([talks_and_hangs("Once upon")]).await;
    let (mut seen, _) = begin(&house, "a story").await;
    seen.text("Once upon").await;
    assert!(house.tasks.stop(Duration::from_secs(20)).await);
    assert_eq!(
        last(&house).await,
        (
            "assistant: Once upon\n\n*Jarvis was shut down during this answer.*".into(),
            "stopped shutdown: 0 models, 0 tools".into()
        )
    );
}
