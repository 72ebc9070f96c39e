//! The wire forms of OpenAI's chat completions. They are known in this folder only.

mod answer;
mod completions;
mod embeddings;
mod forwarded;
mod list;
mod merge;
mod node;
mod request;
pub(super) mod responses;
mod tools;

#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod tests;

pub(super) use answer::{Chunk, Identity, completion, model, models};
pub(super) use completions::{Text, parse_completion};
pub(super) use embeddings::{embed_answer, embed_request};
pub(super) use forwarded::Forwarded;
pub(super) use list::List;
pub(super) use merge::Merge;
pub(super) use request::{Asked, BadRequest, Content, explain, parse, text};
pub(super) use tools::Tool;
