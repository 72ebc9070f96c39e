//! Ollama's own API, so that its clients get the same names and the same chains as `OpenAI`'s: `/api/chat`,
//! `/api/generate`, `/api/embed`, and what they ask about models. Models are not managed here.

mod ask;
mod embed;
mod error;
mod image;
mod line;
mod models;
mod name;
mod read;
mod routes;
mod stream;
mod tool_ids;

#[cfg(feature = "test-support")]
pub(super) use read::{is_chat, is_generate};
pub(super) use routes::routes;
