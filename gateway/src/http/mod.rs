//! The OpenAI-compatible API over HTTP, and the door in front of it: keys, hosts and origins.

mod audio;
mod body;
pub mod cache;
mod chat;
mod completions;
mod demands;
mod embeddings;
mod error;
mod forward;
mod frames;
#[cfg(feature = "test-support")]
pub mod fuzzing;
mod guard;
mod guesses;
mod images;
mod keys;
pub mod limits;
mod metrics;
mod models;
mod ollama;
pub mod responses;
mod router;
mod serve;
mod served;
mod stall;
mod stream;
mod traced;
mod upload;
mod usage;
mod whole;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use body::read_body;
pub use error::Error;
pub use guard::{Door, guard, require};
pub use keys::{Keys, Unavailable, hash_key};
pub use router::{Ready, State, not_found, router};
pub use serve::{Limits, listen, serve};
