//! What Jarvis does when model servers fail: one table of faults, played by the stand-in, against the real program over
//! sockets. S01 to S16 have the meaning of Failover Bench's published catalogue, O01 to O24 are Ollama's own faults, and
//! the other tables hold what users of other gateways complain about and faults of the network.
//!
//! Every case prints a line: its name, pass, partial, safe or fail, the milliseconds, and what was seen.
//!
//! `FAULTS=S01,O1 cargo test --test faults` plays those whose names begin so.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, says what it saw, and ends its own tasks by ending"
)]

mod answer;
mod complaints;
mod failover;
mod network;
mod ollama;
mod program;
mod replicas;
mod scene;
mod table;
mod translation;
mod verdict;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_met_as_the_table_says() {
    let cases = [
        failover::CASES,
        ollama::CASES,
        network::CASES,
        complaints::CASES,
        replicas::CASES,
    ]
    .concat();
    table::play(cases).await;
}
