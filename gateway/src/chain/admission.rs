//! The right to ask one target once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Account;
use super::fit::is_truncated;
use super::gate::Slot;
use super::target::Target;
use crate::breaker::Ticket;
use crate::chat::Finish;
use crate::provider::{Class, Error};
use crate::usage::Pieces;

/// Made by [`Walk::next`](super::Walk::next). It holds a place at the target and the right that its breakers gave, and
/// keeps the attempt's account. It ends in one of three ways: [`Admission::answered`], handed to
/// [`Walk::failed`](super::Walk::failed), or dropped, which tells the breakers nothing and the observers that the
/// attempt was cancelled.
pub struct Admission {
    target: Arc<Target>,
    /// The target's place in the chain.
    pub(super) index: usize,
    ticket: Option<Ticket>,
    slot: Option<Slot>,
    pub(super) account: Account,
    budget: Budget,
}

/// What an attempt may take, fixed before it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) first_token: Duration,
    /// The caller waits for less than the target may take, so that being late is no failure of the target.
    pub(super) is_shortened: bool,
    /// The model need not be loaded first.
    pub(super) warm: bool,
    pub(super) idle: Duration,
    pub(super) total: Duration,
    /// When looking for a target that answers ends.
    pub(super) search_ends: Instant,
    /// When the caller no longer waits.
    pub(super) caller_ends: Option<Instant>,
}

impl Admission {
    pub(super) fn new(
        target: Arc<Target>,
        index: usize,
        (ticket, slot): (Ticket, Slot),
        account: Account,
        budget: Budget,
    ) -> Self {
        Self {
            target,
            index,
            ticket: Some(ticket),
            slot: Some(slot),
            account,
            budget,
        }
    }

    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    pub fn started(&self) -> Instant {
        self.account.started()
    }

    /// When the first sign of an answer must be there, and what it means that it is not.
    pub fn first_token_due(&self) -> (Instant, Class) {
        let (at, late) = self.due_within(self.budget.first_token);
        (
            at,
            if self.budget.is_shortened {
                Class::CallerDeadline
            } else {
                late
            },
        )
    }

    /// The same for work that may take `limit`.
    pub fn due_within(&self, limit: Duration) -> (Instant, Class) {
        let own_end = self.started() + limit;
        match (self.budget.search_ends < own_end, self.budget.warm) {
            (true, _) => (self.budget.search_ends, Class::CallerDeadline),
            (false, true) => (own_end, Class::TtftTimeout),
            (false, false) => (own_end, Class::ColdSlow),
        }
    }

    /// How long an answer that has begun may pause.
    pub fn idle(&self) -> Duration {
        self.budget.idle
    }

    /// When the whole answer must be there.
    pub fn total_ends(&self) -> Instant {
        let own_end = self.started() + self.budget.total;
        self.budget.caller_ends.map_or(own_end, |ends| ends.min(own_end))
    }

    pub(super) fn is_warm(&self) -> bool {
        self.budget.warm
    }

    /// The target produced something: it works.
    pub fn works(&mut self) {
        self.account.note_first_token();
        if let Some(ticket) = &mut self.ticket {
            ticket.works();
        }
    }

    /// What beside tokens was made or heard, for the account.
    pub fn made(&mut self, pieces: Pieces) {
        self.account.pieces = pieces;
    }

    /// The answer reached its end.
    pub fn answered(&mut self, finish: &Finish) {
        if let Some(ticket) = self.ticket.take() {
            ticket.finished();
            self.target.answered(finish, self.account.errand().prompt_tokens);
        }
        self.account.answered(finish);
        self.slot = None;
    }

    /// The target died in the middle of what was handed on already.
    pub fn broke(&mut self, error: &Error) {
        self.fail(error, true);
    }

    /// Notes on the end of an answer whether the server dropped a part of the conversation, and fills in what it did not
    /// count, unless `is_wire`: then its own words are handed on.
    pub(super) fn judge(&mut self, finish: &mut Finish, is_wire: bool) {
        if finish.usage.is_none() && !is_wire {
            finish.usage = Some(self.account.estimate());
            self.account.is_estimated = true;
        }
        if !self.account.is_estimated && is_truncated(self.account.errand(), &self.target, finish.usage) {
            finish.truncated = true;
            tracing::warn!(
                target.name = self.target.name(),
                tokens.estimated = self.account.errand().prompt_tokens,
                tokens.read = finish.usage.map(|usage| usage.prompt_tokens),
                "the server read much less than it was sent: it dropped a part of the conversation"
            );
        }
    }

    /// Whether it has not ended yet.
    pub(super) fn is_open(&self) -> bool {
        self.ticket.is_some()
    }

    /// `had_begun` when a part of the answer was handed on.
    pub(super) fn fail(&mut self, error: &Error, had_begun: bool) {
        if let Some(ticket) = self.ticket.take() {
            ticket.failed(error, had_begun);
        }
        self.account.left(error);
        self.slot = None;
    }
}
