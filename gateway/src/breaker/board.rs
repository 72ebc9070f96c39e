//! All breakers of one process, by what they guard, and the tickets that attempts hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use super::disposition::Mark;
use super::machine::Machine;
use super::state::{Effects, Event, Failure, Forced, Permit, Place, Shown, Snapshot, State, TroubleKind, Why};
use crate::clock::{Clock, Millis};
use crate::provider::{Class, Error};

/// A watcher that lags further behind than this misses changes and has to read the whole list again.
const CHANGES_KEPT: usize = 256;

/// What a breaker guards: a backend, or one model on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub backend: Arc<str>,
    pub model: Option<Arc<str>>,
}

/// Keeps one breaker per guarded thing for as long as the process runs, so that targets which are configured anew keep
/// what was learned about them.
pub struct Board {
    clock: Arc<dyn Clock>,
    breakers: Mutex<HashMap<Key, Arc<Breaker>>>,
    shared: Arc<Shared>,
}

struct Shared {
    changes: broadcast::Sender<Key>,
    /// Wakes the probers.
    trouble: Notify,
}

struct Breaker {
    key: Key,
    machine: Mutex<Machine>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

/// Spreads what would otherwise happen in step on all replicas.
fn any_jitter() -> f64 {
    rand::random_range(-1.0..=1.0)
}

/// The two breakers that guard one target.
#[derive(Clone)]
pub struct Pair {
    backend: Arc<Breaker>,
    model: Arc<Breaker>,
}

impl Board {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            breakers: Mutex::default(),
            shared: Arc::new(Shared {
                changes: broadcast::Sender::new(CHANGES_KEPT),
                trouble: Notify::new(),
            }),
        }
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The breakers of `model` on `backend`; the same ones every time.
    pub fn pair(&self, backend: &str, model: &str, place: Place) -> Pair {
        let name: Arc<str> = backend.into();
        Pair {
            backend: self.breaker(name.clone(), None, place),
            model: self.breaker(name, Some(model.into()), place),
        }
    }

    /// Tells which breakers changed, from now on.
    pub fn changes(&self) -> broadcast::Receiver<Key> {
        self.shared.changes.subscribe()
    }

    /// How every breaker is shown now.
    pub fn states(&self) -> Vec<(Key, Snapshot)> {
        let breakers: Vec<Arc<Breaker>> = {
            let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            breakers.values().cloned().collect()
        };
        let states = breakers.iter().map(|breaker| (breaker.key.clone(), breaker.snapshot()));
        states.collect()
    }

    /// Forgets what was learned about a backend and its models, because its configuration changed. What a person
    /// forced stays.
    pub fn reset(&self, backend: &str) {
        for breaker in self.of(backend) {
            breaker.tell(Event::Replaced, None);
        }
    }

    /// Holds the breaker of a backend, or of one model on it, in a state; `None` lets go of it and closes it, and with a
    /// backend also its models. Returns whether there is such a breaker.
    pub fn force(&self, backend: &str, model: Option<&str>, to: Option<&Forced>) -> bool {
        if let (None, None) = (model, to) {
            for breaker in self.of(backend) {
                breaker.tell(Event::Reset, None);
            }
        }
        let event = to.map_or(Event::Reset, |forced| Event::Forced(forced.clone()));
        let breaker = self.one(backend, model);
        if let Some(breaker) = &breaker {
            breaker.tell(event, None);
        }
        breaker.is_some()
    }

    /// How a backend as a whole is, or one model on it, whatever the other breaker says.
    pub fn snapshot(&self, backend: &str, model: Option<&str>) -> Option<Snapshot> {
        Some(self.one(backend, model)?.snapshot())
    }

    /// What is wrong with a backend, for its prober.
    pub(crate) fn troubles(&self, backend: &str) -> Troubles {
        let mut troubles = Troubles::default();
        for breaker in self.of(backend) {
            let machine = breaker.machine();
            let kind = match machine.state() {
                State::Closed => continue,
                State::Open { trouble, .. } | State::HalfOpen { trouble, .. } => trouble.kind,
            };
            match (&breaker.key.model, kind) {
                (None, TroubleKind::Down | TroubleKind::Failing) => troubles.down = true,
                (None, TroubleKind::Key) => troubles.key_refused = Some(machine.trips()),
                (Some(model), TroubleKind::Missing) => troubles.missing.push(model.clone()),
                (None, TroubleKind::Money | TroubleKind::Missing | TroubleKind::Parked) | (Some(_), _) => {}
            }
        }
        troubles
    }

    /// The host was asked for a sign of life.
    pub(crate) fn probed(&self, backend: &str, failed: Option<&Error>) {
        let event = match failed {
            None => Event::ProbeWorks,
            Some(error) => Event::ProbeFailed(Why {
                class: Class::HostDown,
                reason: error.message.as_str().into(),
                retry_after: None,
            }),
        };
        if let Some(breaker) = self.one(backend, None) {
            breaker.tell_jittered(event, None, any_jitter());
        }
    }

    /// Whether the backend, asked just now, has a model that was missing.
    pub(crate) fn listed(&self, backend: &str, model: &str, is_listed: bool) {
        if let Some(breaker) = self.one(backend, Some(model)) {
            let event = if is_listed { Event::Listed } else { Event::Unlisted };
            breaker.tell(event, None);
        }
    }

    pub(crate) fn key_works(&self, backend: &str) {
        if let Some(breaker) = self.one(backend, None) {
            breaker.tell(Event::KeyWorks, None);
        }
    }

