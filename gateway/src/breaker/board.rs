//! All breakers of one process, by what they guard, and the tickets that attempts hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, broadcast};

use super::guarded::{Guarded, Surroundings, any_jitter};
use super::replicas::Replicas;
use super::replicate;
use super::state::{Event, Forced, Place, Snapshot, State, TroubleKind, Why};
use super::ticket::Pair;
use crate::clock::Clock;
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

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
    breakers: Mutex<HashMap<Key, Arc<Guarded>>>,
    surroundings: Arc<Surroundings>,
}

impl Board {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            breakers: Mutex::default(),
            surroundings: Arc::new(Surroundings {
                changes: broadcast::Sender::new(CHANGES_KEPT),
                trouble: Notify::new(),
                replicas: OnceLock::new(),
                untold: Notify::new(),
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
        self.surroundings.changes.subscribe()
    }

    /// How every breaker is shown now.
    pub fn states(&self) -> Vec<(Key, Snapshot)> {
        let breakers = self.all();
        let states = breakers.iter().map(|breaker| (breaker.key.clone(), breaker.snapshot()));
        states.collect()
    }

    /// Shares what is learned with other replicas from now on. Only the first call counts.
    pub fn share(self: &Arc<Self>, replicas: Arc<dyn Replicas>, tasks: &Tasks) {
        if self.surroundings.replicas.set(Arc::clone(&replicas)).is_ok() {
            replicate::spawn(self, replicas, tasks);
        }
    }

    /// Whether breakers are shared with other replicas now; `None` when they are not meant to be.
    pub fn is_shared(&self) -> Option<bool> {
        let replicas = self.surroundings.replicas.get()?;
        Some(replicas.is_reachable())
    }

    /// Waits until something is to be told to other replicas.
    pub(super) fn untold(&self) -> tokio::sync::futures::Notified<'_> {
        self.surroundings.untold.notified()
    }

    /// Every breaker.
    pub(super) fn all(&self) -> Vec<Arc<Guarded>> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.values().cloned().collect()
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
            breaker.tick();
        }
    }

    /// Tells whoever watches that something else is known of a model now.
    pub(crate) fn announce(&self, backend: &str, model: &Arc<str>) {
        let key = Key {
            backend: backend.into(),
            model: Some(Arc::clone(model)),
        };
        // Nobody watching is fine.
        drop(self.surroundings.changes.send(key));
    }

    /// Waits for the next breaker that changes.
    pub(crate) fn trouble(&self) -> tokio::sync::futures::Notified<'_> {
        self.surroundings.trouble.notified()
    }

    fn one(&self, backend: &str, model: Option<&str>) -> Option<Arc<Guarded>> {
        let mut breakers = self.of(backend).into_iter();
        breakers.find(|breaker| breaker.key.model.as_deref() == model)
    }

    fn of(&self, backend: &str) -> Vec<Arc<Guarded>> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_backend = breakers.values().filter(|breaker| &*breaker.key.backend == backend);
        of_backend.cloned().collect()
    }

    fn breaker(&self, backend: Arc<str>, model: Option<Arc<str>>, place: Place) -> Arc<Guarded> {
        let key = Key { backend, model };
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers.entry(key.clone()).or_insert_with(|| {
            let (clock, surroundings) = (self.clock.clone(), self.surroundings.clone());
            Arc::new(Guarded::new(key, place, clock, surroundings))
        });
        breaker.set_place(place);
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
