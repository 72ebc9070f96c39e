//! The readers of request bodies, for the targets in `fuzz/`: whether a body is accepted.

use bytes::Bytes;

use super::{ollama, wire};

/// `POST /v1/chat/completions`.
pub fn openai_chat(body: Bytes) -> bool {
    wire::parse(body).is_ok()
}

/// `POST /api/chat`.
pub fn ollama_chat(body: Bytes) -> bool {
    ollama::is_chat(body)
}

/// `POST /api/generate`.
pub fn ollama_generate(body: Bytes) -> bool {
    ollama::is_generate(body)
}
