//! The account of one attempt: kept while it runs, told to the observers exactly once.

use std::sync::Arc;

use tokio::time::Instant;

use super::errand::Errand;
use super::surroundings::Surroundings;
use super::target::Target;
use crate::chat::{Finish, Left, Usage};
use crate::clock::Millis;
use crate::provider::Error;
use crate::usage::{Attempt, Hold, Outcome, Pieces};

/// Dropped without an end it tells that the attempt was cancelled, which is what a caller who leaves and a slower
/// target in a race come to.
pub(super) struct Account {
    errand: Arc<Errand>,
    surroundings: Arc<Surroundings>,
    target: Arc<Target>,
    number: u32,
    left: Vec<Left>,
    started_at: Millis,
    started: Instant,
    first_token: Option<Instant>,
    /// Tokens that came, by a rough count, for answers whose end never tells.
    pub(super) tokens: u64,
    pub(super) pieces: Pieces,
    /// Kept until the attempt was told, so that no other request spends the same money in between.
    _hold: Hold,
    /// The server did not count, so that the usage at its end is an estimate of ours.
    pub(super) is_estimated: bool,
    is_told: bool,
}

impl Account {
    pub(super) fn open(
        errand: &Arc<Errand>,
        surroundings: &Arc<Surroundings>,
        target: &Arc<Target>,
        number: u32,
        left: &[Left],
        hold: Hold,
    ) -> Self {
        // Nobody reads it when there are no observers.
        let left = if surroundings.observers.is_empty() { &[] } else { left };
        Self {
            started_at: target.now(),
            started: Instant::now(),
            errand: errand.clone(),
            surroundings: surroundings.clone(),
            target: target.clone(),
            number,
            left: left.to_vec(),
            first_token: None,
            tokens: 0,
            pieces: Pieces::default(),
            _hold: hold,
            is_estimated: false,
            is_told: false,
        }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn errand(&self) -> &Errand {
        &self.errand
    }

    pub(super) fn note_first_token(&mut self) {
        self.first_token.get_or_insert_with(Instant::now);
    }

    pub(super) fn answered(&mut self, finish: &Finish) {
        self.tell(Outcome::Answered, Some(finish));
    }

    pub(super) fn left(&mut self, error: &Error) {
        let outcome = Outcome::Left {
            class: error.class,
            reason: error.message.as_str().into(),
        };
        self.tell(outcome, None);
    }

    fn tell(&mut self, outcome: Outcome, finish: Option<&Finish>) {
        if std::mem::replace(&mut self.is_told, true) || self.surroundings.observers.is_empty() {
            return;
        }
        let usage = finish.and_then(|finish| finish.usage);
        let attempt = Attempt {
            origin: self.errand.origin.clone(),
            caller: self.errand.caller.clone(),
            backend: self.target.backend.clone(),
            model: self.target.model.clone(),
            kind: self.target.kind,
            class: self.target.class,
            number: self.number,
            left: std::mem::take(&mut self.left),
            waited: self.errand.origin.arrived.map(|at| self.started.duration_since(at)),
            started_at: self.started_at,
            took: self.started.elapsed(),
            first_token: self.first_token.map(|at| at.duration_since(self.started)),
            outcome,
            usage: usage.unwrap_or_else(|| self.estimate()),
            estimated: usage.is_none() || self.is_estimated,
            pieces: self.pieces,
            timings: finish.map(|finish| finish.timings).unwrap_or_default(),
            truncated: finish.is_some_and(|finish| finish.truncated),
        };
        for observer in &self.surroundings.observers {
            observer.attempt(&attempt);
        }
    }

    /// A target that never showed life has read nothing, as far as anybody knows.
    pub(super) fn estimate(&self) -> Usage {
        let read = self.first_token.map_or(0, |_| self.errand.prompt_tokens);
        Usage {
            prompt_tokens: u64::from(read),
            completion_tokens: self.tokens,
            ..Usage::default()
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.tell(Outcome::Cancelled, None);
    }
}
