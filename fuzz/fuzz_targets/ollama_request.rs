//! Bodies of Ollama's `POST /api/chat` and `POST /api/generate`: what is accepted is a JSON object with a model.

#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use jarvis_gateway::http::fuzzing::{ollama_chat, ollama_generate};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    for reads in [ollama_chat, ollama_generate] {
        if reads(Bytes::copy_from_slice(body)) {
            let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).expect("what was accepted is JSON");
            // Older clients call it by its first name.
            let model = body.get("model").or_else(|| body.get("name"));
            assert!(model.is_some_and(|model| model.get().starts_with('"')));
        }
    }
});
