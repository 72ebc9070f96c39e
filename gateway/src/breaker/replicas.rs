//! The seam to the breakers of other replicas.
//!
//! Each replica decides by its own breakers, without asking anybody. What changes is told, and what others tell is taken
//! over, so that a server which one replica found down is left alone by all. Only the trial of a half-open breaker is asked
//! for, because there is one among all replicas. Every state has an epoch that grows with each change: what was decided on
//! an older one is refused, and the replica takes over what it had not heard of. Spans of time are told instead of times,
//! because the clocks of replicas may differ.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::machine::Probes;
use super::state::{ForcedTo, Trouble};

/// Where replicas tell each other of breakers. `scope` is `backend` or `backend/model`.
#[async_trait]
pub trait Replicas: Send + Sync {
    /// What is known of a breaker; `None` when nobody told of it lately.
    async fn look(&self, scope: &str) -> Result<Option<Record>, Unreachable>;

    /// Tells of a change. `record.epoch` is the one that it was decided on; `over` wins over whatever is newer, for what a
    /// person wants.
    async fn tell(&self, scope: &str, record: &Record, over: bool) -> Result<Answer, Unreachable>;

    /// Asks for the one trial of a breaker whose time is over. `record` is the half-open state that holds while the trial
    /// lasts.
    async fn lease(&self, scope: &str, record: &Record) -> Result<Answer, Unreachable>;

    /// Counts failures of a closed breaker, and says how many in a row all replicas have had lately. None begins anew.
    async fn count(&self, scope: &str, failures: u32) -> Result<u32, Unreachable>;

    /// What other replicas tell, from now on.
    fn changes(&self) -> BoxStream<'static, Change>;

    /// Whether the others can be told now.
    fn is_reachable(&self) -> bool;
}

/// The others could not be asked; every replica goes by what it knows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("other replicas cannot be reached")]
pub struct Unreachable;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds, under this epoch.
    Taken(u64),
    /// It does not, because this does.
    Refused(Record),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Record(String, Record),
    /// Failures in a row of a closed breaker.
    Failures(String, u32),
    /// Something may have been missed.
    Gap,
}

/// A breaker as replicas tell it each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub epoch: u64,
    pub phase: Phase,
    /// Until the phase ends by itself; zero when it has ended, or has no end.
    pub left: Duration,
    /// The same for what a person forced.
    pub forced_left: Duration,
    pub details: Details,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Closed,
    Open,
    HalfOpen,
}

/// What only breakers understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    pub(super) trouble: Option<Trouble>,
    pub(super) trips: u32,
    pub(super) canaries: u8,
    pub(super) probes: Probes,
    pub(super) forced: Option<(ForcedTo, Arc<str>)>,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Closed, Self::Open, Self::HalfOpen]
            .into_iter()
            .find(|phase| phase.as_str() == name)
    }
}

impl Record {
    /// Whether a replica that knows the epoch `known` may have the trial of a breaker that is this one.
    pub fn may_be_tried(&self, known: u64) -> bool {
        match self.phase {
            _ if !self.forced_left.is_zero() => false,
            Phase::Open | Phase::HalfOpen => self.left.is_zero(),
            // What opened it has not been told yet.
            Phase::Closed => self.epoch <= known,
        }
    }
}
