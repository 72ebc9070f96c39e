//! Any server that speaks `OpenAI`'s chat completions: `OpenAI`, vLLM, llama-server, LM Studio, a router in the cloud.

mod chunk;
mod discover;
mod embeddings;
mod fault;
mod forward;
mod provider;
mod request;
mod settings;
mod splice;
mod steady;
mod stream;
mod tool_calls;
mod worker;

pub use discover::{Source, models};
pub use provider::OpenAi;
pub use settings::{MaxTokensField, Settings};
