//! Memories as they are shown.

use jarvis_gateway::clock::Millis;
use jarvis_memory::recall::{Recalled, Remembered, Source};
use jiff::Timestamp;
use serde::Serialize;

use crate::quarantine;

/// Letters of the end of an id by which people name a memory. Ends are random, beginnings are the time.
const SHORT: usize = 6;

/// A memory, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryView {
    /// The end of its id.
    pub id: String,
    pub text: String,
    /// Who said it.
    pub author: Option<String>,
    /// Whom it is about; nobody for a room or the house.
    pub about: Option<String>,
    #[serde(skip)]
    pub(super) about_id: Option<String>,
    /// Who may find it: `person`, `room`, `server`, `owner`.
    pub audience: &'static str,
    pub at: Millis,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundView {
    /// The id of a memory, to forget it by; nothing for a message.
    pub memory: Option<String>,
    pub message: Option<String>,
    pub conversation: Option<String>,
    pub text: String,
    /// Who said it; nobody for Jarvis.
    pub author: Option<String>,
    pub audience: &'static str,
    pub at: Millis,
}

pub(super) fn short(id: &str) -> String {
    let from = id.len().saturating_sub(SHORT);
    id.get(from..).unwrap_or(id).to_owned()
}

impl From<Remembered> for MemoryView {
    fn from(
        Remembered {
            memory,
            subject,
            author,
        }: Remembered,
    ) -> Self {
        Self {
            id: short(&memory.id),
            text: memory.text,
            author,
            about: subject,
            about_id: memory.subject_id,
            audience: memory.audience.as_str(),
            at: memory.at,
        }
    }
}

impl From<Recalled> for FoundView {
    fn from(recalled: Recalled) -> Self {
        let (memory, message, conversation) = match recalled.source {
            Source::Memory { id } => (Some(short(&id)), None, None),
            Source::Message { id, conversation_id } => (None, Some(id), Some(conversation_id)),
        };
        Self {
            memory,
            message,
            conversation,
            text: recalled.text,
            author: recalled.author,
            audience: recalled.audience.as_str(),
            at: recalled.at,
        }
    }
}

/// One line for a model: when, who, what.
pub(super) fn line(recalled: &Recalled, chars: usize) -> String {
    let id = match &recalled.source {
        Source::Memory { id } => format!("memory {}, ", short(id)),
        Source::Message { .. } => String::new(),
    };
    let author = recalled.author.as_deref().unwrap_or("Jarvis");
    format!(
        "- [{id}{}] {}: {}",
        day(recalled.at),
        quarantine::one_line(author),
        quarantine::line(&recalled.text, chars)
    )
}

/// One line for people.
pub(super) fn listed(view: &MemoryView) -> String {
    format!(
        "- `{}` {} ({})",
        view.id,
        quarantine::line(&view.text, super::MOST_CHARS),
        day(view.at)
    )
}

fn day(at: Millis) -> String {
    let time = Timestamp::from_millisecond(at.0).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}
