//! What kinds of machines there are, and how long a target on each may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::breaker::Place;

/// What kind of machine a backend runs on. Sets the default limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostClass {
    Gpu,
    Cpu,
    Cloud,
}

impl HostClass {
    pub fn place(self) -> Place {
        match self {
            Self::Gpu | Self::Cpu => Place::Local,
            Self::Cloud => Place::Cloud,
        }
    }

    /// How long connecting may take. A tailnet answers well within it.
    pub fn connect_limit(self) -> Duration {
        match self {
            Self::Gpu | Self::Cpu => Duration::from_secs(1),
            Self::Cloud => Duration::from_secs(2),
        }
    }
}

/// How long a target may take. Connecting has its own limit in the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the first content, thinking or tool call, when the model is loaded.
    pub first_token: Duration,
    /// Added to `first_token` for every estimated token of the prompt, until the model's own speed is known.
    pub per_prompt_token: Duration,
    /// Added to `first_token` when the model may have to be loaded first, until its own speed is known.
    pub load: Duration,
    /// A model that answered this recently is taken to be loaded still.
    pub stays_loaded: Duration,
    /// Between two meaningful events of an answer.
    pub idle: Duration,
    pub total: Duration,
    /// How long a request waits here for its turn at a target that is busy with others.
    pub queue: Duration,
}

/// A model in the cloud that thinks first keeps silent meanwhile.
const THINKS_FOR: Duration = Duration::from_mins(1);
const PAUSES_FOR: Duration = Duration::from_secs(90);

impl Limits {
    /// For a model in the cloud that was asked to think.
    pub(super) fn for_thinking(self) -> Self {
        Self {
            first_token: self.first_token.max(THINKS_FOR),
            idle: self.idle.max(PAUSES_FOR),
            ..self
        }
    }

    pub fn of(class: HostClass) -> Self {
        let seconds = Duration::from_secs;
        match class {
            HostClass::Gpu => Self {
                first_token: seconds(6),
                per_prompt_token: Duration::from_millis(3),
                load: Duration::from_mins(1),
                stays_loaded: Duration::from_mins(5),
                idle: seconds(20),
                total: Duration::from_mins(10),
                queue: seconds(2),
            },
            HostClass::Cpu => Self {
                first_token: seconds(15),
                per_prompt_token: Duration::from_millis(40),
                load: Duration::from_mins(1),
                stays_loaded: Duration::from_mins(5),
                idle: Duration::from_mins(1),
                total: Duration::from_mins(15),
                queue: seconds(4),
            },
            HostClass::Cloud => Self {
                first_token: seconds(12),
                per_prompt_token: Duration::ZERO,
                load: Duration::ZERO,
                stays_loaded: Duration::from_mins(5),
                // Services that stall for half a minute and go on are known.
                idle: seconds(35),
                total: Duration::from_mins(10),
                queue: seconds(1),
            },
        }
    }
}
