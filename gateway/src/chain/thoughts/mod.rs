//! Thinking that a server leaves in the text of its answer, `<think>…</think>` at its start, told from the answer.

mod reader;
mod tags;
mod wire;

pub(super) use reader::Thoughts;
pub(super) use wire::Chunk;
