//! Everything that can answer a chat request, one folder each.

pub mod command;
mod fields;
pub mod ollama;
pub mod openai;
pub mod per_model;
mod refusal;
#[cfg(any(test, feature = "test-support"))]
pub mod scripted;
