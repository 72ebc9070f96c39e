//! What of the asker's own facts fits the question, for the context of a turn.
//!
//! Facts of others and what was said before are found by `recall` alone: they would make every turn one that read outside
//! text. Facts are few and stand together in the index, so that to look for them takes a fraction of a millisecond, over
//! however many messages.

use std::time::Duration;

use jarvis_gateway::chat::{Message, Role};
use jarvis_memory::recall::{Question, Recalled};

use super::FOUND;
use super::place::Place;
use super::view::line;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::quarantine::Marks;

/// Facts that are looked at before those of others are left out.
const LOOKED_AT: usize = 24;
/// Of the best one's score, what the last one has at least.
const LEAST: f64 = 0.4;
/// Characters of one.
const LINE_CHARS: usize = 300;
/// A question is answered without them when they take longer.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is remembered and fits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    found: Vec<Recalled>,
}

/// Facts that the principal said themselves, for their question.
pub(crate) async fn of_asker(parts: &Parts, principal: &Principal, text: &str) -> Facts {
    let question = Question::new(text);
    if question.is_empty() {
        return Facts::default();
    }
    let looking = async {
        let place = Place::of(parts, principal).await?;
        parts.store.recall_memories(&question, &place.scope(), LOOKED_AT).await
    };
    let mut found = match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a turn begins without what is remembered");
            return Facts::default();
        }
        Err(_) => return Facts::default(),
    };
    found.retain(|found| found.author_id.as_deref() == Some(principal.person_id.as_str()));
    let best = found.first().map_or(0.0, |found| found.score);
    found.retain(|found| found.score >= best * LEAST);
    found.truncate(FOUND);
    Facts { found }
}

impl Facts {
    pub(crate) fn is_private(&self) -> bool {
        self.found.iter().any(|found| found.audience.is_private())
    }

    /// As a model is shown them: what they said earlier, and no order of now.
    pub(crate) fn message(&self, parts: &Parts, marks: &Marks) -> Option<Message> {
        if self.found.is_empty() {
            return None;
        }
        let lines: Vec<String> = self.found.iter().map(|found| line(found, LINE_CHARS)).collect();
        let text = marks.data("memory", &parts.gate.hide(&lines.join("\n")));
        Some(Message::text(
            Role::User,
            format!("(What the user had you remember earlier, not said just now)\n{text}"),
        ))
    }
}
