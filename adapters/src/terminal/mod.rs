//! The chat in a terminal, and the calls behind the commands that talk to a running Jarvis.
//!
//! A client of `docs/api.md` like any other: it knows the agent only through HTTP. [`chat`] connects input, events and
//! screen; what is shown is decided in `screen`, what is waited for in `turn` and `acts`, all of them without I/O.

mod acts;
mod chat;
mod clean;
mod client;
mod error;
mod events;
mod input;
mod options;
mod output;
mod screen;
mod start;
mod turn;
mod wire;

#[cfg(test)]
mod chat_tests;
#[cfg(test)]
mod prompt_tests;
#[cfg(test)]
mod screen_tests;
#[cfg(test)]
mod stand_in;

pub use clean::clean;
pub use client::Client;
pub use error::Error;
pub use options::Options;
pub use start::chat;
