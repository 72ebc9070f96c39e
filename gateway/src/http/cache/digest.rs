//! The digest of a JSON document by what it says. It is made while the document is read, so that nothing is built of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};

/// SHA-256. Objects are the same whatever the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(pub(super) [u8; 32]);

/// The digest of an object without the fields `besides` of it; `None` when `json` is none.
pub(super) fn of_object(json: &[u8], besides: &[&str]) -> Option<Digest> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let digest = Reader { besides }.deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| digest)
}

/// Adds a text with its length before it, so that no two lists of texts are the same.
pub(super) fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// The depth is bounded by the reader of the JSON.
struct Reader<'a> {
    besides: &'a [&'a str],
}

fn whole(hash: Sha256) -> Digest {
    Digest(hash.finalize().into())
}

fn leaf(kind: &[u8], value: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(kind);
    text(&mut hash, value);
    whole(hash)
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Digest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Digest, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Digest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Digest, E> {
        Ok(leaf(b"n", ""))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Digest, E> {
        Ok(leaf(if yes { b"t" } else { b"f" }, ""))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Digest, E> {
        Ok(leaf(b"#", &number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Digest, E> {
        Ok(leaf(b"#", &number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Digest, E> {
        // Differs from that of a whole number: `1.0`, and not `1`.
        Ok(leaf(b"#", &format!("{number:?}")))
    }

    fn visit_str<E>(self, string: &str) -> Result<Digest, E> {
        Ok(leaf(b"s", string))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Digest, A::Error> {
        let mut hash = Sha256::new();
        hash.update(b"[");
        while let Some(Digest(item)) = items.next_element_seed(Reader { besides: &[] })? {
            hash.update(item);
        }
        Ok(whole(hash))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Digest, A::Error> {
        let mut found: Vec<(String, Digest)> = Vec::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Reader { besides: &[] })?;
            if !self.besides.contains(&name.as_str()) {
                found.push((name, value));
            }
        }
        // Of two fields of one name the order matters: only the last counts for most readers.
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut hash = Sha256::new();
        hash.update(b"{");
        for (name, Digest(value)) in found {
            text(&mut hash, &name);
            hash.update(value);
        }
        Ok(whole(hash))
    }
}
