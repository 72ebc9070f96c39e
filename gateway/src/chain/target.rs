//! One link of a chain: a model on a backend, with its time limits and its breakers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::fit::counted;
use super::gate::Gate;
use super::limits::{HostClass, Limits};
use super::settings::{Claims, Settings, Timeouts};
use crate::breaker::{Board, Pair, Place, Shown, Snapshot};
use crate::chat::Finish;
use crate::clock::{Clock, Millis};
use crate::health::{Facts, Model, Warmth};
use crate::provider::Provider;

/// A prompt may take this much longer to read than the ones before.
const SLOWER_THAN_EVER: f64 = 1.5;

pub struct Target {
    /// `backend/model`.
    name: String,
    pub(super) backend: Arc<str>,
    pub(super) model: Arc<str>,
    /// The protocol that the backend is spoken to in, for the account: `ollama`, `openai`.
    pub(super) kind: &'static str,
    pub(super) class: HostClass,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) limits: Limits,
    /// What was set by hand holds, whatever is measured.
    timeouts: Timeouts,
    /// Tokens that the model is given to read, when that is configured.
    context: Option<u32>,
    pub(super) claims: Claims,
    health: Option<Arc<Model>>,
    pub(super) breakers: Pair,
    pub(super) gate: Gate,
    clock: Arc<dyn Clock>,
    answered_at: AtomicI64,
}

impl Target {
    pub fn new(board: &Board, backend: &str, model: &str, class: HostClass, provider: Arc<dyn Provider>) -> Self {
        Self {
            name: format!("{backend}/{model}"),
            backend: backend.into(),
            model: model.into(),
            kind: "",
            class,
            provider,
            limits: Limits::of(class),
            timeouts: Timeouts::default(),
            context: None,
            claims: Claims::default(),
            health: None,
            breakers: board.pair(backend, model, class.place()),
            gate: Gate::default(),
            clock: board.clock().clone(),
            answered_at: AtomicI64::new(i64::MIN),
        }
    }

    #[must_use]
    pub fn with_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With what the configuration says of it; the limits are those of its backend.
    #[must_use]
    pub fn with_settings(self, settings: &Settings) -> Self {
        Self {
            limits: settings.timeouts.over(self.limits),
            timeouts: settings.timeouts,
            context: settings.context,
            claims: settings.capabilities,
            gate: settings
                .room()
                .map_or_else(Gate::default, |(at_once, queue)| Gate::new(at_once, queue)),
            ..self
        }
    }

    #[must_use]
    pub fn with_health(self, model: Arc<Model>) -> Self {
        Self {
            health: Some(model),
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

    pub fn class(&self) -> HostClass {
        self.class
    }

    pub fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn state(&self) -> Snapshot {
        self.breakers.snapshot()
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// How long until its breakers let a trial through; `None` when they are closed or when waiting does not help.
    pub(super) fn comes_back_in(&self) -> Option<Duration> {
        let state = self.state();
        match state.state {
            Shown::Closed | Shown::HardDown | Shown::Missing => None,
            Shown::Open | Shown::HalfOpen => Some(state.open_until?.since(self.now())),
        }
    }

    /// What is known of the model now.
    pub fn facts(&self) -> Arc<Facts> {
        self.health.as_ref().map(|health| health.facts()).unwrap_or_default()
    }

    /// Shared with everybody who learns something about this model.
    pub fn health(&self) -> Option<&Arc<Model>> {
        self.health.as_ref()
    }

    /// Tokens that the model can read, as far as anybody knows: as it is configured, else as it is loaded, else as it was
    /// made. What an Ollama makes of a model that is neither configured nor loaded is anybody's guess.
    pub fn context(&self, facts: &Facts) -> Option<u32> {
        let made = facts.context_max;
        let loaded = || facts.context_loaded.or(made.filter(|_| self.kind != "ollama"));
        let context = self.context.or_else(loaded)?;
        Some(context.min(made.unwrap_or(u32::MAX)))
    }

    /// Whether its first token need not wait for the model to be loaded. Where nobody knows, a model that answered lately
    /// is loaded still.
    pub(super) fn is_warm(&self, facts: &Facts) -> bool {
        match facts.warmth {
            Warmth::Warm | Warmth::WarmSlow => true,
            Warmth::Cold | Warmth::Loading => false,
            Warmth::Unknown => {
                let answered_at = Millis(self.answered_at.load(Ordering::Relaxed));
                self.limits.load.is_zero() || self.now().since(answered_at) < self.limits.stays_loaded
            }
        }
    }

    /// The end of a whole answer, with what its prompt was estimated at.
    pub(super) fn answered(&self, finish: &Finish, prompt_tokens: u32) {
        self.answered_at.store(self.now().0, Ordering::Relaxed);
        if let Some(health) = &self.health {
            health.answered(finish, prompt_tokens);
        }
    }

    /// Has the model loaded in the background, once for everybody who wants it.
    pub(super) fn load_soon(&self) {
        if let (Some(health), Place::Local) = (&self.health, self.class.place()) {
            health.load_soon();
        }
    }

    /// The limits of a request, which are longer where a model in the cloud `thinks` first.
    pub(super) fn limits_for(&self, thinks: bool) -> Limits {
        if self.class == HostClass::Cloud && (thinks || self.claims.thinking == Some(true)) {
            return self.timeouts.over(self.limits.for_thinking());
        }
        self.limits
    }

    /// How long the first meaningful event may take, of which `base` is apart from reading and loading.
    pub(super) fn first_token_limit(&self, base: Duration, prompt_tokens: u32, warm: bool, facts: &Facts) -> Duration {
        let read = match facts.rates.prompt {
            Some(rate) if rate > 0.0 => {
                let seconds = counted(prompt_tokens, facts) / rate * SLOWER_THAN_EVER;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
            Some(_) | None => self.limits.per_prompt_token.saturating_mul(prompt_tokens),
        };
        let load = if warm { Duration::ZERO } else { self.load_limit(facts) };
        base.saturating_add(read).saturating_add(load)
    }

    fn load_limit(&self, facts: &Facts) -> Duration {
        if self.timeouts.load.is_some() || facts.load_time().is_none() {
            return self.limits.load;
        }
        facts.load_budget()
    }
}
