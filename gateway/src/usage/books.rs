//! The seam to whoever keeps the accounts: rows in, sums out.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::Serialize;

use super::attempt::Attempt;
use super::budget::Spent;
use super::money::MicroUsd;
use crate::clock::Millis;

/// One attempt as it is written down.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was asked, where, and what came of it. The targets that were left before it have entries of their own.
    pub attempt: Attempt,
    /// `None` when nobody knows: there is no price, or the server did not say what it used.
    pub cost: Option<MicroUsd>,
    /// When it was told, which is after it ended.
    pub at: Millis,
}

/// Where entries are kept.
#[async_trait]
pub trait Books: Send + Sync {
    /// Writes all of them or none, together with the sums of [`Books::spent`].
    async fn append(&self, entries: &[Entry]) -> Result<(), Failed>;

    /// What was spent since `day` (days since 1970), by day and key.
    async fn spent(&self, day: i64) -> Result<Vec<Spent>, Failed>;

    /// Forgets at most `most` entries that were told before `before`, the oldest first, and says how many those were. What
    /// [`Books::spent`] tells stays.
    async fn forget(&self, before: Millis, most: u32) -> Result<u64, Failed>;

    /// Sums over what began at `since` or later, dearest first.
    async fn sums(&self, since: Millis, by: By) -> Result<Vec<Sums>, Failed>;
}

/// The books could not be asked or written now; the same call may work later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

/// What sums are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Key,
    /// `backend/model`.
    Target,
    /// The model as the backend knows it.
    Model,
    /// The name that was asked for.
    Alias,
    /// A day of UTC.
    Day,
    Endpoint,
    Conversation,
}

impl By {
    pub const ALL: [Self; 7] = [
        Self::Key,
        Self::Target,
        Self::Model,
        Self::Alias,
        Self::Day,
        Self::Endpoint,
        Self::Conversation,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Target => "target",
            Self::Model => "model",
            Self::Alias => "alias",
            Self::Day => "day",
            Self::Endpoint => "endpoint",
            Self::Conversation => "conversation",
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("sums are made by {all}, not by `{text}`")
        })
    }
}

/// Sums over the attempts of one key, target, day, …
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// `key:laptop`, `gpu/qwen3:14b`, `2026-11-20`, … by what was asked for.
    pub name: String,
    pub attempts: i64,
    /// Attempts that reached the end of an answer.
    pub answered: i64,
    /// Answers that were given again from the cache.
    pub cached: i64,
    /// Attempts that were left for another target, or because the caller went away.
    pub left: i64,
    pub tokens_in: i64,
    /// Of `tokens_in`, what the server had read before.
    pub tokens_cached: i64,
    pub tokens_out: i64,
    /// Of `tokens_out`, what was thinking.
    pub tokens_reasoning: i64,
    /// Tokens, read and written, of attempts that were left.
    pub tokens_wasted: i64,
    /// Attempts whose tokens are an estimate, because the server reported none.
    pub estimated: i64,
    /// In millionths of a dollar, as far as it is known.
    pub cost: MicroUsd,
    /// Of `cost`, what attempts cost that were left.
    pub cost_wasted: MicroUsd,
    /// Attempts whose cost is not known, and so is not in `cost`.
    pub cost_unknown: i64,
}

impl Sums {
    /// All lines in one.
    #[must_use]
    pub fn total(lines: &[Self]) -> Self {
        let mut total = Self {
            name: "total".to_owned(),
            ..Self::default()
        };
        for line in lines {
            total.attempts += line.attempts;
            total.answered += line.answered;
            total.cached += line.cached;
            total.left += line.left;
            total.tokens_in += line.tokens_in;
            total.tokens_cached += line.tokens_cached;
            total.tokens_out += line.tokens_out;
            total.tokens_reasoning += line.tokens_reasoning;
            total.tokens_wasted += line.tokens_wasted;
            total.estimated += line.estimated;
            total.cost = total.cost.plus(line.cost);
            total.cost_wasted = total.cost_wasted.plus(line.cost_wasted);
            total.cost_unknown += line.cost_unknown;
        }
        total
    }
}
