//! Counting what a turn has used, and what it was ended by.

use std::collections::HashMap;
use std::time::Duration;

use jarvis_gateway::chat::{ToolResult, Usage};
use jarvis_gateway::clock::Millis;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::repeats::normalised;
use crate::limits::Limits;

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Answered,
    Cancelled,
    Shutdown,
    ModelCalls,
    ToolCalls,
    WallClock,
    Errors,
    Repeats,
    Tokens,
    Money,
    Failed,
}

impl Why {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Cancelled => "cancelled",
            Self::Shutdown => "shutdown",
            Self::ModelCalls => "model_calls",
            Self::ToolCalls => "tool_calls",
            Self::WallClock => "wall_clock",
            Self::Errors => "errors",
            Self::Repeats => "repeats",
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::Failed => "failed",
        }
    }

    /// What the model and the user are told when a bound ended the turn.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Answered => "the answer is complete",
            Self::Cancelled => "you stopped me",
            Self::Shutdown => "Jarvis is shutting down",
            Self::ModelCalls => "the limit of model calls for one turn is reached",
            Self::ToolCalls => "the limit of tool calls for one turn is reached",
            Self::WallClock => "the time for one turn is over",
            Self::Errors => "too many tool calls in a row failed",
            Self::Repeats => "the same call keeps giving the same result",
            Self::Tokens => "the limit of tokens for one turn is reached",
            Self::Money => "the limit of money for one turn is reached",
            Self::Failed => "no model answered",
        }
    }
}

/// What has been used so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Used {
    limits: Limits,
    started: Millis,
    pub(super) model_calls: u32,
    pub(super) tool_calls: u32,
    errors_in_row: u32,
    most_repeats: u32,
    seen: HashMap<[u8; 32], u32>,
    pub(super) tokens_in: u64,
    pub(super) tokens_out: u64,
}

impl Used {
    pub(super) fn new(limits: Limits, started: Millis) -> Self {
        Self {
            limits,
            started,
            model_calls: 0,
            tool_calls: 0,
            errors_in_row: 0,
            most_repeats: 0,
            seen: HashMap::new(),
            tokens_in: 0,
            tokens_out: 0,
        }
    }

    /// The bound that leaves only one more model call, if any is reached.
    pub(super) fn reached(&self, now: Millis) -> Option<Why> {
        let limits = &self.limits;
        if now.since(self.started) >= limits.wall() {
            Some(Why::WallClock)
        } else if self.errors_in_row >= limits.errors_in_row {
            Some(Why::Errors)
        } else if self.most_repeats >= limits.repeats {
            Some(Why::Repeats)
        } else if self.tool_calls >= limits.tool_calls {
            Some(Why::ToolCalls)
        } else if self.tokens_in.saturating_add(self.tokens_out) >= limits.tokens {
            Some(Why::Tokens)
        } else if self.model_calls + 1 >= limits.model_calls {
            Some(Why::ModelCalls)
        } else {
            None
        }
    }

    /// Time and tokens that are left.
    pub(super) fn left(&self, now: Millis) -> (Duration, u64) {
        let used = self.tokens_in.saturating_add(self.tokens_out);
        let time = self.limits.wall().saturating_sub(now.since(self.started));
        (time, self.limits.tokens.saturating_sub(used))
    }

    pub(super) fn may_call_tool(&self) -> bool {
        self.tool_calls < self.limits.tool_calls
    }

    /// Counts tokens; `estimate` stands in for what the upstream did not report.
    pub(super) fn count_tokens(&mut self, usage: Option<Usage>, estimate: (u64, u64)) {
        let (tokens_in, tokens_out) = usage.map_or(estimate, |u| (u.prompt_tokens, u.completion_tokens));
        self.tokens_in = self.tokens_in.saturating_add(tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(tokens_out);
    }

    /// Counts a result for the bounds on errors and repeats.
    pub(super) fn count_result(&mut self, tool: &str, arguments: &Value, result: &ToolResult) {
        match result {
            ToolResult::Error { .. } => self.errors_in_row += 1,
            ToolResult::Ok { .. } => self.errors_in_row = 0,
            ToolResult::Denied { .. }
            | ToolResult::Pending { .. }
            | ToolResult::Interrupted { .. }
            | ToolResult::Skipped { .. } => {}
        }
        let mut hash = Sha256::new();
        hash.update(tool);
        hash.update([0]);
        hash.update(arguments.to_string());
        hash.update([0]);
        hash.update(normalised(&result.to_json()));
        let times = self.seen.entry(hash.finalize().into()).or_insert(0);
        *times += 1;
        self.most_repeats = self.most_repeats.max(*times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_differs_only_in_its_times_is_a_repeat() {
        let mut used = Used::new(Limits::default(), Millis(0));
        let result = |n: u32| ToolResult::Ok {
            summary: format!("web: up {n} s"),
            data: Value::Null,
        };
        for n in 0..3 {
            assert_eq!(used.reached(Millis(0)), None);
            used.count_result("list_containers", &Value::Null, &result(n));
        }
        assert_eq!(used.reached(Millis(0)), Some(Why::Repeats));
    }

    #[test]
    fn each_bound_names_itself() {
        let check = |change: fn(&mut Used), now: i64, expect| {
            let mut used = Used::new(Limits::default(), Millis(0));
            change(&mut used);
            assert_eq!(used.reached(Millis(now)), expect);
        };
        check(|_| {}, 0, None);
        check(|_| {}, 120_000, Some(Why::WallClock));
        check(|used| used.model_calls = 11, 0, Some(Why::ModelCalls));
        check(|used| used.tool_calls = 24, 0, Some(Why::ToolCalls));
        check(|used| used.tokens_in = 200_000, 0, Some(Why::Tokens));
        let endless = |used: &mut Used| (used.tokens_in, used.tokens_out) = (u64::MAX, u64::MAX);
        check(endless, 0, Some(Why::Tokens));
        check(|used| used.errors_in_row = 3, 0, Some(Why::Errors));
    }
}
