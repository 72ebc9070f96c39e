//! What it costs a request to ask the breakers of its target: `cargo run --release -p jarvis-gateway --example admission`.
//! Replicas that are shared with change nothing of it, because a closed breaker asks nobody.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for people")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::breaker::{Board, Pair, Place, Table};
use jarvis_gateway::clock::System;
use jarvis_gateway::provider::{Class, Error};
use jarvis_gateway::tasks::Tasks;
use tokio::time::Instant;

const TIMES: u32 = 1_000_000;
const LEASE: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tasks = Tasks::default();
    let alone = Arc::new(Board::new(Arc::new(System)));
    let shared = Arc::new(Board::new(Arc::new(System)));
    shared.share(Arc::new(Table::new(Arc::new(System)).seat(0)), &tasks);
    for (what, board) in [("alone", alone), ("shared", shared)] {
        let pair = board.pair("gpu", "m", Place::Local);
        println!("{what}: closed, let through and given back: {:?}", each(&pair).await);
        let ticket = pair.admit(LEASE).await.expect("it is closed");
        ticket.failed(&Error::new(Class::HostDown, "refused"), false);
        println!("{what}: open, passed over:                 {:?}", each(&pair).await);
    }
    tasks.stopping().cancel();
}

/// The least of five rounds, because whatever else the machine does only adds to it.
async fn each(pair: &Pair) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        for _ in 0..TIMES {
            drop(black_box(black_box(pair).admit(LEASE).await));
        }
        least = least.min(began.elapsed() / TIMES);
    }
    least
}
