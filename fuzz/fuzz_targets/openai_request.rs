//! Bodies of `POST /v1/chat/completions`: what is accepted is a JSON object with a model and messages.

#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use jarvis_gateway::http::fuzzing::openai_chat;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    if openai_chat(Bytes::copy_from_slice(body)) {
        let body: BTreeMap<String, &RawValue> = serde_json::from_slice(body).expect("what was accepted is JSON");
        assert!(body["model"].get().starts_with('"') && body["messages"].get().starts_with('['));
    }
});
