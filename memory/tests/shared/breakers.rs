//! The contract of what breakers share, over both.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jarvis_gateway::breaker::{Answer, Change, Phase, Record, Replicas, Table};
use jarvis_gateway::clock::System;
use serde_json::json;
use tokio::time::timeout;

use crate::replica::{PATIENCE, eventually, replica, server};

const SOON: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_mins(5);

pub(crate) fn record(epoch: u64, phase: Phase, left: Duration) -> Record {
    let trouble = json!({"kind": "down", "class": "host_down", "reason": "refused \"it\"\n"});
    let details = json!({
        "trouble": (phase != Phase::Closed).then_some(trouble),
        "trips": 2, "canaries": 0, "probes": "failed", "forced": null,
    });
    Record {
        epoch,
        phase,
        left,
        forced_left: Duration::ZERO,
        details: serde_json::from_value(details).unwrap(),
    }
}

async fn state(replicas: &dyn Replicas, scope: &str) -> Option<(u64, Phase)> {
    let record = replicas.look(scope).await.unwrap()?;
    Some((record.epoch, record.phase))
}

async fn contract(one: &dyn Replicas, other: &dyn Replicas) {
    told_and_heard(one, other).await;
    one_trial(one, other).await;
    counted(one, other).await;
    forced(one, other).await;
}

async fn told_and_heard(one: &dyn Replicas, other: &dyn Replicas) {
    let (mut heard, mut own) = (other.changes(), one.changes());
    assert_eq!(state(one, "gpu/qwen3:14b").await, None);
    let open = record(0, Phase::Open, LONG);
    assert_eq!(one.tell("gpu/qwen3:14b", &open, false).await, Ok(Answer::Taken(1)));
    let Some(Change::Record(scope, told)) = timeout(PATIENCE, heard.next()).await.unwrap() else {
        panic!("a record");
    };
    assert_eq!(
        (scope.as_str(), told.epoch, &told.details),
        ("gpu/qwen3:14b", 1, &open.details)
    );
    let looked = other.look("gpu/qwen3:14b").await.unwrap().unwrap();
    assert!(looked.left <= LONG && looked.left + PATIENCE > LONG, "{looked:?}");
    // What was decided on an older state is refused, and says what holds.
    match other
        .tell("gpu/qwen3:14b", &record(0, Phase::Closed, Duration::ZERO), false)
        .await
    {
        Ok(Answer::Refused(newer)) => assert_eq!((newer.epoch, newer.phase), (1, Phase::Open)),
        unexpected => panic!("{unexpected:?}"),
    }
    let closed = record(1, Phase::Closed, Duration::ZERO);
    assert_eq!(other.tell("gpu/qwen3:14b", &closed, false).await, Ok(Answer::Taken(2)));
    assert_eq!(state(one, "gpu/qwen3:14b").await, Some((2, Phase::Closed)));
    // Nobody hears itself.
    let Some(Change::Record(_, told)) = timeout(PATIENCE, own.next()).await.unwrap() else {
        panic!("a record");
    };
    assert_eq!((told.epoch, told.phase), (2, Phase::Closed));
    // One that knows more than is known here any more goes on from there.
    assert_eq!(
        one.tell("lost", &record(40, Phase::Open, LONG), false).await,
        Ok(Answer::Taken(41))
    );
}

