//! Faults of others: tools that panic, a model that panics, a database that is gone.

use std::sync::Arc;

use jarvis_agent::view::{CardStatus, Happening};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chat::{Event, FinishReason};
use jarvis_gateway::provider::{Call, Events, Provider};
use jarvis_gateway::providers::scripted::{Step, call, calls, finish, says};
use jarvis_memory::records::Message;

use crate::provider::{answer, request};
use crate::support::{House, Manner, World, owner, short};

const READ_WEB: &str = r#"{"name":"web"}"#;
const RESTART_WEB: &str = r#"{"action":"restart","name":"web"}"#;
const STOP_WEB: &str = r#"{"action":"stop","name":"web"}"#;

#[tokio::test]
async fn a_tool_that_panics_is_a_result_and_the_conversation_goes_on() {
    let check = async |manner: Manner, tool: &str, arguments: &str, recorded: &str, told: &str| {
        let house = House::new([calls("c1", tool, arguments), says("That broke."), says("here")]).await;
        house.world.set_manner("web", manner);
        let answer = house.ask("restart web").await;
        assert_eq!(answer.text, "That broke.", "{recorded}");
        assert_eq!(house.calls(&answer).await, [recorded]);
        let result = short::unmarked(&house.model.calls()[1].request.messages[3]);
        assert_eq!(result, told);
        assert_eq!(house.ask("still there?").await.text, "here", "{recorded}");
        assert_eq!(house.cards().await, [], "{recorded}");
        house.audit().await;
    };
    check(
        Manner::Panics,
        "read_state",
        READ_WEB,
        r#"read_state {"name":"web"} read error"#,
        r#"{"status":"error","error":"`read_state` broke off by a fault of its own","retry":false}"#,
    )
    .await;
    check(
        Manner::Panics,
        "act",
        RESTART_WEB,
        r#"act {"action":"restart","name":"web"} reversible interrupted"#,
        r#"{"status":"interrupted","says":"Outcome unknown: `act` broke off by a fault of its own. Look at the state before you try again."}"#,
    )
    .await;
    check(
        Manner::PanicsInPlan,
        "act",
        STOP_WEB,
        r#"act {"action":"stop","name":"web"} destructive error"#,
        r#"{"status":"error","error":"the plan of `act` broke off by a fault of its own","retry":false}"#,
    )
    .await;
}

/// A model in a circle: it ends by what was said, long before its time is over.
#[tokio::test]
async fn an_answer_without_an_end_is_ended_and_the_conversation_goes_on() {
    let check = async |turn: Vec<Step>| {
        let house = House::new([turn, says("here")]).await;
        let answer = house.ask("how is web?").await;
        assert_eq!(answer.text, "I could not answer: the answer is longer than 1024 KiB.");
        assert_eq!(house.ask("still there?").await.text, "here");
        assert_eq!(house.world.done(), Vec::<String>::new());
    };
    let text = "again and ".repeat(10_000);
    check(
        (0..12)
            .map(|_| Step::Event(Event::Text(text.clone())))
            .chain([Step::Hang])
            .collect(),
    )
    .await;
    check(
        (0..12)
            .map(|_| Step::Event(Event::Reasoning(text.clone())))
            .chain([Step::Hang])
            .collect(),
    )
    .await;
    let restarts = (0..11_000).map(|number| call(number, &format!("c{number}"), "act", RESTART_WEB));
    check(restarts.chain([Step::Hang]).collect()).await;
}

/// What is left of arguments that a length limit cut off can be valid JSON, and is still not what was meant.
#[tokio::test]
async fn a_call_that_was_cut_off_is_not_made() {
    let cut = vec![call(0, "c1", "act", RESTART_WEB), finish(FinishReason::Length)];
    let house = House::new([cut, says("It was cut off.")]).await;
    let answer = house.ask("restart web").await;
    assert_eq!(answer.text, "It was cut off.");
    let result = house.model.calls()[1].request.messages[3].joined_text();
    assert!(
        result.contains("cut off by the limit of the answer's length"),
        "{result}"
    );
    assert_eq!(house.calls(&answer).await.len(), 1);
    assert!(
        house.calls(&answer).await[0].ends_with("error"),
        "{:?}",
        house.calls(&answer).await
    );
}

