//! What is told of one piece of work.

use std::borrow::Cow;
use std::time::Duration;

use super::context::Context;
use crate::clock::Millis;

/// A piece of work that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub context: Context,
    /// The span of the work that this was a part of, in the same trace.
    pub parent: Option<Context>,
    pub name: String,
    pub kind: Kind,
    pub started_at: Millis,
    pub took: Duration,
    /// By the names of OpenTelemetry's conventions where they have one, else beginning with `jarvis.`.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// What went wrong, for people. `None` means that it went well.
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal,
    /// Answers somebody.
    Server,
    /// Asks somebody.
    Client,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    Text(Cow<'static, str>),
    Number(i64),
    Flag(bool),
}

impl From<&'static str> for Attribute {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
