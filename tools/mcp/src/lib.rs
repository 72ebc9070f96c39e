//! Calls the tools of MCP servers, which are somebody else's.
//!
//! A [`Servers`] keeps a connection to every configured server and puts its tools on the catalogue's shelf. What a server
//! says of itself is outside text: it is bounded while it is read, cleaned before it is shown, pinned by a hash when it is
//! first seen, and never an order. Who may call what is not decided here: a tool is an act that policy asks a person about
//! unless the owner wrote down that it only reads.

mod answer;
mod config;
mod connection;
mod keeper;
mod launch;
mod offered;
mod pin;
mod resources;
mod servers;
mod sieve;
mod stdio;
mod streamable;
mod tool;
mod words;

pub use config::{Config, Server};
pub use launch::{Launch, Way};
pub use pin::{Pin, Pins, Unwritten};
pub use servers::{Servers, Shown, ShownTool, test};
