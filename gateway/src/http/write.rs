//! Server-sent events, written into a buffer.

use bytes::{BufMut, BytesMut};
use http::header::HeaderValue;
use serde::Serialize;

use super::wire::{Chunk, Identity};

pub(super) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";
/// The headers are gone by the time that this is known.
pub(super) const TRUNCATED: &[u8] = b": x-jarvis-truncated: 1\n\n";
pub(super) const STILL_THERE: &[u8] = b": jarvis\n\n";

/// JSON as it came, which may be spread over lines.
pub(super) fn raw(buffer: &mut BytesMut, json: &[u8]) {
    buffer.reserve(json.len() + 8);
    let mut rest = json;
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(end);
        buffer.put_slice(b"data: ");
        buffer.put_slice(line);
        buffer.put_slice(b"\n");
        rest = after.get(1..).unwrap_or_default();
    }
    buffer.put_slice(b"data: ");
    buffer.put_slice(rest);
    buffer.put_slice(b"\n\n");
}

pub(super) fn comment(buffer: &mut BytesMut, says: &str) {
    buffer.put_slice(b": jarvis ");
    buffer.put_slice(says.as_bytes());
    buffer.put_slice(b"\n\n");
}

pub(super) fn chunk(buffer: &mut BytesMut, chunk: &impl Serialize) {
    buffer.put_slice(b"data: ");
    // Writing plain structures of text and numbers into memory cannot fail.
    drop(serde_json::to_writer((&mut *buffer).writer(), chunk));
    buffer.put_slice(b"\n\n");
}

/// A chunk but for its text, by which the hundreds of an answer differ alone.
pub(super) struct TextChunk {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl TextChunk {
    /// `None` when the text has no place in the chunk, which cannot be.
    pub(super) fn new(identity: &Identity) -> Option<Self> {
        const PLACE: &[u8] = br#""content":"""#;
        let mut whole = BytesMut::new();
        chunk(&mut whole, &Chunk::text(identity, ""));
        // In the model's name, which stands before it, quotes are escaped.
        let at = memchr::memmem::find(&whole, PLACE)?;
        let (before, after) = whole.split_at_checked(at + PLACE.len())?;
        Some(Self {
            before: before.strip_suffix(br#""""#)?.to_vec(),
            after: after.to_vec(),
        })
    }

    pub(super) fn write(&self, buffer: &mut BytesMut, text: &str) {
        buffer.reserve(self.before.len() + text.len() + self.after.len() + 16);
        buffer.put_slice(&self.before);
        // Writing text into memory cannot fail.
        drop(serde_json::to_writer((&mut *buffer).writer(), text));
        buffer.put_slice(&self.after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_the_whole_chunk_would_be() {
        let check = |model: &str, include_usage: bool, text: &str| {
            let identity = Identity {
                id: "chatcmpl-1".into(),
                created: 5,
                model: model.into(),
                include_usage,
            };
            let (mut whole, mut short) = (BytesMut::new(), BytesMut::new());
            chunk(&mut whole, &Chunk::text(&identity, text));
            TextChunk::new(&identity).unwrap().write(&mut short, text);
            assert_eq!(short, whole);
        };
        check("m", true, "hello");
        check("m", false, "");
        check(r#"a"content":"""#, true, "\"quoted\"\n\u{1} café 東京 \u{2028}");
    }

    #[test]
    fn data_is_framed_line_by_line() {
        let check = |json: &str, expect: &str| {
            let mut buffer = BytesMut::new();
            raw(&mut buffer, json.as_bytes());
            assert_eq!(buffer, expect);
        };
        check(r#"{"a":1}"#, "data: {\"a\":1}\n\n");
        check("{\n\"a\":\r1}", "data: {\ndata: \"a\":\ndata: 1}\n\n");
    }
}
