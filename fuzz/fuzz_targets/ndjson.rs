//! Lines of JSON: what is read does not depend on where the network cuts, and every line comes out once.

#![no_main]

use bytes::Bytes;
use jarvis_fuzz::cut;
use jarvis_gateway::upstream::Malformed;
use jarvis_gateway::upstream::ndjson::Decoder;
use libfuzzer_sys::fuzz_target;

// The last two bytes decide where the others are cut.
fuzz_target!(|given: &[u8]| {
    let Some((bytes, seed)) = given.split_last_chunk() else {
        return;
    };
    let seed = u16::from_le_bytes(*seed);
    let whole = decode([bytes]);
    assert_eq!(decode(cut(bytes, seed)), whole);
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    let wanted = lines.filter(|line| !line.trim_ascii().is_empty()).map(|line| match std::str::from_utf8(line) {
        Ok(_) => Ok(Bytes::copy_from_slice(line)),
        Err(_) => Err(Malformed::NotUtf8),
    });
    assert_eq!(whole, wanted.collect::<Vec<_>>());
});

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Bytes, Malformed>> {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(item) = decoder.next_line().transpose() {
            seen.push(item);
        }
    }
    decoder.end();
    while let Some(item) = decoder.next_line().transpose() {
        seen.push(item);
    }
    seen
}
