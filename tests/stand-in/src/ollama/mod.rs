//! Plays an Ollama.

mod answer;
mod read;
mod write;

pub(crate) use answer::{chat, ps, show, tags};
