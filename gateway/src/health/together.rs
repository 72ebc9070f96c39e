//! The seam to the probers of other replicas: one asks, all learn.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::source::{Listed, Loaded};

/// Decides who asks a backend about itself. Breakers tell each other by themselves what comes of it.
#[async_trait]
pub trait Together: Send + Sync {
    /// Whether this replica asks `backend` now, for all of them. It does when the others cannot be reached.
    async fn leads(&self, backend: &str) -> bool;

    /// Tells the others what the backend said.
    async fn report(&self, backend: &str, report: &Report);

    /// What whoever leads was told last.
    async fn reported(&self, backend: &str) -> Option<Report>;
}

/// What a backend said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of whom it was asked. What another one said is of no use.
    pub address: String,
    /// Why the last question went unanswered; empty when it was answered.
    pub says: String,
    pub version: Option<String>,
    pub listed: Option<Vec<Listed>>,
    pub loaded: Option<Vec<Loaded>>,
}

impl Report {
    pub(super) fn is_good(&self) -> bool {
        self.says.is_empty()
    }
}
