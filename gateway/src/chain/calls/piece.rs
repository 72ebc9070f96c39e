//! What one event brings, whichever form it has.

use super::wire;
use crate::chat::{Event, FinishReason};

/// Parts of an answer that have to do with calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) calls: Vec<Fragment>,
    /// The answer ends, in the form in which it is handed on.
    pub(super) end: Option<FinishReason>,
}

/// A part of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) index: u32,
    /// Set when it begins the call.
    pub(super) name: Option<String>,
    pub(super) arguments: String,
}

impl Piece {
    /// `None` when it cannot be told.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Text(text) => Self {
                text: text.clone(),
                ..Self::default()
            },
            Event::ToolCall(call) => Self {
                calls: vec![Fragment {
                    index: call.index,
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                }],
                ..Self::default()
            },
            Event::Finish(finish) => Self {
                end: Some(finish.reason),
                ..Self::default()
            },
            Event::Wire(chunk) => return wire::read(&chunk.data),
            Event::Reasoning(_) | Event::Logprobs(_) | Event::Served(_) | Event::Reset => Self::default(),
        })
    }

    pub(super) fn brings_something(&self) -> bool {
        !self.text.is_empty() || !self.calls.is_empty()
    }
}
