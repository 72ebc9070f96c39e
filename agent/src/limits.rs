//! The bounds of a turn. Every one is on by default.

use std::time::Duration;

use jarvis_gateway::usage::{Dollars, MicroUsd};
use serde::{Deserialize, Serialize};

/// The section `[agent]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The alias whose chain answers for Jarvis.
    pub alias: String,
    pub limits: Limits,
    /// How many earlier messages of a conversation a model is shown whole at most.
    pub history_messages: u16,
    /// How long an approval card waits.
    pub approval_minutes: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            alias: "jarvis-chat".into(),
            limits: Limits::default(),
            history_messages: 30,
            approval_minutes: 30,
        }
    }
}

/// What ends a turn at the latest. Reaching a bound is not an error: the model is asked once more, without tools, to
/// say what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub model_calls: u32,
    pub tool_calls: u32,
    pub wall_seconds: u32,
    /// Tool errors in a row.
    pub errors_in_row: u32,
    /// The same call with the same result.
    pub repeats: u32,
    /// Tokens of all model calls together, as reported or estimated.
    pub tokens: u64,
    /// What all model calls together cost, in US dollars by the price list. What is not in the list is counted in tokens
    /// alone. A person can allow as much again.
    pub dollars: Dollars,
    /// Characters of one tool result that a model is shown.
    pub result_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            model_calls: 12,
            tool_calls: 24,
            wall_seconds: 120,
            errors_in_row: 3,
            repeats: 3,
            tokens: 200_000,
            dollars: Dollars(MicroUsd(500_000)),
            result_chars: 6_000,
        }
    }
}

impl Limits {
    pub(crate) fn wall(&self) -> Duration {
        Duration::from_secs(u64::from(self.wall_seconds))
    }
}
