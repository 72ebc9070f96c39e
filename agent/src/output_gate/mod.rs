//! The last step before anything leaves: no secret of this installation, nothing that looks like one, and in public
//! rooms nothing of the house.
//!
//! ```text
//! let shown = parts.gate.text(Outlet::PUBLIC, &answer);
//! ```

mod known;
mod pictures;
mod public;
mod stream;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use jarvis_tools::outside_text::{mask, mask_keys};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::quarantine;
use known::Known;
use pictures::Seen;
pub use stream::Stream;

/// Stands where something was taken out. A call with it in its arguments is refused: it would be written somewhere.
pub const REDACTED: &str = "⟦redacted⟧";
/// How [`REDACTED`] begins, also when somebody gave it a name.
const REDACTED_BEGINS: &str = "⟦redacted";
/// More are never needed by any text that was tried; a text that still changes is shown as the last one left it.
const PASSES: usize = 4;
/// How tools mark what they hid by its shape.
const MASKED: &str = "[masked]";

/// Who can read along where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlet {
    /// Strangers read it: nothing that calls everybody, no addresses and no host names of the house.
    pub public: bool,
    /// The chat of a stream, where a leading `/`, `.` or `!` is a command.
    pub stream_chat: bool,
}

impl Outlet {
    /// The owner's own rooms.
    pub const PRIVATE: Self = Self {
        public: false,
        stream_chat: false,
    };
    pub const PUBLIC: Self = Self {
        public: true,
        stream_chat: false,
    };
    pub const STREAM_CHAT: Self = Self {
        public: true,
        stream_chat: true,
    };
}

/// What is never said. Without any secrets it still knows the shapes of keys.
#[derive(Debug, Default)]
pub struct OutputGate {
    /// Replaced as a whole when the configuration names more.
    kept: RwLock<Arc<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    secrets: Vec<SecretString>,
    names: BTreeSet<String>,
    known: Known,
    hosts: public::Hosts,
}

impl OutputGate {
    /// `secrets` are the values of this installation: keys, tokens, passwords. Those shorter than six characters are
    /// left out, because they would be found in ordinary words.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let gate = Self::default();
        gate.learn(secrets, []);
        gate
    }

    /// More secrets, and names of machines that public rooms are not told. What was known stays known.
    pub fn learn(&self, secrets: impl IntoIterator<Item = SecretString>, machines: impl IntoIterator<Item = String>) {
        let before = self.kept();
        let mut all = before.secrets.clone();
        for secret in secrets {
            if !all.iter().any(|known| known.expose_secret() == secret.expose_secret()) {
                all.push(secret);
            }
        }
        let names: BTreeSet<String> = before.names.iter().cloned().chain(machines).collect();
        if all.len() == before.secrets.len() && names.len() == before.names.len() {
            return;
        }
        let kept = Kept {
            known: Known::new(all.iter().cloned()),
            hosts: public::Hosts::new(names.iter().map(String::as_str)),
            secrets: all,
            names,
        };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept);
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A whole text as it may leave through `outlet`.
    pub fn text(&self, outlet: Outlet, text: &str) -> String {
        self.part(outlet, text, true, Seen::default())
    }

    /// The texts of a JSON value, the names of its fields too.
    pub fn value(&self, outlet: Outlet, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(outlet, &text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(outlet, item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (self.text(outlet, &name), self.value(outlet, value)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Known secrets alone, in whatever form: for what enters a context or a row.
    pub fn hide(&self, text: &str) -> String {
        self.kept().known.hide(text)
    }

    /// [`Self::hide`] for the texts of a JSON value.
    pub fn hide_value(&self, value: Value) -> Value {
        if self.kept().known.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.hide_value(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (self.hide(&name), self.hide_value(value)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// `at_start`: the text begins a line where it is shown; `seen` is of what stands before it. What is taken out can make what stands around it look like a
    /// secret, so that the text passes until nothing more is taken.
    fn part(&self, outlet: Outlet, text: &str, at_start: bool, seen: Seen) -> String {
        let mut text = without_marks(text);
        for _ in 0..PASSES {
            let passed = self.pass(outlet, &text, at_start, seen);
            if passed == text {
                break;
            }
            text = passed;
        }
        text
    }

    fn pass(&self, outlet: Outlet, text: &str, at_start: bool, seen: Seen) -> String {
        let kept = self.kept();
        let text = by_shape(outlet, &kept.known.hide(text)).replace(MASKED, REDACTED);
        let text = pictures::without_remote(&text, seen);
        if outlet.public {
            public::fit(outlet, &kept.hosts, &text, at_start)
        } else {
            text
        }
    }
}

/// Whether a call's arguments hold what was taken out of a text before.
pub fn holds_redacted(arguments: &str) -> bool {
    arguments.contains(REDACTED_BEGINS) || arguments.contains(MASKED)
}

/// What a model copied of the marks around data.
fn without_marks(text: &str) -> String {
    if text.contains('⟨') {
        quarantine::without_marks(text)
    } else {
        text.to_owned()
    }
}

/// In private rooms only what is a secret by itself: names with values are what code is made of, and the owner asks for
/// code.
fn by_shape(outlet: Outlet, text: &str) -> String {
    let lines = text.split('\n');
    let mut inside = false;
    let mut shown: Vec<String> = Vec::new();
    for line in lines {
        // A private key of many lines, whole.
        let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----");
        let ends = line.contains("-----END ") && line.contains("PRIVATE KEY-----");
        if begins || inside {
            if begins && !inside {
                let before = line.split_once("-----BEGIN ").map_or("", |(before, _)| before);
                shown.push(format!("{before}{REDACTED}"));
            }
            inside = !ends;
            if let Some((_, after)) = line.rsplit_once("PRIVATE KEY-----").filter(|_| ends)
                && let Some(last) = shown.last_mut()
            {
                last.push_str(after);
            }
            continue;
        }
        shown.push(if outlet.public { mask(line) } else { mask_keys(line) });
    }
    shown.join("\n")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
