//! Events as server-sent events, numbered.

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::{Map, Value};

/// Writes events, each with the next number.
#[derive(Debug, Default)]
pub(super) struct Events {
    sequence: u64,
}

/// A piece of words, of which there are many.
#[derive(Serialize)]
pub(super) struct Piece<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<u32>,
    pub(super) delta: &'a str,
    /// Must be there for the words of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Value]>,
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    r#type: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    fields: T,
}

impl Events {
    pub(super) fn write(&mut self, kind: &str, fields: Value, out: &mut BytesMut) {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        self.put(kind, &fields, out);
    }

    pub(super) fn delta(&mut self, kind: &str, piece: &Piece<'_>, out: &mut BytesMut) {
        self.put(kind, piece, out);
    }

    fn put(&mut self, kind: &str, fields: impl Serialize, out: &mut BytesMut) {
        let event = Numbered {
            r#type: kind,
            sequence_number: self.sequence,
            fields,
        };
        self.sequence += 1;
        out.put_slice(b"event: ");
        out.put_slice(kind.as_bytes());
        out.put_slice(b"\ndata: ");
        // Writing plain structures of text and numbers into memory cannot fail.
        drop(serde_json::to_writer((&mut *out).writer(), &event));
        out.put_slice(b"\n\n");
    }
}
