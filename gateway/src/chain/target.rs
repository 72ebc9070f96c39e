//! One link of a chain: a model on a backend, with its time limits and its breakers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::gate::Gate;
use super::limits::{HostClass, Limits};
use crate::breaker::{Board, Pair, Shown, Snapshot};
use crate::clock::{Clock, Millis};
use crate::provider::Provider;

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
    /// Tokens that the model can read, when known.
    pub(super) context: Option<u32>,
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
            context: None,
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

    #[must_use]
    pub fn with_context(self, tokens: Option<u32>) -> Self {
        Self {
            context: tokens,
            ..self
        }
    }

    /// At most `at_once` requests are sent to it, and at most `queue` more wait for their turn.
    #[must_use]
    pub fn with_room_for(self, at_once: usize, queue: usize) -> Self {
        Self {
            gate: Gate::new(at_once, queue),
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

    pub(super) fn is_warm(&self) -> bool {
        let answered_at = Millis(self.answered_at.load(Ordering::Relaxed));
        self.limits.load.is_zero() || self.now().since(answered_at) < self.limits.stays_loaded
    }

    pub(super) fn answered(&self) {
        self.answered_at.store(self.now().0, Ordering::Relaxed);
    }

    /// How long the first meaningful event may take.
    pub(super) fn first_token_limit(&self, prompt_tokens: u32, warm: bool) -> Duration {
        let read = self.limits.per_prompt_token.saturating_mul(prompt_tokens);
        let load = if warm { Duration::ZERO } else { self.limits.load };
        self.limits.first_token.saturating_add(read).saturating_add(load)
    }
}
