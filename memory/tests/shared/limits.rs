//! The contract of counters, over both, and what only those of several replicas can do.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::caller::{Allowance, Key};
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::http::limits::{Counters, InProcess, Kind, Place};
use jarvis_memory::shared::Limits;
use stand_in::Redis as Server;

use crate::replica::{Replica, Wrong, eventually, replica, server};

fn key(id: &str, requests: Option<u32>, tokens: Option<u32>, concurrency: Option<u32>) -> Key {
    Key {
        id: id.to_owned(),
        allowance: Allowance {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            concurrency,
            ..Allowance::default()
        },
        ..Key::default()
    }
}

async fn refused(counters: &dyn Counters, key: &Key, tokens: u32) -> (Kind, u64) {
    let over = counters.enter(key, tokens).await.unwrap_err();
    assert!(
        over.retry_after > Duration::ZERO && over.retry_after <= Duration::from_secs(62),
        "{over:?}"
    );
    (over.kind, over.used)
}

/// What is told without waiting is counted soon.
async fn soon_refused(counters: &dyn Counters, key: &Key, tokens: u32, expect: (Kind, u64)) {
    eventually(&format!("{expect:?}"), async || {
        match counters.enter(key, tokens).await {
            Ok(place) => counters.leave(key, &place),
            Err(over) if (over.kind, over.used) == expect => return Some(()),
            Err(_) => {}
        }
        None
    })
    .await;
}

async fn contract(one: &dyn Counters, other: &dyn Counters) {
    let requests = key("requests", Some(3), None, None);
    let remaining = |place: &Place| place.standing.requests.map(|room| room.remaining);
    let first = one.enter(&requests, 0).await.unwrap();
    assert_eq!((remaining(&first), first.standing.tokens), (Some(2), None));
    assert_eq!(remaining(&other.enter(&requests, 0).await.unwrap()), Some(1));
    one.leave(&requests, &first);
    assert_eq!(remaining(&one.enter(&requests, 0).await.unwrap()), Some(0));
    for counters in [one, other] {
        assert_eq!(refused(counters, &requests, 0).await, (Kind::Requests, 3));
    }

    let tokens = key("tokens", None, Some(100), None);
    let place = one.enter(&tokens, 60).await.unwrap();
    assert_eq!(refused(other, &tokens, 41).await, (Kind::Tokens, 60));
    one.used(&tokens, 30);
    one.leave(&tokens, &place);
    soon_refused(other, &tokens, 71, (Kind::Tokens, 30)).await;
    let place = other.enter(&tokens, 70).await.unwrap();
    other.used(&tokens, 1000);
    other.leave(&tokens, &place);
    soon_refused(one, &tokens, 1, (Kind::Tokens, 1030)).await;

    let running = key("running", None, None, Some(2));
    let first = one.enter(&running, 0).await.unwrap();
    let second = other.enter(&running, 0).await.unwrap();
    for counters in [one, other] {
        assert_eq!(refused(counters, &running, 0).await, (Kind::Concurrency, 2));
    }
    one.leave(&running, &first);
    let third = eventually("a place", async || other.enter(&running, 0).await.ok()).await;
    other.leave(&running, &second);
    other.leave(&running, &third);

    let all = key("all", Some(2), Some(100), Some(1));
    one.enter(&all, 10).await.unwrap();
    for _ in 0..5 {
        assert_eq!(
            refused(other, &all, 10).await,
            (Kind::Concurrency, 1),
            "what one refuses the others do not count"
        );
    }
}

#[tokio::test]
async fn of_one_process() {
    let counters = InProcess::new(Arc::new(System));
    contract(&counters, &counters).await;
}

struct Here {
    replica: Replica,
    limits: Limits,
}

async fn here(server: &Server, wrong: i64, span: Duration) -> Here {
    let replica = replica(server).await;
    let clock: Arc<dyn Clock> = Arc::new(Wrong(wrong));
    let limits = Limits::of_span(&replica.redis, &clock, &replica.tasks, span);
    Here { replica, limits }
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn of_replicas_whose_clocks_differ() {
    let server = server().await;
    let (one, other) = (here(&server, 0, MINUTE).await, here(&server, 3_600_000, MINUTE).await);
    contract(&one.limits, &other.limits).await;
}

#[tokio::test]
async fn what_is_past_makes_room() {
    let server = server().await;
    let span = Duration::from_millis(300);
    let (one, other) = (here(&server, 0, span).await, here(&server, 0, span).await);
    // Nothing is counted by the process itself for longer than by all.
    let key = key("past", Some(2), Some(50), None);
    one.limits.enter(&key, 25).await.unwrap();
    one.limits.enter(&key, 25).await.unwrap();
    assert!(other.limits.enter(&key, 1).await.is_err());
    eventually("room", async || other.limits.enter(&key, 50).await.ok()).await;
}

#[tokio::test]
async fn many_at_once_are_let_in_as_often_as_they_may() {
    let server = server().await;
    let (one, other) = (here(&server, 0, MINUTE).await, here(&server, 0, MINUTE).await);
    let key = key("crowd", Some(40), None, Some(30));
    let asking = (0..50)
        .flat_map(|_| [&one, &other])
        .map(|here| here.limits.enter(&key, 0));
    let answers = futures_util::future::join_all(asking).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 30);
}

#[tokio::test]
async fn without_redis_each_counts_what_it_let_in_and_counts_on() {
    let mut server = server().await;
    let (one, other) = (here(&server, 0, MINUTE).await, here(&server, 0, MINUTE).await);
    let key = key("alone", Some(4), None, None);
    for _ in 0..3 {
        one.limits.enter(&key, 0).await.unwrap();
    }
    server.kill().await;
    one.limits
        .enter(&key, 0)
        .await
        .expect("it is one of four that this replica has let in");
    assert_eq!(refused(&one.limits, &key, 0).await, (Kind::Requests, 4));
    other
        .limits
        .enter(&key, 0)
        .await
        .expect("no request fails because Redis is away");
    server.restart().await.expect("it starts again");
    one.replica.is_here().await;
    assert_eq!(
        refused(&one.limits, &key, 0).await,
        (Kind::Requests, 4),
        "although Redis has forgotten"
    );
    other.replica.is_here().await;
    other.limits.enter(&key, 0).await.unwrap();
    let count = server.run(&["HVALS", "jv:rl:{alone}:requests"]).await.unwrap();
    assert_eq!(count, "1", "it counts for all again");
}

#[tokio::test]
async fn places_of_a_replica_that_was_killed_become_free() {
    let server = server().await;
    let (killed, other) = (here(&server, 0, MINUTE).await, here(&server, 0, MINUTE).await);
    let key = key("killed", None, None, Some(1));
    killed.limits.enter(&key, 0).await.unwrap();
    assert!(other.limits.enter(&key, 0).await.is_err());
    // It is not there any more to say that its request is over, or that it still runs.
    drop(killed.replica);
    let ends: i64 = server
        .run(&["PTTL", "jv:rl:{killed}:running"])
        .await
        .unwrap()
        .parse()
        .unwrap();
    assert!(ends > 0 && ends <= 30_000, "it ends by itself: {ends}");
    let member = server
        .run(&["ZRANGE", "jv:rl:{killed}:running", "0", "0"])
        .await
        .unwrap();
    // As if that time had passed.
    server
        .run(&["ZADD", "jv:rl:{killed}:running", "1", &member])
        .await
        .unwrap();
    other.limits.enter(&key, 0).await.expect("the place is free");
}
