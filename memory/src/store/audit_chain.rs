//! The hash over one audit row.

use jarvis_gateway::clock::Millis;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::row;
use crate::records::{AuditEntry, AuditEvent};

/// An audit row as it is stored: JSON stays the text that is in the table, because that is what is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) person_id: Option<String>,
    pub(super) via: String,
    pub(super) conversation_id: Option<String>,
    pub(super) run_id: Option<String>,
    pub(super) approval_id: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) arguments: Option<String>,
    pub(super) decision: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) prev: String,
    pub(super) hash: String,
}

impl Stored {
    /// The row for `event` after a row whose hash is `prev`.
    pub(super) fn link(event: &AuditEvent, id: i64, at: Millis, prev: String) -> Self {
        let kept = |text: &Option<String>| text.as_deref().map(|text| row::kept(text).into_owned());
        let mut stored = Self {
            id,
            at: at.0,
            kind: row::kept(&event.kind).into_owned(),
            person_id: kept(&event.person_id),
            via: row::kept(&event.via).into_owned(),
            conversation_id: kept(&event.conversation_id),
            run_id: kept(&event.run_id),
            approval_id: kept(&event.approval_id),
            tool: kept(&event.tool),
            arguments: event.arguments.as_ref().map(Value::to_string),
            decision: kept(&event.decision),
            rule: kept(&event.rule),
            outcome: kept(&event.outcome),
            detail: event.detail.as_ref().map(Value::to_string),
            prev,
            hash: String::new(),
        };
        stored.hash = stored.expected_hash();
        stored
    }

    /// SHA-256 in hex over every other field.
    ///
    /// Numbers are eight bytes. A text is its length in eight bytes and then its bytes; a text that may be missing has
    /// a byte 0 or 1 before it. So no two different rows have the same encoding.
    pub(super) fn expected_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"jarvis audit 1\0");
        hash.update(self.id.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for field in [&self.kind, &self.via, &self.prev] {
            text(&mut hash, field);
        }
        for field in [
            &self.person_id,
            &self.conversation_id,
            &self.run_id,
            &self.approval_id,
            &self.tool,
            &self.arguments,
            &self.decision,
            &self.rule,
            &self.outcome,
            &self.detail,
        ] {
            match field {
                None => hash.update([0]),
                Some(field) => {
                    hash.update([1]);
                    text(&mut hash, field);
                }
            }
        }
        hex::encode(hash.finalize())
    }

    pub(super) fn entry(self) -> sqlx::Result<AuditEntry> {
        let json = |column: &str, text: Option<String>| text.map(|text| row::parse(column, &text)).transpose();
        Ok(AuditEntry {
            id: self.id,
            at: Millis(self.at),
            kind: self.kind,
            person_id: self.person_id,
            via: self.via,
            conversation_id: self.conversation_id,
            run_id: self.run_id,
            approval_id: self.approval_id,
            tool: self.tool,
            arguments: json("arguments", self.arguments)?,
            decision: self.decision,
            rule: self.rule,
            outcome: self.outcome,
            detail: json("detail", self.detail)?,
            prev: self.prev,
            hash: self.hash,
        })
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn hash(event: &AuditEvent, prev: &str) -> String {
        Stored::link(event, 1, Millis(1_795_168_000_000), prev.to_owned()).hash
    }

    #[test]
    fn the_encoding_stays_as_it_is() {
        // Another value here means that every audit written before is reported as broken.
        let event = AuditEvent {
            kind: "tool.intent".into(),
            via: "console".into(),
            tool: Some("docker_action".into()),
            arguments: Some(json!({"container": "web", "action": "stop"})),
            ..AuditEvent::default()
        };
        assert_eq!(
            hash(&event, "ab"),
            "698c3d0e2a93d1f72cf7c8e07a3fcd91cbcfec4d1a1c5e7b7c51631d1011aae5"
        );
    }

    #[test]
    fn no_two_rows_look_the_same() {
        let text = |text: &str| Some(text.to_owned());
        let event = AuditEvent::default;
        let rows = [
            event(),
            AuditEvent {
                kind: "ab".into(),
                ..event()
            },
            AuditEvent {
                via: "ab".into(),
                ..event()
            },
            AuditEvent {
                kind: "a".into(),
                via: "b".into(),
                ..event()
            },
            AuditEvent {
                person_id: text(""),
                ..event()
            },
            AuditEvent {
                conversation_id: text(""),
                ..event()
            },
            AuditEvent {
                person_id: text("ab"),
                ..event()
            },
            AuditEvent {
                conversation_id: text("ab"),
                ..event()
            },
            AuditEvent {
                person_id: text("a"),
                conversation_id: text("b"),
                ..event()
            },
            AuditEvent {
                person_id: text("a\0b"),
                ..event()
            },
            AuditEvent {
                detail: Some(json!(null)),
                ..event()
            },
            AuditEvent {
                detail: Some(json!("")),
                ..event()
            },
            AuditEvent {
                arguments: Some(json!("")),
                ..event()
            },
        ];
        let hashes: BTreeSet<String> = rows.iter().map(|row| hash(row, "")).collect();
        assert_eq!(hashes.len(), rows.len());
        assert!(!hashes.contains(&hash(&event(), "ab")), "the link counts");
    }
}