struct Panicking;

impl Provider for Panicking {
    fn stream(&self, _call: Call) -> Events {
        Box::pin(futures_util::stream::once(async { panic!("a fault in a provider") }))
    }
}

#[tokio::test]
async fn a_fault_in_a_turn_ends_that_turn_only() {
    let house = House::with_chain(Arc::new(Panicking), World::new()).await;
    for _ in 0..2 {
        let answer = house.ask("hello").await;
        assert_eq!(
            answer.text,
            "Jarvis has a fault and could not finish this. The log says more."
        );
        assert_eq!(
            short::run(&house.run_of(&answer).await),
            "failed failed: 0 models, 0 tools"
        );
    }
    let said = answer(&house, request(Caller::Loopback, &["hello"])).await;
    assert_eq!(
        said.as_deref(),
        Ok("Jarvis has a fault and could not finish this. The log says more.")
    );
}

/// Plays a turn that reads `web` and then restarts it, and breaks the database while the reading is held.
async fn loses_the_database(how: impl AsyncFn(&House)) -> (House, Message, Vec<String>) {
    let house = House::new([
        calls("c1", "read_state", READ_WEB),
        calls("c2", "act", RESTART_WEB),
        calls("c3", "act", STOP_WEB),
        says("I could read, and nothing was done."),
    ])
    .await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let said = house
        .say("look at web, restart web, stop web")
        .await
        .expect("taken")
        .message;
    gate.arrived().await;
    how(&house).await;
    gate.open();
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    let answer = seen
        .first(
            "an answer",
            |happening| matches!(happening, Happening::Message { message } if short::is_answer(message)),
        )
        .await;
    let Happening::Message { message } = answer else {
        panic!("a message was looked for")
    };
    (house, message, seen.lines())
}

const FROZEN: &str = r#"{"status":"denied","reason":"acts are frozen at the moment, or the database does not answer and nobody can tell; nothing was done. Do not try again; tell the user."}"#;

#[tokio::test]
async fn without_a_database_reads_are_answered_and_acts_are_refused() {
    let closed = loses_the_database(async |house: &House| house.store.close().await).await;
    let read_only = loses_the_database(async |house: &House| {
        let read_only = "PRAGMA query_only = ON";
        house
            .store
            .execute_raw(read_only)
            .await
            .expect("the connection takes it");
    })
    .await;
    let error = ["tool act web running", "tool act web error", "tool act web error"];
    let unwritten = [
        r#"{"status":"error","error":"the audit could not be written, so nothing was done","hint":"look at the database of Jarvis; `jarvis doctor` checks it","retry":false}"#,
        r#"{"status":"error","error":"the approval could not be written to the database, so nothing is queued and nothing was done","retry":false}"#,
    ];
    // What is frozen cannot be read, and then everything is.
    let denied = ["tool act web denied", "tool act web denied"];
    for ((house, answer, lines), acts, told_of) in
        [(closed, &denied[..], [FROZEN; 2]), (read_only, &error[..], unwritten)]
    {
        assert_eq!(answer.text, "I could read, and nothing was done.");
        let end = [
            "delta \"I could read, and nothing was done.\"",
            "message assistant: I could read, and nothing was done.",
            "run finished answered",
        ];
        let reads = ["tool read_state web running", "tool read_state web ok"];
        assert_eq!(lines[2..], [&reads[..], acts, &end[..]].concat());
        assert_eq!(house.world.done(), Vec::<String>::new());
        let told = |index: usize| {
            let messages = &house.model.calls()[index].request.messages;
            short::unmarked(messages.last().expect("a result"))
        };
        assert_eq!([told(2), told(3)], told_of);
    }
}

/// The message was stored, and then the conversation could not be read for its turn.
#[tokio::test]
async fn a_message_has_an_answer_when_the_database_goes_right_after_it() {
    let house = House::new([says("hello")]).await;
    let mut seen = house.watch();
    let said = house.say("hi").await.expect("taken").message;
    house.store.close().await;
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    assert_eq!(
        seen.lines(),
        [
            "message user: hi",
            "run started",
            "delta \"hello\"",
            "message assistant: hello",
            "run finished answered",
        ]
    );
}

