//! One link of a chain: a model on a backend, with its time limits and its breakers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::breaker::{Board, Pair, Place, Shown};
use crate::chat::{Part, Request};
use crate::clock::{Clock, Millis};
use crate::provider::Provider;

/// Characters per token, roughly, for estimating how long a prompt takes to read. On the low side on purpose.
const CHARS_PER_TOKEN: usize = 4;

/// What kind of machine a backend runs on. Sets the default limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// How long a target may take. Connecting has its own limit in the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the first content, thinking or tool call, when the model is loaded.
    pub first_token: Duration,
    /// Added to `first_token` for every estimated token of the prompt.
    pub per_prompt_token: Duration,
    /// Added to `first_token` when the model may have to be loaded first.
    pub load: Duration,
    /// A model that answered this recently is taken to be loaded still.
    pub stays_loaded: Duration,
    /// Between two meaningful events of an answer.
    pub idle: Duration,
    pub total: Duration,
}

impl Limits {
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
            },
            HostClass::Cpu => Self {
                first_token: seconds(15),
                per_prompt_token: Duration::from_millis(40),
                load: Duration::from_mins(1),
                stays_loaded: Duration::from_mins(5),
                idle: Duration::from_mins(1),
                total: Duration::from_mins(15),
            },
            HostClass::Cloud => Self {
                first_token: seconds(12),
                per_prompt_token: Duration::ZERO,
                load: Duration::ZERO,
                stays_loaded: Duration::from_mins(5),
                idle: seconds(30),
                total: Duration::from_mins(10),
            },
        }
    }
}

pub struct Target {
    /// `backend/model`.
    pub(super) name: String,
    backend: String,
    model: String,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) limits: Limits,
    /// Tokens that the model can read, when known.
    pub(super) context: Option<u32>,
    pub(super) breakers: Pair,
    clock: Arc<dyn Clock>,
    answered_at: AtomicI64,
}

impl Target {
    pub fn new(board: &Board, backend: &str, model: &str, class: HostClass, provider: Arc<dyn Provider>) -> Self {
        Self {
            name: format!("{backend}/{model}"),
            backend: backend.to_owned(),
            model: model.to_owned(),
            provider,
            limits: Limits::of(class),
            context: None,
            breakers: board.pair(backend, model, class.place()),
            clock: board.clock().clone(),
            answered_at: AtomicI64::new(i64::MIN),
        }
    }

    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    #[must_use]
    pub fn with_context(self, tokens: Option<u32>) -> Self {
        Self {
            context: tokens,
            ..self
        }
    }

    /// `backend/model`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The model as the backend knows it.
    pub fn model(&self) -> &str {
        &self.model
    }

    pub fn state(&self) -> crate::breaker::Snapshot {
        self.breakers.snapshot()
    }

    /// How long until its breakers let a trial through; `None` when they are closed or when waiting does not help.
    pub(super) fn comes_back_in(&self) -> Option<Duration> {
        let state = self.state();
        match state.state {
            Shown::Closed | Shown::HardDown | Shown::Missing => None,
            Shown::Open | Shown::HalfOpen => Some(state.open_until?.since(self.clock.now())),
        }
    }

    pub(super) fn is_warm(&self) -> bool {
        let answered_at = Millis(self.answered_at.load(Ordering::Relaxed));
        self.limits.load.is_zero() || self.clock.now().since(answered_at) < self.limits.stays_loaded
    }

    pub(super) fn answered(&self) {
        self.answered_at.store(self.clock.now().0, Ordering::Relaxed);
    }

    /// How long the first meaningful event may take.
    pub(super) fn first_token_limit(&self, prompt_tokens: u32, warm: bool) -> Duration {
        let read = self.limits.per_prompt_token.saturating_mul(prompt_tokens);
        let load = if warm { Duration::ZERO } else { self.limits.load };
        self.limits.first_token.saturating_add(read).saturating_add(load)
    }
}

/// A rough count; images and the tools' schemas are part of what a model has to read.
pub(super) fn estimated_tokens(request: &Request) -> u32 {
    let length = match &request.original {
        Some(original) => original.body.len(),
        None => request
            .messages
            .iter()
            .flat_map(|message| &message.content)
            .map(part_length)
            .sum(),
    };
    u32::try_from(length / CHARS_PER_TOKEN).unwrap_or(u32::MAX)
}

fn part_length(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Image { .. } | Part::Other(_) => 768 * CHARS_PER_TOKEN,
    }
}
