//! Bytes that are text, written as a string.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serializer, ser};

pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let text = std::str::from_utf8(bytes).map_err(ser::Error::custom)?;
    serializer.serialize_str(text)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}