/// A database that is gone, or on a full disk, from the start: questions are answered, and nothing acts.
#[tokio::test]
async fn without_a_database_a_message_is_answered_and_not_kept() {
    let turns = || {
        [
            calls("c1", "read_state", READ_WEB),
            calls("c2", "act", RESTART_WEB),
            calls("c3", "act", STOP_WEB),
            says("web is running; I could not restart it."),
        ]
    };
    let house = House::new(turns()).await;
    house.store.close().await;
    let mut seen = house.watch();
    let said = house.say("restart web").await.expect("taken").message;
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    assert_eq!(
        seen.lines(),
        [
            "message user: restart web",
            "run started",
            "tool read_state web running",
            "tool read_state web ok",
            "tool act web denied",
            "tool act web denied",
            "delta \"web is running; I could not restart it.\"",
            "message assistant: web is running; I could not restart it.",
            "run finished answered",
        ]
    );
    let system = house.model.calls()[0].request.messages[0].joined_text();
    assert!(system.contains("The database of Jarvis does not answer"), "{system}");

    for turn in turns() {
        house.model.push(turn);
    }
    let said = answer(&house, request(Caller::Loopback, &["restart web"])).await;
    assert_eq!(said.as_deref(), Ok("web is running; I could not restart it."));
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_turn_can_be_stopped_without_a_database() {
    for in_words in [false, true] {
        let house = House::new([vec![Step::Event(Event::Text("Once".into())), Step::Hang]]).await;
        let mut seen = house.watch();
        let said = house.say("a story").await.expect("taken").message;
        seen.text("Once").await;
        house.store.close().await;
        if in_words {
            house.say("stop").await.expect_err("it cannot be written down");
        } else {
            let stopped = house.agent.cancel(&owner(), &house.conversation).await;
            assert!(matches!(stopped, Ok(true)), "{stopped:?}");
        }
        seen.finished(said.run_id.as_deref().expect("a run")).await;
    }
}

/// Makes every insert into a table fail, as a full disk may for one and not for the next.
async fn break_table(house: &House, table: &str) {
    let sql = format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END");
    house.store.execute_raw(&sql).await.expect("the trigger is made");
}

#[tokio::test]
async fn a_card_that_was_not_told_is_not_there() {
    let check = async |table: &str, status: &str, cards: usize| {
        let house = House::new([calls("c1", "act", STOP_WEB), says("hm")]).await;
        break_table(&house, table).await;
        let answer = house.ask("stop web").await;
        assert_eq!(answer.detail["tools"][0]["status"], status, "{table}");
        assert_eq!(house.cards().await.len(), cards, "{table}");
    };
    check("audit", "error", 0).await;
    check("approvals", "error", 0).await;
    check("tool_calls", "pending", 1).await;
}

#[tokio::test]
async fn an_approved_act_is_refused_and_told_when_its_intent_cannot_be_written() {
    let house = crate::approvals::asked_to_stop_web().await;
    break_table(&house, "tool_calls").await;
    let closed = house.approve(&house.card().await.id).await;
    assert_eq!(closed.status, CardStatus::Failed);
    let told = house.talk().await.pop().expect("an event");
    assert!(
        told.ends_with(
            "It failed: the audit could not be written, so nothing was done; look at the database of Jarvis; \
             `jarvis doctor` checks it."
        ),
        "{told}"
    );
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_vote_that_is_not_in_the_audit_does_not_count() {
    let house = crate::approvals::asked_to_stop_web().await;
    break_table(&house, "audit").await;
    let card = house.card().await;
    house.decide(&card.id, true).await.expect_err("the audit is full");
    assert_eq!(house.card().await, card);
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_card_is_not_decided_without_a_database() {
    let house = crate::approvals::asked_to_stop_web().await;
    let id = house.card().await.id;
    house.store.close().await;
    let nothing_was_done = "the database does not answer, so nothing was done";
    let refused = house.decide(&id, true).await.expect_err("no database");
    assert_eq!(refused.to_string(), nothing_was_done);
    let refused = house.say(&format!("approve {id}")).await.expect_err("no database");
    assert_eq!(refused.to_string(), nothing_was_done);
    assert_eq!(house.world.done(), Vec::<String>::new());
}