async fn one_trial(one: &dyn Replicas, other: &dyn Replicas) {
    let refused = async |replicas: &dyn Replicas, epoch| {
        let half = record(epoch, Phase::HalfOpen, LONG);
        matches!(replicas.lease("trial", &half).await, Ok(Answer::Refused(_)))
    };
    assert_eq!(
        one.tell("trial", &record(0, Phase::Open, SOON), false).await,
        Ok(Answer::Taken(1))
    );
    assert!(refused(one, 1).await, "its time is not over");
    let half = record(1, Phase::HalfOpen, SOON);
    let epoch = eventually("its time to be over", async || {
        match other.lease("trial", &half).await {
            Ok(Answer::Taken(epoch)) => Some(epoch),
            _ => None,
        }
    })
    .await;
    assert_eq!(epoch, 2);
    // Its trial is not ended in time, so that somebody else gets one, and what it then says is too late.
    let again = record(2, Phase::HalfOpen, LONG);
    let epoch = eventually("the lease to end", async || match one.lease("trial", &again).await {
        Ok(Answer::Taken(epoch)) => Some(epoch),
        _ => None,
    })
    .await;
    assert_eq!(epoch, 3);
    assert!(refused(one, 3).await && refused(other, 3).await);
    let late = other.tell("trial", &record(2, Phase::Open, LONG), false).await;
    assert!(matches!(late, Ok(Answer::Refused(_))), "{late:?}");
    assert_eq!(
        one.tell("trial", &record(3, Phase::Closed, Duration::ZERO), false)
            .await,
        Ok(Answer::Taken(4))
    );
    assert!(
        refused(other, 2).await,
        "it is closed, and whoever asks has not heard of it"
    );
    // What opened it here was not told yet.
    let known = record(4, Phase::HalfOpen, LONG);
    assert_eq!(one.lease("trial", &known).await, Ok(Answer::Taken(5)));
    assert_eq!(
        one.lease("unheard of", &record(7, Phase::HalfOpen, LONG)).await,
        Ok(Answer::Taken(8))
    );
    assert!(refused(other, 7).await || state(other, "trial").await.is_some());
}

async fn counted(one: &dyn Replicas, other: &dyn Replicas) {
    let mut heard = other.changes();
    assert_eq!(one.count("many", 1).await, Ok(1));
    assert_eq!(other.count("many", 2).await, Ok(3));
    assert_eq!(
        timeout(PATIENCE, heard.next()).await.unwrap(),
        Some(Change::Failures("many".to_owned(), 1))
    );
    assert_eq!(one.count("many", 0).await, Ok(0));
    assert_eq!(other.count("many", 1).await, Ok(1));
    assert_eq!(
        state(one, "many").await,
        None,
        "a closed breaker of which only failures are known"
    );
    // Counting begins anew once it was open.
    assert_eq!(
        one.tell("many", &record(0, Phase::Open, LONG), false).await,
        Ok(Answer::Taken(1))
    );
    assert_eq!(one.count("many", 1).await, Ok(1));
}

async fn forced(one: &dyn Replicas, other: &dyn Replicas) {
    let mut held = record(0, Phase::Open, Duration::ZERO);
    held.forced_left = LONG;
    held.details = serde_json::from_value(json!({
        "trouble": {"kind": "down", "class": "host_down", "reason": "r"},
        "trips": 0, "canaries": 0, "probes": "none", "forced": ["open", "owner by console"],
    }))
    .unwrap();
    for _ in 0..3 {
        one.tell("held", &record(0, Phase::Closed, Duration::ZERO), true)
            .await
            .unwrap();
    }
    // A person wins over what was decided meanwhile, and nobody tries what is held.
    assert_eq!(other.tell("held", &held, true).await, Ok(Answer::Taken(4)));
    let trial = one.lease("held", &record(4, Phase::HalfOpen, LONG)).await;
    assert!(matches!(trial, Ok(Answer::Refused(_))), "{trial:?}");
    let looked = one.look("held").await.unwrap().unwrap();
    assert_eq!(looked.details, held.details);
    assert!(looked.forced_left + PATIENCE > LONG);
}

#[tokio::test]
async fn of_boards_in_one_process() {
    let table = Table::new(Arc::new(System));
    contract(&table.seat(0), &table.seat(1)).await;
}

#[tokio::test]
async fn of_replicas() {
    let server = server().await;
    let (one, other) = (replica(&server).await, replica(&server).await);
    contract(&one.redis, &other.redis).await;
}
