//! Answers that are given again to exactly the same question, for callers who ask for that.
//!
//! Off unless a request (`x-jarvis-cache: on`, `ttl=SECONDS`) or a key says otherwise. An answer is only kept when it
//! reached its end by itself (`stop` or `tool_calls`), and only given to the key that it was made for, unless the
//! configuration lets all share. The agent is never answered for from here: what it says is about this moment, and it
//! acts. The temperature does not matter: whoever asks for the cache asks for the same answer again.
//!
//! The same question at the same time is asked once. Whoever asks it meanwhile waits; when the first fails, is left by its
//! caller, or gives an answer that is not kept, one of those who wait asks in its place. Nobody is told the failure of
//! another.

mod answer;
mod digest;
mod flight;
mod question;
mod shared;
mod shelf;
mod vectors;
mod wish;

pub(super) use answer::look_up;
pub use shared::Shared;
pub use shelf::{Cache, Config};
pub(super) use vectors::{Asked, Failed, vectors};
