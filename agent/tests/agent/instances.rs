//! Two agents over one database, as two processes would be.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jarvis_agent::view::CardStatus;
use jarvis_gateway::providers::scripted::{Scripted, Step, Turn, calls, says};
use jarvis_memory::Store;
use jarvis_memory::records::Message;
use tokio::runtime::Runtime;

use crate::approvals::STOP_WEB;
use crate::support::{House, World, owner, until};

const READ_WEB: &str = r#"{"name":"web"}"#;

/// Beside others, in one conversation, on one world.
async fn beside(name: &str, other: &House, turns: impl IntoIterator<Item = Turn>) -> House {
    let store = other.store.another().await.expect("the same database");
    let model = Arc::new(Scripted::new(turns));
    House::beside_others(name, store, other.world.clone(), model, &other.conversation).await
}

async fn first(turns: impl IntoIterator<Item = Turn>) -> House {
    let store = Store::temporary().await.expect("a store");
    House::beside_others("a", store, World::new(), Arc::new(Scripted::new(turns)), "").await
}

async fn two(turns: impl IntoIterator<Item = Turn>, of_other: impl IntoIterator<Item = Turn>) -> [House; 2] {
    let a = first(turns).await;
    let b = beside("b", &a, of_other).await;
    [a, b]
}

/// What another instance does with one that gives no sign of life.
async fn declared_dead(house: &House, by: &House) {
    let me = house.store.me();
    until("its death", async {
        loop {
            let beats = by.store.instances().await.expect("a store");
            let Some(seen) = beats.iter().find(|beat| beat.id == *me) else {
                return;
            };
            by.store.declare_dead(seen).await.expect("a store");
        }
    })
    .await;
}

/// One process: everything in it ends when it is killed.
struct Process(Option<Runtime>);

