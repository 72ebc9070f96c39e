//! A target as the console and `GET /v1/jarvis/targets` show it.

use serde::Serialize;

use crate::breaker::Shown;
use crate::chain::HostClass;
use crate::clock::Millis;

/// Its JSON is the `Target` of `docs/api.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetStatus {
    /// `backend/model`.
    pub name: String,
    pub backend: String,
    pub model: String,
    /// The protocol of the backend: `ollama`, `openai`.
    pub kind: &'static str,
    pub class: HostClass,
    /// The aliases whose chain it is a link of.
    pub aliases: Vec<String>,
    pub state: Shown,
    pub reason: Option<String>,
    pub open_until: Option<Millis>,
}
