//! A target as the console and `GET /v1/jarvis/targets` show it.

use serde::Serialize;

use crate::breaker::{Forced, Shown, Snapshot};
use crate::chain::HostClass;
use crate::clock::Millis;
use crate::health::{Ability, Facts, Probed, Rates, Vitals, Warmth};

/// Its JSON is the `Target` of `docs/api.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// The worse of both breakers; `missing` also when an Ollama does not list the model and nobody has asked for it yet.
    pub state: Shown,
    pub reason: Option<String>,
    pub open_until: Option<Millis>,
    pub breakers: Breakers,
    pub warmth: Warmth,
    /// What it can do: `completion`, `tools`, `vision`, `audio`, `thinking`, `embedding`. Null when nobody knows.
    pub capabilities: Option<Vec<&'static str>>,
    pub context: Context,
    /// Bytes of the weights.
    pub size: Option<u64>,
    pub digest: Option<String>,
    pub rates: Rates,
    /// What the backend's server calls itself.
    pub version: Option<String>,
    pub last_probe: Option<Probed>,
}

/// The two breakers that guard a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breakers {
    /// Shared by all targets on the backend.
    pub backend: BreakerStatus,
    pub model: BreakerStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakerStatus {
    pub state: Shown,
    pub reason: Option<String>,
    pub open_until: Option<Millis>,
    /// Set while a person holds it.
    pub forced: Option<Forced>,
}

/// Tokens that the model can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Context {
    /// As it is configured or loaded now.
    pub effective: Option<u32>,
    /// By its card.
    pub max: Option<u32>,
}

impl From<Snapshot> for BreakerStatus {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            state: snapshot.state,
            reason: snapshot.reason.map(|reason| reason.to_string()),
            open_until: snapshot.open_until,
            forced: snapshot.forced,
        }
    }
}

impl TargetStatus {
    /// The same target with what its probes and answers told.
    #[must_use]
    pub(super) fn knowing(self, facts: &Facts, vitals: &Vitals) -> Self {
        let abilities = facts.capabilities.is_some().then(|| {
            let known = ABILITIES
                .iter()
                .filter(|(ability, _)| facts.can(*ability) == Some(true));
            known.map(|(_, name)| *name).collect()
        });
        Self {
            warmth: facts.warmth,
            capabilities: abilities,
            context: Context {
                effective: self.context.effective.or(facts.context_loaded),
                max: facts.context_max,
            },
            size: facts.size,
            digest: facts.digest.clone(),
            rates: facts.rates,
            version: vitals.version.clone(),
            last_probe: vitals.last_probe.clone(),
            ..self
        }
    }
}

const ABILITIES: [(Ability, &str); 6] = [
    (Ability::Completion, "completion"),
    (Ability::Tools, "tools"),
    (Ability::Vision, "vision"),
    (Ability::Audio, "audio"),
    (Ability::Thinking, "thinking"),
    (Ability::Embedding, "embedding"),
];
