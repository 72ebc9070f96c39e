//! Server-sent events, written into a buffer.

use bytes::{BufMut, BytesMut};

use super::wire::Chunk;

pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";
pub(super) const STILL_THERE: &[u8] = b": jarvis\n\n";

/// Data that is one line of JSON already.
pub(super) fn raw(buffer: &mut BytesMut, json: &[u8]) {
    buffer.reserve(json.len() + 8);
    buffer.put_slice(b"data: ");
    buffer.put_slice(json);
    buffer.put_slice(b"\n\n");
}

pub(super) fn chunk(buffer: &mut BytesMut, chunk: &Chunk<'_>) {
    buffer.put_slice(b"data: ");
    // Writing plain structures of text and numbers into memory cannot fail.
    drop(serde_json::to_writer((&mut *buffer).writer(), chunk));
    buffer.put_slice(b"\n\n");
}
