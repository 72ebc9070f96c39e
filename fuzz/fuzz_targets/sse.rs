//! Server-sent events: what is read does not depend on where the network cuts.

#![no_main]

use bytes::Bytes;
use jarvis_gateway::upstream::Malformed;
use jarvis_gateway::upstream::sse::{Decoder, Event};
use jarvis_fuzz::cut;
use libfuzzer_sys::fuzz_target;

// The last two bytes decide where the others are cut.
fuzz_target!(|given: &[u8]| {
    let Some((bytes, seed)) = given.split_last_chunk() else {
        return;
    };
    let seed = u16::from_le_bytes(*seed);
    assert_eq!(decode(cut(bytes, seed)), decode([bytes]));
});

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Event, Malformed>> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(item) = decoder.next_event().transpose() {
            seen.push(item);
        }
    }
    decoder.end();
    while let Some(item) = decoder.next_event().transpose() {
        seen.push(item);
    }
    for event in seen.iter().flatten() {
        assert!(!event.data.is_empty() && std::str::from_utf8(&event.data).is_ok());
    }
    seen
}
