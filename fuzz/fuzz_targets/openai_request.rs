//! Bodies of `POST /v1/chat/completions`: what is accepted is a JSON object with a model and messages.

#![no_main]

use bytes::Bytes;
use jarvis_gateway::http::fuzzing::openai_chat;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    if openai_chat(Bytes::copy_from_slice(body)) {
        let body: Value = serde_json::from_slice(body).expect("what was accepted is JSON");
        assert!(body["model"].is_string() && body["messages"].is_array(), "{body}");
    }
});
