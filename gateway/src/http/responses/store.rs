//! The seam to where responses are kept.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::clock::Millis;
use crate::http::Unavailable;

/// A response that is older is not found any more, and may be deleted.
pub const KEPT_FOR: Duration = Duration::from_hours(24 * 30);
/// How many responses one conversation may have.
pub const MOST_IN_CHAIN: u32 = 1000;
/// How long all items of one conversation may be together, in bytes of JSON.
pub const LONGEST_CHAIN: u64 = 10 * 1024 * 1024;

/// A response and what it answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub id: String,
    /// Nobody else can read it, go on with it, or delete it.
    pub owner: String,
    /// The response that it goes on from.
    pub previous: Option<String>,
    pub created_at: Millis,
    /// The items that it answered, without those of earlier responses.
    pub input: Vec<Value>,
    /// The response object as it was answered. Its `output` is what a later response goes on from.
    pub response: Value,
}

/// A conversation, as far as it could be found.
#[derive(Debug, Clone, PartialEq)]
pub enum Chain {
    /// All of it, oldest first.
    Whole(Vec<Kept>),
    /// The response with this id is not there: it was never kept, is another's, was deleted, or is too old.
    Broken(String),
    /// Longer than [`MOST_IN_CHAIN`] or [`LONGEST_CHAIN`] allow.
    TooLong,
}

/// Where responses are kept for [`KEPT_FOR`].
#[async_trait]
pub trait Store: Send + Sync {
    async fn put(&self, kept: &Kept) -> Result<(), Unavailable>;

    async fn get(&self, owner: &str, id: &str) -> Result<Option<Kept>, Unavailable>;

    /// Whether there was one. What went on from it cannot be gone on from any more.
    async fn delete(&self, owner: &str, id: &str) -> Result<bool, Unavailable>;

    /// The response `id` and all those before it.
    async fn chain(&self, owner: &str, id: &str) -> Result<Chain, Unavailable>;
}
