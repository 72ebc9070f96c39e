//! What the owner allowed of a server's tools: each as it was when it was first seen, or allowed again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What is written of one tool of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The hash of the tool that may be called. None for one that appeared later and that nobody allowed yet.
    pub allowed: Option<String>,
    /// The hash of the tool as it was seen last. The owner was told of it.
    pub seen: String,
}

impl Pin {
    /// A tool that may be called as it is now.
    pub(crate) fn allowing(hash: &str) -> Self {
        Self {
            allowed: Some(hash.to_owned()),
            seen: hash.to_owned(),
        }
    }
}

/// Why a pin could not be read or written: a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritten(pub String);

/// Where pins are kept, and who is told when a tool is not what was allowed.
#[async_trait]
pub trait Pins: Send + Sync {
    /// All pins of a server, by its own names of the tools.
    async fn of(&self, server: &str) -> Result<BTreeMap<String, Pin>, Unwritten>;

    /// Writes pins. Others of the server stay as they are.
    async fn keep(&self, server: &str, pins: &BTreeMap<String, Pin>) -> Result<(), Unwritten>;

    /// Tells the owner, once, that these tools are not what was allowed, and so are not used.
    async fn tell(&self, server: &str, changed: &[String], new: &[String]);
}

/// How a tool stands to what was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Allowed,
    /// Its description or its schema is another than the one that was allowed.
    Changed,
    /// It appeared after the server was first seen.
    New,
}

/// What follows from a list of tools.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) standings: BTreeMap<String, Standing>,
    /// What has to be written before any of it is used.
    pub(crate) to_keep: BTreeMap<String, Pin>,
    /// What the owner has not been told of yet.
    pub(crate) changed: Vec<String>,
    pub(crate) new: Vec<String>,
}

/// Judges the tools of a server, by name and hash, by the pins that there are:
///
/// 1. A server without any pin is seen for the first time: the owner configured it, and all that it has is allowed.
/// 2. A tool with the hash that was allowed is allowed.
/// 3. One that was allowed with another hash is changed, and one without a pin is new. Neither is used until the owner
///    allows it. The owner is told once of each hash.
pub(crate) fn judge(pins: &BTreeMap<String, Pin>, tools: &BTreeMap<String, String>) -> Judged {
    let mut judged = Judged::default();
    let is_first = pins.is_empty();
    for (name, hash) in tools {
        let pin = pins.get(name);
        let standing = match pin.map(|pin| pin.allowed.as_deref()) {
            None if is_first => {
                judged.to_keep.insert(name.clone(), Pin::allowing(hash));
                Standing::Allowed
            }
            Some(Some(allowed)) if allowed == hash => Standing::Allowed,
            Some(Some(_)) => Standing::Changed,
            None | Some(None) => Standing::New,
        };
        judged.standings.insert(name.clone(), standing);
        let is_told = is_first || pin.is_some_and(|pin| pin.seen == *hash);
        if is_told {
            continue;
        }
        let seen = Pin {
            allowed: pin.and_then(|pin| pin.allowed.clone()),
            seen: hash.clone(),
        };
        judged.to_keep.insert(name.clone(), seen);
        match standing {
            Standing::Allowed => {}
            Standing::Changed => judged.changed.push(name.clone()),
            Standing::New => judged.new.push(name.clone()),
        }
    }
    judged
}

/// SHA-256 in hex over what a model is told of a tool, as the server wrote it. The order of keys does not matter: some
/// servers write a map in another order every time.
pub(crate) fn hash(name: &str, description: Option<&str>, schema: &Map<String, Value>) -> String {
    let all = json!([name, description, sorted(&Value::Object(schema.clone()))]);
    hex::encode(Sha256::digest(all.to_string().as_bytes()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let by_key: BTreeMap<&String, Value> = object.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(by_key.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter()
            .map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()))
            .collect()
    }

    fn pin(allowed: Option<&str>, seen: &str) -> Pin {
        Pin {
            allowed: allowed.map(str::to_owned),
            seen: seen.to_owned(),
        }
    }

    fn pins(all: &[(&str, Pin)]) -> BTreeMap<String, Pin> {
        all.iter()
            .map(|(name, pin)| ((*name).to_owned(), pin.clone()))
            .collect()
    }

    #[test]
    fn the_first_list_is_what_the_owner_configured() {
        let expect = Judged {
            standings: [("a".to_owned(), Standing::Allowed), ("b".to_owned(), Standing::Allowed)].into(),
            to_keep: pins(&[("a", pin(Some("1"), "1")), ("b", pin(Some("2"), "2"))]),
            ..Judged::default()
        };
        assert_eq!(judge(&BTreeMap::new(), &tools(&[("a", "1"), ("b", "2")])), expect);
    }

    #[test]
    fn what_changed_and_what_is_new_waits_and_is_told_once() {
        let check = |before: Pin, hash: &str, expect: Standing, told: bool| {
            let before = pins(&[("a", before), ("other", pin(Some("9"), "9"))]);
            let judged = judge(&before, &tools(&[("a", hash)]));
            let is_told = !judged.changed.is_empty() || !judged.new.is_empty();
            assert_eq!(
                (judged.standings.get("a"), is_told),
                (Some(&expect), told),
                "{before:?}"
            );
        };
        check(pin(Some("1"), "1"), "1", Standing::Allowed, false);
        check(pin(Some("1"), "1"), "2", Standing::Changed, true);
        check(pin(Some("1"), "2"), "2", Standing::Changed, false);
        check(pin(Some("1"), "2"), "3", Standing::Changed, true);
        // It is again what was allowed.
        check(pin(Some("1"), "2"), "1", Standing::Allowed, false);
        check(pin(None, "1"), "1", Standing::New, false);
        check(pin(None, "1"), "2", Standing::New, true);
        let new = judge(&pins(&[("a", pin(Some("1"), "1"))]), &tools(&[("a", "1"), ("b", "2")]));
        let expect = Judged {
            standings: [("a".to_owned(), Standing::Allowed), ("b".to_owned(), Standing::New)].into(),
            to_keep: pins(&[("b", pin(None, "2"))]),
            new: vec!["b".to_owned()],
            ..Judged::default()
        };
        assert_eq!(new, expect);
    }

    #[test]
    fn the_hash_is_of_name_words_and_schema_in_any_order() {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let one = hash("a", Some("does"), &object(r#"{"type":"object","x":{"b":[1,2],"a":1}}"#));
        assert_eq!(
            one,
            hash("a", Some("does"), &object(r#"{"x":{"a":1,"b":[1,2]},"type":"object"}"#))
        );
        assert_eq!(one.len(), 64);
        for other in [
            hash("b", Some("does"), &object(r#"{"type":"object","x":{"b":[1,2],"a":1}}"#)),
            hash(
                "a",
                Some("does "),
                &object(r#"{"type":"object","x":{"b":[1,2],"a":1}}"#),
            ),
            hash("a", None, &object(r#"{"type":"object","x":{"b":[1,2],"a":1}}"#)),
            hash("a", Some("does"), &object(r#"{"type":"object","x":{"b":[2,1],"a":1}}"#)),
        ] {
            assert_ne!(one, other);
        }
    }
}
