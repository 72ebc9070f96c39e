//! Answers that are given again to exactly the same question, for callers who ask for that.
//!
//! Off unless a request (`x-jarvis-cache: on`, `ttl=SECONDS`) or a key says otherwise. An answer is only kept when it
//! reached its end by itself (`stop` or `tool_calls`), and only given to the key that it was made for, unless the
//! configuration lets all share. The agent is never answered for from here: what it says is about this moment, and it
//! acts. The temperature does not matter: whoever asks for the cache asks for the same answer again.

mod answer;
mod digest;
mod question;
mod shelf;
mod wish;

pub(super) use answer::look_up;
pub use shelf::{Cache, Config};
