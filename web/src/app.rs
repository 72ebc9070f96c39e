//! What the routes answer from.

use std::sync::Arc;

use jarvis_agent::Agent;
use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::registry::Registry;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub agent: Agent,
    /// Every target of every chain, and a hand on its breakers.
    pub registry: Arc<Registry>,
    pub clock: Arc<dyn Clock>,
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
    /// Cancelled when the process stops: event streams end then.
    pub stopping: CancellationToken,
}

/// What the process is and what it found at its start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub version: &'static str,
    pub started_at: Millis,
    pub console: String,
    /// Empty until everything was looked for, shortly after the start.
    pub found: Vec<Found>,
}

/// One thing that was looked for at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `Docker`, `Ollama`, `OpenAI`.
    pub what: String,
    pub ok: bool,
    /// `Engine 20.10.24, 3 containers`, or why not and what to do.
    pub says: String,
}
