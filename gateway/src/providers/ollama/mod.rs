//! Ollama, spoken to natively over `/api/chat`. Its `/v1` routes are never used: they lose errors in the middle of a
//! stream, ignore `num_ctx` and `keep_alive`, and invent a temperature.

mod admin;
mod discover;
mod embed;
mod fault;
mod original;
#[cfg(test)]
mod original_tests;
mod pattern;
mod provider;
mod request;
#[cfg(test)]
mod request_tests;
mod schema;
mod settings;
mod source;
mod stream;
#[cfg(test)]
mod stream_tests;
mod unknown;

pub use admin::{Admin, Kept, Progress};
pub use discover::{Details, Loaded, Model, Shown, choose_model, ps, show, tags, version};
pub(super) use original::{only_a_prompt, untold};
pub use provider::Ollama;
pub use settings::{KeepAlive, Settings, Think, Thinking};
pub use source::Source;
