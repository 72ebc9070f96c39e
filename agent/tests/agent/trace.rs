//! A turn is read step by step from its rows.

use std::sync::Arc;
use std::time::Duration;

use jarvis_agent::Error;
use jarvis_agent::trace::{Trace, What};
use jarvis_gateway::caller::{Caller, Scope};
use jarvis_gateway::chain::HostClass;
use jarvis_gateway::chat::{Timings, Usage};
use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::demands::Origin;
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{calls, says};
use jarvis_gateway::usage::{Attempt, Entry, MicroUsd, Outcome, Pieces};

use crate::approvals::STOP_WEB;
use crate::support::house::NOW;
use crate::support::{House, key, owner};

/// A row of the ledger as the gateway writes it for a turn.
fn attempt(run: &str, target: &str, at: Millis, outcome: Outcome, cost: Option<i64>) -> Entry {
    let (backend, model) = target.split_once('/').expect("a target");
    let origin = Origin {
        id: run.into(),
        model: "jarvis-chat".into(),
        ..Origin::default()
    };
    Entry {
        attempt: Attempt {
            origin: Arc::new(origin),
            caller: Caller::Loopback,
            backend: backend.into(),
            model: model.into(),
            kind: "openai",
            class: HostClass::Cloud,
            number: 1,
            left: Vec::new(),
            started_at: at,
            waited: None,
            took: Duration::from_millis(1500),
            first_token: None,
            outcome,
            usage: Usage {
                prompt_tokens: 10,
                completion_tokens: 5,
                ..Usage::default()
            },
            estimated: false,
            pieces: Pieces::default(),
            timings: Timings::default(),
            truncated: false,
        },
        cost: cost.map(MicroUsd),
        at,
    }
}

/// Each step as one line.
fn lines(trace: &Trace) -> Vec<String> {
    let line = |what: &What| match what {
        What::Asked { name, text } => format!("{}: {text}", name.as_deref().unwrap_or("-")),
        What::Model {
            target,
            outcome,
            fault,
            cost,
            ..
        } => format!("{target} {outcome} {fault:?} {cost:?}"),
        What::Tool {
            tool,
            decision,
            rule,
            approval,
            outcome,
            says,
            ..
        } => format!(
            "{tool} {outcome} {} {} {} {}",
            decision.as_deref().unwrap_or("-"),
            rule.as_deref().unwrap_or("-"),
            approval.is_some(),
            says.as_deref().unwrap_or("-")
        ),
        What::Card {
            title, rule, status, ..
        } => format!("card {title} {rule} {}", status.as_str()),
        What::Vote { by, yes, via, .. } => format!("vote {by} {yes} {via}"),
        What::Event { .. } => "event".into(),
        What::Answer { text } => format!("answer {text}"),
        What::Delivery { platform, state, .. } => format!("{platform} {state}"),
    };
    trace.steps.iter().map(|step| line(&step.what)).collect()
}

#[tokio::test]
async fn a_turn_with_a_read_and_a_card_is_told_in_order() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        calls("c2", "act", STOP_WEB),
        says("It waits."),
    ])
    .await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let run = house
        .say("stop web")
        .await
        .expect("taken")
        .message
        .run_id
        .expect("a run");
    gate.arrived().await;
    house.clock.advance(Duration::from_secs(2));
    gate.open();
    seen.finished(&run).await;
    // For the act.
    gate.open();
    house.clock.advance(Duration::from_mins(1));
    house.approve(&house.card().await.id).await;
    let (left, answered) = (
        Outcome::Left {
            class: Class::IdleTimeout,
            reason: "nothing came".into(),
        },
        Outcome::Answered,
    );
    let entries = [
        attempt(&run, "gpu/small", NOW, left, None),
        attempt(&run, "cloud/big", Millis(NOW.0 + 1000), answered.clone(), Some(7)),
        attempt(&run, "cloud/big", Millis(NOW.0 + 1500), answered.clone(), Some(8)),
        attempt("another", "cloud/big", NOW, answered, Some(100)),
    ];
    house.store.append_usage(&entries).await.expect("a ledger");

    let trace = house.agent.trace(&owner(), &run).await.expect("a turn");
    assert_eq!(
        lines(&trace),
        [
            "owner: stop web",
            "gpu/small left Some(\"idle_timeout\") None",
            "read_state ok allow read false **web** is running.",
            "cloud/big answered None Some(MicroUsd(7))",
            "cloud/big answered None Some(MicroUsd(8))",
            "act pending ask destructive true -",
            "card stop web destructive done",
            "answer It waits.",
            "vote owner true console",
            "act ok allow approved true stop web: now stopped.",
            "event",
        ]
    );
    let room = trace
        .room
        .as_ref()
        .map(|room| (room.platform.as_str(), room.id.as_str()));
    assert_eq!(
        (
            trace.asked_by.as_deref(),
            trace.via.as_deref(),
            room,
            trace.ended_by.as_deref()
        ),
        (
            Some("owner"),
            Some("console"),
            Some(("local", "home")),
            Some("answered")
        )
    );
    assert_eq!(
        (trace.cost, trace.cost_unknown, trace.model_calls),
        (MicroUsd(15), 1, 3)
    );
    assert!(house.clock.now() > NOW);
}

#[tokio::test]
async fn a_turn_is_found_by_the_beginning_of_its_id() {
    let house = House::new([says("one"), says("two")]).await;
    let ask = async |text: &str| house.ask(text).await.run_id.expect("a run");
    let (first, second) = (ask("a").await, ask("b").await);
    let alike = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
    let check = async |id: &str, expect: Result<&str, &str>| {
        let found = house.agent.trace(&owner(), id).await;
        let found = found.map(|trace| trace.id).map_err(|error| match error {
            Error::NoRun(_) => "none",
            Error::ManyRuns { .. } => "many",
            _ => "else",
        });
        assert_eq!(found.as_deref().map_err(|error| *error), expect, "{id:?}");
    };
    check("last", Ok(&second)).await;
    let beginning = |letters: usize| first.chars().take(letters).collect::<String>();
    check(&beginning(alike + 1), Ok(&first)).await;
    check(&first.to_uppercase(), Ok(&first)).await;
    check(&beginning(alike), Err("many")).await;
    for id in ["", "zzz", "%", "_", "' OR 1=1", "ffffffff", &"0".repeat(300)] {
        check(id, Err("none")).await;
    }
    let stranger = jarvis_agent::Principal::of(&key("k", &[Scope::Chat]), jarvis_agent::Surface::Api);
    assert!(matches!(
        house.agent.trace(&stranger, &first).await,
        Err(Error::Forbidden)
    ));
}
