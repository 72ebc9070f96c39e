//! The whole program as its own process, over sockets, with a real Docker engine and a stand-in for model servers.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and ends its own tasks by ending"
)]

mod bad_input;
mod chains;
mod circles;
mod containers;
mod dam;
mod database;
mod deploy;
mod door;
mod jarvis;
mod killed;
mod mcp;
mod memory;
mod observed;
mod openapi;
mod outcome;
mod redis;
mod reload;
mod schedule;
mod specialists;
mod start;
mod stop;
mod targets;
mod uploads;
mod usage;
mod wire;
mod world;
