//! The seam to whoever counts: this process, or something that several processes share.

use std::time::Duration;

use async_trait::async_trait;

use crate::caller::Key;

/// Counts what keys ask for. A request is let in by [`Counters::enter`] and ends with [`Counters::leave`].
#[async_trait]
pub trait Counters: Send + Sync {
    /// Lets a request in and counts it, with `tokens` set aside for it; or says which limit it would break, and counts
    /// nothing.
    async fn enter(&self, key: &Key, tokens: u32) -> Result<Place, Over>;

    /// The request is over: its place is free, and the tokens that were set aside no longer count. Must not wait.
    fn leave(&self, key: &Key, place: &Place);

    /// What a model has read and written for this key. Must not wait.
    fn used(&self, key: &Key, tokens: u64);
}

/// A request that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How the key stands with this request counted.
    pub standing: Standing,
    /// Tokens that were set aside.
    pub tokens: u32,
    /// Where they were counted, and where the request was, for whoever counts.
    pub at: i64,
    pub requests_at: i64,
    /// The number that it has among replicas, and where its tokens were counted for all of them; 0 when only this one
    /// counts it.
    pub ticket: u64,
    pub shared_at: i64,
}

/// A limit would be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    pub kind: Kind,
    pub limit: u32,
    pub used: u64,
    pub asked: u32,
    /// When the same request would be let in, as far as it can be foreseen.
    pub retry_after: Duration,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Requests,
    Tokens,
    Concurrency,
}

/// How a key stands, as the headers of its answers tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub requests: Option<Room>,
    pub tokens: Option<Room>,
}

/// One limit of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub limit: u32,
    pub remaining: u32,
    /// Until all of it is free again, when nothing more is asked.
    pub reset: Duration,
}
