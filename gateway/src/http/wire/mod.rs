//! The wire forms of OpenAI's chat completions. They are known in this folder only.

mod answer;
mod merge;
mod request;
mod tools;

#[cfg(test)]
mod tests;

pub(super) use answer::{Chunk, Identity, completion, model, models};
pub(super) use merge::Merge;
pub(super) use request::{Asked, BadRequest, Content, explain, parse};
pub(super) use tools::Tool;