impl Process {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self(Some(runtime.expect("a runtime")))
    }

    fn does<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.as_ref().expect("it lives").block_on(work)
    }

    fn kill(&mut self) {
        self.0.take().expect("it lives").shutdown_background();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn until_told(house: &House, what: &str, count: usize) -> Vec<String> {
    until(what, async {
        loop {
            let talk = house.talk().await;
            if talk.iter().filter(|line| line.contains(what)).count() >= count {
                return talk;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

fn run_of(message: &Message) -> String {
    message.run_id.clone().expect("a run")
}

#[tokio::test]
async fn one_turn_at_a_time_over_both_in_the_order_of_the_messages() {
    let [a, b] = two([calls("c1", "read_state", READ_WEB), says("first")], [says("second")]).await;
    let gate = a.world.hold("web");
    a.say("how is web?").await.expect("taken");
    gate.arrived().await;
    // Somebody else, so that it does not join.
    let said = b
        .agent
        .say(&other(), &b.conversation, "and me?", None)
        .await
        .expect("taken");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(b.model.calls().len(), 0, "the conversation's turn runs elsewhere");
    gate.open();
    let talk = until_told(&b, "assistant: second", 1).await;
    assert_eq!(
        talk,
        [
            "user: how is web?",
            "user: and me?",
            "assistant: first",
            "assistant: second"
        ]
    );
    let run = b
        .store
        .run(&run_of(&said.message))
        .await
        .expect("a store")
        .expect("a run");
    assert!(!run.waits);
}

#[tokio::test]
async fn what_the_author_writes_to_the_other_joins_the_turn() {
    let [a, b] = two([calls("c1", "read_state", READ_WEB), says("both seen")], []).await;
    let gate = a.world.hold("web");
    a.say("how is web?").await.expect("taken");
    gate.arrived().await;
    let said = b.say("and plex?").await.expect("taken").message;
    let mine = a.store.me();
    until("its adoption", async {
        while a.store.texts_raw("SELECT text FROM messages m JOIN runs r ON r.id = m.run_id JOIN conversations c ON c.id = r.conversation_id
             JOIN runs t ON t.id = c.turn_run_id WHERE m.text = 'and plex?' AND r.instance_id = t.instance_id").await.expect("a store").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_ne!(mine, b.store.me());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    gate.open();
    let talk = until_told(&a, "both seen", 1).await;
    assert_eq!(talk, ["user: how is web?", "user: and plex?", "assistant: both seen"]);
    let run = a.store.run(&run_of(&said)).await.expect("a store").expect("a run");
    assert_eq!(run.stop_reason.as_deref(), Some("joined"));
}

#[tokio::test]
async fn a_turn_is_stopped_from_the_other() {
    let [a, b] = two([vec![Step::Hang]], []).await;
    let mut seen = a.watch();
    let said = a.say("think").await.expect("taken").message;
    until("the model", async {
        while a.model.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(b.agent.cancel(&owner(), &b.conversation).await.expect("the owner may"));
    seen.finished(&run_of(&said)).await;
    let run = b.store.run(&run_of(&said)).await.expect("a store").expect("a run");
    assert_eq!(run.stop_reason.as_deref(), Some("cancelled"));
    assert!(!b.agent.cancel(&owner(), &b.conversation).await.expect("the owner may"));
}

#[test]
fn what_the_dead_began_is_closed_and_what_waited_there_is_answered() {
    let (mut process, other_process) = (Process::new(), Process::new());
    let a = process.does(first([calls("c1", "act", r#"{"action":"restart","name":"web"}"#)]));
    let b = other_process.does(beside("b", &a, [says("here")]));
    process.does(async {
        let gate = a.world.hold("web");
        a.say("restart web").await.expect("taken");
        gate.arrived().await;
        a.say("and now?").await.expect("taken");
    });
    process.kill();
    other_process.does(async {
        declared_dead(&a, &b).await;
        let talk = until_told(&b, "assistant: here", 1).await;
        assert_eq!(talk.len(), 4, "{talk:?}");
        assert!(
            talk[2].contains("has no answer") && talk[2].contains("is unknown"),
            "{talk:?}"
        );
    });
}

#[tokio::test]
async fn who_was_taken_for_dead_says_and_does_nothing_more_of_that() {
    let [a, b] = two(
        [
            calls("c1", "act", r#"{"action":"restart","name":"web"}"#),
            says("done"),
            says("alive"),
        ],
        [],
    )
    .await;
    let gate = a.world.hold("web");
    let said = a.say("restart web").await.expect("taken").message;
    gate.arrived().await;
    let before = a.store.me();
    declared_dead(&a, &b).await;
    b.store.disown_the_dead().await.expect("a store");
    gate.open();
    let talk = until_told(&b, "has no answer", 1).await;
    until("a new life", async {
        while a.store.me() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(b.talk().await, talk, "nobody is told a second end");
    let run = b.store.run(&run_of(&said)).await.expect("a store").expect("a run");
    assert_eq!(run.stop_reason.as_deref(), Some("restarted"));
    assert_eq!(b.world.done(), ["restart web"], "it had begun");
}

#[tokio::test]
async fn a_start_beside_others_leaves_what_they_do_alone() {
    let [a, b] = two([calls("c1", "read_state", READ_WEB), says("first")], []).await;
    let gate = a.world.hold("web");
    a.say("how is web?").await.expect("taken");
    gate.arrived().await;
    let c = beside("c", &b, []).await;
    assert_eq!(c.talk().await, ["user: how is web?"]);
    gate.open();
    let talk = until_told(&c, "assistant: first", 1).await;
    assert_eq!(talk, ["user: how is web?", "assistant: first"]);
}

#[tokio::test]
async fn a_start_of_the_same_name_need_not_wait_for_its_predecessor() {
    let [a, b] = two([vec![Step::Hang]], []).await;
    let said = a.say("think").await.expect("taken").message;
    let again = beside("a", &b, []).await;
    let run = again.store.run(&run_of(&said)).await.expect("a store").expect("a run");
    assert_eq!(run.stop_reason.as_deref(), Some("restarted"));
    drop((a, b));
}

#[tokio::test]
async fn a_card_is_carried_out_once_whoever_is_asked() {
    let [a, b] = two([calls("c1", "act", STOP_WEB), says("It waits.")], []).await;
    a.ask("stop web").await;
    let card = a.card().await;
    let mut seen = b.watch();
    b.decide(&card.id, true).await.expect("the owner may");
    assert_eq!(seen.closed(&card.id).await.status, CardStatus::Done);
    assert_eq!(b.world.done(), ["stop web"]);
}

#[test]
fn an_act_of_a_card_whose_instance_died_is_told_as_unknown_once() {
    let (mut process, other_process) = (Process::new(), Process::new());
    let a = process.does(first([calls("c1", "act", STOP_WEB), says("It waits.")]));
    let b = other_process.does(beside("b", &a, []));
    process.does(async {
        a.ask("stop web").await;
        let card = a.card().await;
        let gate = a.world.hold("web");
        a.decide(&card.id, true).await.expect("the owner may");
        gate.arrived().await;
    });
    process.kill();
    other_process.does(async {
        declared_dead(&a, &b).await;
        let talk = until_told(&b, "Outcome unknown", 1).await;
        assert_eq!(
            talk.iter().filter(|line| line.contains("unknown")).count(),
            1,
            "{talk:?}"
        );
        assert_eq!(b.card().await.status, CardStatus::Failed);
        assert_eq!(b.world.done(), Vec::<String>::new());
    });
}

/// Somebody else than the owner, at home too.
fn other() -> jarvis_agent::Principal {
    use jarvis_gateway::caller::Scope;
    jarvis_agent::Principal::of(
        &crate::support::key("laptop", &[Scope::Ops]),
        jarvis_agent::Surface::Terminal,
    )
}
