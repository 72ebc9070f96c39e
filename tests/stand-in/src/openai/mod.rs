//! Plays an OpenAI-compatible server.

mod answer;
mod read;
mod write;

pub(crate) use answer::{chat, invalid, models, refuse};
