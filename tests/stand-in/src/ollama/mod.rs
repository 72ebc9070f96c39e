//! Plays an Ollama.

mod answer;
mod read;
mod runner;
mod write;

pub(crate) use answer::{chat, generate, ps, show, tags};
pub(crate) use runner::Runners;
pub use runner::Shown;
