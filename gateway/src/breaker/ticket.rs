//! The right to ask a target, from both breakers that guard it.

use std::sync::Arc;
use std::time::Duration;

use super::disposition::Mark;
use super::guarded::Guarded;
use super::state::{Event, Failure, Permit, Shown, Snapshot};
use crate::provider::Error;

/// The two breakers that guard one target.
#[derive(Clone)]
pub struct Pair {
    pub(super) backend: Arc<Guarded>,
    pub(super) model: Arc<Guarded>,
}

impl Pair {
    /// A ticket if both breakers let a request through. A trial may take as long as `lease` until it shows life. Only
    /// for a trial other replicas are asked, so that it is the only one; everything else is decided at once.
    pub async fn admit(&self, lease: Duration) -> Option<Ticket> {
        let mut lent = Lent {
            breaker: &self.backend,
            permit: Some(self.backend.admit(lease).await?),
        };
        let model = self.model.admit(lease).await?;
        Some(self.ticket(lent.permit.take()?, model))
    }

    /// A ticket although a breaker is open, unless trying is known to be useless.
    pub fn admit_anyway(&self) -> Option<Ticket> {
        let now = self.backend.clock.now();
        let backend = self.backend.admit_anyway(now)?;
        let model = self.model.admit_anyway(now)?;
        Some(self.ticket(backend, model))
    }

    /// The worse of both: what is wrong with the backend, else with the model.
    pub fn snapshot(&self) -> Snapshot {
        let backend = self.backend.snapshot();
        if backend.state == Shown::Closed {
            return self.model.snapshot();
        }
        backend
    }

    fn ticket(&self, backend: Permit, model: Permit) -> Ticket {
        Ticket {
            pair: self.clone(),
            backend,
            model,
            open: true,
        }
    }
}

/// A permit that is given back when the other breaker lets nobody through.
struct Lent<'a> {
    breaker: &'a Guarded,
    permit: Option<Permit>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.filter(|permit| permit.lease) {
            self.breaker.tell(Event::Nothing, Some(permit));
        }
    }
}

/// The right to ask a target once. Dropped without a word it gives back what it held and tells nothing, which is what a
/// caller who leaves deserves.
pub struct Ticket {
    pair: Pair,
    backend: Permit,
    model: Permit,
    open: bool,
}

impl Ticket {
    /// Whether it is the one trial of a breaker.
    #[cfg(test)]
    pub(super) fn is_trial(&self) -> bool {
        self.backend.lease || self.model.lease
    }

    /// The model produced something, so both the backend and the model work.
    pub fn works(&mut self) {
        self.backend = self.pair.backend.tell(Event::Works, Some(self.backend));
        self.model = self.pair.model.tell(Event::Works, Some(self.model));
    }

    pub fn finished(mut self) {
        self.open = false;
        self.pair.model.tell(Event::Finished, Some(self.model));
    }

    /// `error` as its class marks it; an answer that had begun counts as broken in the middle.
    pub fn failed(mut self, error: &Error, had_begun: bool) {
        self.open = false;
        let disposition = error.class.disposition();
        let model = match disposition.model {
            Mark::Failed(_) if had_begun => Mark::Failed(Failure::MidStream),
            mark => mark,
        };
        self.pair.backend.tell_mark(disposition.backend, error, self.backend);
        self.pair.model.tell_mark(model, error, self.model);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if self.backend.lease {
            self.pair.backend.tell(Event::Nothing, Some(self.backend));
        }
        if self.model.lease {
            self.pair.model.tell(Event::Nothing, Some(self.model));
        }
    }
}
