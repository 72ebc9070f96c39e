//! Whether a target may be asked now: fit for the request, a place in its queue, its breakers, the money.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account::Account;
use super::admission::{Admission, Budget};
use super::fit::{misfit, overfull};
use super::gate::Slot;
use super::limits::HostClass;
use super::target::Target;
use super::walk::Walk;
use crate::breaker::Ticket;
use crate::health::Facts;
use crate::provider::Class;
use crate::usage::{Hold, Planned};

/// A trial of a half-open breaker holds its lease for this much longer than its first token may take.
const LEASE_SLACK: Duration = Duration::from_secs(5);

impl Walk {
    pub(super) async fn admit(&mut self, index: usize) -> Option<Admission> {
        let target = self.route.targets.get(index)?.clone();
        let facts = target.facts();
        if !self.is_fit(&target, &facts) {
            return None;
        }
        let slot = self.slot(&target).await?;
        let budget = self.budget(&target, &facts);
        let Some(ticket) = target.breakers.admit(budget.first_token + LEASE_SLACK).await else {
            self.note_state(&target);
            return None;
        };
        let hold = self.money(&target)?;
        self.to_shorten = overfull(&self.errand, &target, &facts);
        if self.to_shorten.is_some() {
            return None;
        }
        Some(self.start(index, target, (ticket, slot, hold), budget))
    }

    /// The target whose breaker would have opened up soonest, once for a request. Never one that is known to be of no
    /// use: not fit, without money, hard down, or without the model.
    pub(super) fn least_bad(&mut self) -> Option<Admission> {
        if self.is_over() || std::mem::replace(&mut self.least_bad_asked, true) {
            return None;
        }
        let unasked = (0..).zip(self.route.targets.iter()).zip(&self.was_asked);
        let mut candidates: Vec<_> = unasked
            .filter(|(_, asked)| !**asked)
            .map(|((index, target), _)| (target.state().open_until, index, target.clone()))
            .collect();
        candidates.sort_by_key(|(until, index, _)| (*until, *index));
        candidates.into_iter().find_map(|(_, index, target)| {
            let facts = target.facts();
            if !self.is_fit(&target, &facts) {
                return None;
            }
            let slot = target.gate.enter()?;
            let ticket = target.breakers.admit_anyway()?;
            let hold = self.money(&target)?;
            self.to_shorten = self.to_shorten.or(overfull(&self.errand, &target, &facts));
            if self.to_shorten.is_some() {
                return None;
            }
            let budget = self.budget(&target, &facts);
            Some(self.start(index, target, (ticket, slot, hold), budget))
        })
    }

    fn is_fit(&mut self, target: &Target, facts: &Facts) -> bool {
        let is_shortened = |class| class == Class::ContextLength && overfull(&self.errand, target, facts).is_some();
        if let Some(misfit) = misfit(&self.errand, target, facts).filter(|misfit| !is_shortened(misfit.class)) {
            self.note(target.name(), &misfit.reason, misfit.class);
            return false;
        }
        match (self.needs_context_over, target.context(facts)) {
            (Some(over), Some(context)) if context <= over => {
                self.note(target.name(), "its context is not larger either", Class::ContextLength);
                false
            }
            (Some(_) | None, _) => true,
        }
    }

    /// A place at the target. Nobody queues for a target that would not be asked afterwards.
    async fn slot(&mut self, target: &Target) -> Option<Slot> {
        if let Some(slot) = target.gate.enter() {
            return Some(slot);
        }
        if target.comes_back_in().is_some() {
            self.note_state(target);
            return None;
        }
        let left = self.ends.saturating_duration_since(Instant::now());
        let slot = target.gate.queue(target.limits.queue.min(left)).await;
        if slot.is_none() {
            self.note(target.name(), "it is busy with other requests", Class::Saturated);
        }
        slot
    }

    /// The money that an attempt may cost is set aside before it is made.
    fn money(&mut self, target: &Target) -> Option<Hold> {
        let purse = match (&self.route.surroundings.purse, target.class) {
            (Some(purse), HostClass::Cloud) => purse,
            (Some(_), HostClass::Gpu | HostClass::Cpu) | (None, _) => return Some(Hold::default()),
        };
        let planned = Planned {
            backend: &target.backend,
            model: &target.model,
            prompt_tokens: u64::from(self.errand.prompt_tokens),
            answer_tokens: self.errand.answer_tokens.map(u64::from),
            answers: self.errand.answers,
            pieces: self.errand.pieces,
            bound: self.errand.origin.bound.as_ref(),
        };
        match purse.may_spend(&self.errand.caller, &planned) {
            Ok(hold) => Some(hold),
            Err(refused) => {
                self.money_in = refused.retry_after.or(self.money_in);
                self.note(target.name(), &refused.says, refused.class);
                None
            }
        }
    }

    fn budget(&self, target: &Target, facts: &Facts) -> Budget {
        let warm = target.is_warm(facts);
        let limits = target.limits_for(self.errand.thinks);
        let waits = self.errand.caller.waits();
        let base = waits.first_token.unwrap_or(limits.first_token);
        Budget {
            first_token: target.first_token_limit(base, self.errand.prompt_tokens, warm, facts),
            is_shortened: base < limits.first_token,
            warm,
            idle: limits.idle,
            total: waits.total.unwrap_or(limits.total),
            search_ends: self.ends,
            caller_ends: self.caller_ends,
        }
    }

    fn start(
        &mut self,
        index: usize,
        target: Arc<Target>,
        (ticket, slot, hold): (Ticket, Slot, Hold),
        budget: Budget,
    ) -> Admission {
        self.attempts += 1;
        if let Some(asked) = self.was_asked.get_mut(index) {
            *asked = true;
        }
        let surroundings = &self.route.surroundings;
        let account = Account::open(&self.errand, surroundings, &target, self.attempts, &self.left, hold);
        Admission::new(target, index, (ticket, slot), account, budget)
    }

    fn note_state(&mut self, target: &Target) {
        let state = target.state();
        let reason = state.reason.unwrap_or_else(|| "it is being tried".into());
        self.note(target.name(), &reason, state.class.unwrap_or(Class::HostDown));
    }
}
