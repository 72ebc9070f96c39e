//! Server-sent events, written into a buffer.

use bytes::{BufMut, BytesMut};
use http::header::HeaderValue;

use super::wire::Chunk;

pub(super) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";
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

pub(super) fn chunk(buffer: &mut BytesMut, chunk: &Chunk<'_>) {
    buffer.put_slice(b"data: ");
    // Writing plain structures of text and numbers into memory cannot fail.
    drop(serde_json::to_writer((&mut *buffer).writer(), chunk));
    buffer.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

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
