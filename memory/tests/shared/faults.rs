//! A Redis that is away in every way that it can be.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::breaker::{Phase, Replicas, Unreachable};
use jarvis_gateway::caller::{Allowance, Key};
use jarvis_gateway::clock::System;
use jarvis_gateway::http::limits::Counters;
use jarvis_memory::shared::{Config, Limits, Redis, Standing};
use stand_in::Redis as Server;

use crate::breakers::record;
use crate::replica::{Replica, config, impatient, replica_of, server};

const LIMIT: Duration = Duration::from_secs(20);

/// A hundred requests of a limited key are let in without waiting.
async fn nobody_waits(replica: &Replica) {
    let limits = Limits::new(&replica.redis, &(Arc::new(System) as _), &replica.tasks);
    let key = Key {
        id: "busy".to_owned(),
        allowance: Allowance {
            requests_per_minute: Some(1_000),
            ..Allowance::default()
        },
        ..Key::default()
    };
    for _ in 0..100 {
        limits.enter(&key, 0).await.expect("let in");
    }
}

/// Redis was away, is back, and works for all.
async fn comes_back(replica: &Replica) {
    replica.is_here().await;
    let closed = record(0, Phase::Closed, Duration::ZERO);
    crate::replica::eventually("it works", async || replica.redis.tell("gpu", &closed, true).await.ok()).await;
}

async fn away(server: &Server) -> Replica {
    impatient(server).await
}

#[tokio::test]
async fn killed_and_started_again_empty() {
    let mut server = server().await;
    let replica = away(&server).await;
    server.kill().await;
    nobody_waits(&replica).await;
    replica.is_away().await;
    assert_eq!(replica.redis.look("gpu").await, Err(Unreachable));
    server.restart().await.expect("it starts again");
    comes_back(&replica).await;
}

#[tokio::test]
async fn frozen() {
    let server = server().await;
    let replica = away(&server).await;
    server.freeze().await.expect("it stands still");
    nobody_waits(&replica).await;
    assert!(
        !replica.redis.is_here(),
        "the first one has waited, and the others did not ask"
    );
    server.thaw().await.expect("it goes on");
    comes_back(&replica).await;
}

#[tokio::test]
async fn full() {
    let server = server().await;
    let replica = away(&server).await;
    server.run(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    nobody_waits(&replica).await;
    let says = replica.is_away().await;
    assert!(says.contains("memory is full"), "{says}");
    server.run(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    comes_back(&replica).await;
}

#[tokio::test]
async fn a_read_only_replica_of_another() {
    let server = server().await;
    let replica = away(&server).await;
    server.run(&["REPLICAOF", "127.0.0.1", "9"]).await.unwrap();
    nobody_waits(&replica).await;
    let says = replica.is_away().await;
    assert!(says.contains("read-only replica"), "{says}");
    server.run(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    comes_back(&replica).await;
}

#[tokio::test]
async fn slow() {
    let server = server().await;
    let replica = away(&server).await;
    server.run(&["CLIENT", "PAUSE", "500", "ALL"]).await.unwrap();
    nobody_waits(&replica).await;
    assert!(!replica.redis.is_here());
    comes_back(&replica).await;
}

#[tokio::test]
async fn with_another_password() {
    let server = server().await;
    server.run(&["CONFIG", "SET", "requirepass", "hunter2"]).await.unwrap();
    let without = replica_of(&config(&server));
    let says = without.is_away().await;
    assert!(says.contains("redis.credential"), "{says}");
    let tasks = jarvis_gateway::tasks::Tasks::default();
    let password = Some("hunter2".to_owned().into());
    let redis = Redis::open(&config(&server), &password, uuid::Uuid::now_v7(), &tasks);
    let redis = redis.expect("a URL").expect("a Redis");
    assert_eq!(redis.settled(LIMIT).await, Standing::Here);
    tasks.stopping().cancel();
}

#[tokio::test]
async fn never_there() {
    let replica = replica_of(&Config {
        url: Some("redis://127.0.0.1:9".to_owned()),
        ..Config::default()
    });
    nobody_waits(&replica).await;
    let says = replica.is_away().await;
    assert!(says.contains("refused"), "{says}");
    assert_eq!(replica.redis.place(), "127.0.0.1:9");
}