    /// Ends what ends by time alone, so that whoever watches is told of it.
    pub(crate) fn tick(&self, backend: &str) {
        for breaker in self.of(backend) {
            let effects = breaker.machine().tick(self.clock.now());
            breaker.carry_out(effects);
        }
    }

    /// Tells whoever watches that something else is known of a model now.
    pub(crate) fn announce(&self, backend: &str, model: &Arc<str>) {
        let key = Key {
            backend: backend.into(),
            model: Some(Arc::clone(model)),
        };
        // Nobody watching is fine.
        drop(self.shared.changes.send(key));
    }

    /// Waits for the next breaker that changes.
    pub(crate) fn trouble(&self) -> tokio::sync::futures::Notified<'_> {
        self.shared.trouble.notified()
    }

    fn one(&self, backend: &str, model: Option<&str>) -> Option<Arc<Breaker>> {
        let mut breakers = self.of(backend).into_iter();
        breakers.find(|breaker| breaker.key.model.as_deref() == model)
    }

    fn of(&self, backend: &str) -> Vec<Arc<Breaker>> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_backend = breakers.values().filter(|breaker| &*breaker.key.backend == backend);
        of_backend.cloned().collect()
    }

    fn breaker(&self, backend: Arc<str>, model: Option<Arc<str>>, place: Place) -> Arc<Breaker> {
        let key = Key { backend, model };
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers.entry(key.clone()).or_insert_with(|| {
            Arc::new(Breaker {
                key,
                machine: Mutex::new(Machine::new(place)),
                clock: self.clock.clone(),
                shared: self.shared.clone(),
            })
        });
        breaker.machine().set_place(place);
        breaker.clone()
    }
}

/// What a prober has to look after.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Troubles {
    /// The backend is left alone, or being tried.
    pub(crate) down: bool,
    /// The backend refused its key, and how often lately.
    pub(crate) key_refused: Option<u32>,
    pub(crate) missing: Vec<Arc<str>>,
}

impl Breaker {
    fn admit(&self, now: Millis, lease: Duration) -> Option<Permit> {
        let (permit, effects) = self.machine().admit(now, lease);
        self.carry_out(effects);
        permit
    }

    /// Returns the permit that fits the state afterwards.
    fn tell(&self, event: Event, permit: Option<Permit>) -> Permit {
        self.tell_jittered(event, permit, 0.0)
    }

    fn tell_jittered(&self, event: Event, permit: Option<Permit>, jitter: f64) -> Permit {
        let now = self.clock.now();
        let (effects, permit) = {
            let mut machine = self.machine();
            (machine.on(event, permit, now, jitter), machine.renewed())
        };
        self.carry_out(effects);
        permit
    }

    fn tell_mark(&self, mark: Mark, error: &Error, permit: Permit) {
        let why = || Why {
            class: error.class,
            reason: error.message.as_str().into(),
            retry_after: error.retry_after,
        };
        let event = match mark {
            Mark::Nothing => Event::Nothing,
            Mark::Works => Event::Works,
            Mark::Failed(failure) => Event::Failed(failure, why()),
            Mark::Down => Event::Down(why()),
            Mark::Hard if matches!(error.status, Some(401 | 403)) => Event::KeyRefused(why()),
            Mark::Hard => Event::MoneyGone(why()),
            Mark::Missing => Event::Missing(why()),
            Mark::Park(time) => Event::Parked(time, why()),
        };
        self.tell_jittered(event, Some(permit), any_jitter());
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        self.machine().snapshot(now)
    }

    fn carry_out(&self, effects: Effects) {
        if effects.changed {
            self.log();
            // Nobody watching is fine.
            drop(self.shared.changes.send(self.key.clone()));
            self.shared.trouble.notify_waiters();
        }
    }

    /// One line for what someone may want to know of: a refused key and a missing model stay until someone acts.
    fn log(&self) {
        let Snapshot { state, reason, .. } = self.snapshot();
        let backend = &*self.key.backend;
        let model = self.key.model.as_deref().unwrap_or("*");
        let reason = reason.as_deref().unwrap_or_default();
        match state {
            Shown::HardDown | Shown::Missing => {
                tracing::warn!(backend.name = backend, model.name = model, "left alone: {reason}");
            }
            Shown::Open => tracing::info!(
                backend.name = backend,
                model.name = model,
                "left alone for now: {reason}"
            ),
            Shown::HalfOpen => tracing::debug!(backend.name = backend, model.name = model, "being tried: {reason}"),
            Shown::Closed => tracing::info!(backend.name = backend, model.name = model, "in use again"),
        }
    }

    fn machine(&self) -> std::sync::MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    /// A ticket if both breakers let a request through. A trial may take as long as `lease` until it shows life.
    pub fn admit(&self, lease: Duration) -> Option<Ticket> {
        let now = self.backend.clock.now();
        let backend = self.backend.admit(now, lease)?;
        let model = self.model.admit(now, lease);
        if model.is_none() && backend.lease {
            self.backend.tell(Event::Nothing, Some(backend));
        }
        Some(self.ticket(backend, model?))
    }

    /// A ticket although a breaker is open, unless trying is known to be useless.
    pub fn admit_anyway(&self) -> Option<Ticket> {
        let now = self.backend.clock.now();
        let backend = self.backend.machine().admit_anyway(now)?;
        let model = self.model.machine().admit_anyway(now)?;
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

/// The right to ask a target once. Dropped without a word it gives back what it held and tells nothing, which is what a
/// caller who leaves deserves.
pub struct Ticket {
    pair: Pair,
    backend: Permit,
    model: Permit,
    open: bool,
}

impl Ticket {
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
