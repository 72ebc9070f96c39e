//! Plays an Ollama.

mod answer;
mod read;
mod runner;
mod write;

pub(crate) use answer::{chat, error, generate, ps, refuse, show, tags};
pub(crate) use runner::Runners;
pub use runner::Shown;
