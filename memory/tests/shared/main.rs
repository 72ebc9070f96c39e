//! What replicas share through a real Redis, and what is left of it when that one is away.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod boards;
mod breakers;
mod channel;
mod faults;
mod limits;
mod probes;
mod replica;
