//! A set of conversations and questions, as lines of JSON. `docs/evals.md` documents the format.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde::Deserialize;

/// What is measured, by the names of its conversations.
#[derive(Debug, Default)]
pub struct Set {
    pub(super) conversations: BTreeMap<String, Conversation>,
}

/// What one question searches.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) sessions: Vec<Session>,
    pub(super) questions: Vec<Question>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) at: Timestamp,
    pub(super) messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Session(SessionLine),
    Question(QuestionLine),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionLine {
    conversation: String,
    at: Timestamp,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionLine {
    conversation: String,
    question: String,
    evidence: Vec<String>,
}

impl Set {
    /// Empty lines are passed over. A question may stand before what it is about.
    pub fn read(text: &str) -> Result<Self> {
        let mut set = Self::default();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(line).with_context(|| {
                format!("line {} is neither a session (conversation, at, messages) nor a question (conversation, question, evidence)", at + 1)
            })?;
            set.add(line);
        }
        for (name, conversation) in &set.conversations {
            conversation.check().with_context(|| format!("conversation `{name}`"))?;
        }
        ensure!(set.questions() > 0, "there is no question in it");
        Ok(set)
    }

    pub fn questions(&self) -> usize {
        self.conversations
            .values()
            .map(|conversation| conversation.questions.len())
            .sum()
    }

    pub fn messages(&self) -> usize {
        let sessions = self
            .conversations
            .values()
            .flat_map(|conversation| &conversation.sessions);
        sessions.map(|session| session.messages.len()).sum()
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Session(SessionLine {
                conversation,
                at,
                messages,
            }) => {
                let sessions = &mut self.conversations.entry(conversation).or_default().sessions;
                sessions.push(Session { at, messages });
            }
            Line::Question(QuestionLine {
                conversation,
                question,
                evidence,
            }) => {
                let questions = &mut self.conversations.entry(conversation).or_default().questions;
                questions.push(Question {
                    text: question,
                    evidence,
                });
            }
        }
    }
}

impl Conversation {
    fn check(&self) -> Result<()> {
        let mut ids = BTreeSet::new();
        for message in self.sessions.iter().flat_map(|session| &session.messages) {
            ensure!(ids.insert(&message.id), "two messages have the id `{}`", message.id);
        }
        for question in &self.questions {
            ensure!(
                !question.evidence.is_empty(),
                "the question `{}` has no evidence",
                question.text
            );
            if let Some(id) = question.evidence.iter().find(|id| !ids.contains(id)) {
                bail!(
                    "the evidence `{id}` of the question `{}` is no message of it",
                    question.text
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let session =
            r#"{"conversation":"a","at":"2026-11-20T10:00:00Z","messages":[{"id":"1","author":"Anna","text":"hi"}]}"#;
        let check = |lines: &[&str], expect: &str| {
            let read = Set::read(&lines.join("\n"));
            let said = read.map_or_else(|error| format!("{error:#}"), |set| set.questions().to_string());
            assert!(said.starts_with(expect), "{said}");
        };
        let question = |evidence: &str| format!(r#"{{"conversation":"a","question":"who?","evidence":{evidence}}}"#);
        check(&[&question(r#"["1"]"#), "", session], "1");
        check(&[session], "there is no question in it");
        check(&[], "there is no question in it");
        check(
            &[session, &question("[]")],
            "conversation `a`: the question `who?` has no evidence",
        );
        check(
            &[session, &question(r#"["2"]"#)],
            "conversation `a`: the evidence `2` of the question `who?` is no message",
        );
        check(
            &[session, session, &question(r#"["1"]"#)],
            "conversation `a`: two messages have the id `1`",
        );
        check(&[session, "{}"], "line 2 is neither a session");
    }
}
