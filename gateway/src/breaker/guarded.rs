//! One breaker: its machine behind a lock, and a door beside it that is passed without.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use super::board::Key;
use super::disposition::Mark;
use super::machine::Machine;
use super::replicas::{Answer, Record, Replicas};
use super::state::{Effects, Event, Permit, Place, Shown, Snapshot, Why};
use crate::clock::{Clock, Millis};
use crate::provider::Error;

/// The door is shut: the machine decides.
const SHUT: u64 = u64::MAX;

/// What the breakers of one process have in common.
pub(super) struct Surroundings {
    pub(super) changes: broadcast::Sender<Key>,
    /// Wakes the probers.
    pub(super) trouble: Notify,
    pub(super) replicas: OnceLock<Arc<dyn Replicas>>,
    /// Wakes whoever tells the others.
    pub(super) untold: Notify,
}

pub(super) struct Guarded {
    pub(super) key: Key,
    machine: Mutex<Machine>,
    /// The epoch of the permit that everybody gets, or [`SHUT`]. So a request asks a closed breaker without its lock.
    door: AtomicU64,
    pub(super) clock: Arc<dyn Clock>,
    surroundings: Arc<Surroundings>,
}

/// The machine while it is held. Letting go of it opens or shuts the door.
pub(super) struct Held<'a> {
    machine: MutexGuard<'a, Machine>,
    guarded: &'a Guarded,
    /// [`Machine::news`] when it was taken.
    news: u64,
}

impl Deref for Held<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let door = self.machine.open_door().map_or(SHUT, |permit| permit.epoch);
        self.guarded.door.store(door, Ordering::Release);
        // Only what is new: what could not be told is told at the next round.
        if self.machine.news() != self.news {
            self.guarded.surroundings.untold.notify_one();
        }
    }
}

/// Spreads what would otherwise happen in step on all replicas.
pub(super) fn any_jitter() -> f64 {
    rand::random_range(-1.0..=1.0)
}

impl Guarded {
    pub(super) fn new(key: Key, place: Place, clock: Arc<dyn Clock>, surroundings: Arc<Surroundings>) -> Self {
        let guarded = Self {
            key,
            machine: Mutex::new(Machine::new(place)),
            door: AtomicU64::new(SHUT),
            clock,
            surroundings,
        };
        drop(guarded.machine());
        guarded
    }

    /// The permit that everybody gets now, without waiting for anything.
    pub(super) fn pass(&self) -> Option<Permit> {
        let epoch = self.door.load(Ordering::Acquire);
        (epoch != SHUT).then_some(Permit { epoch, lease: false })
    }

    /// Asks the other replicas only when a trial is due.
    pub(super) async fn admit(&self, lease: Duration) -> Option<Permit> {
        if let Some(permit) = self.pass() {
            return Some(permit);
        }
        let trial = match self.surroundings.replicas.get() {
            Some(replicas) => self
                .machine()
                .trial(self.clock.now(), lease)
                .map(|trial| (replicas, trial)),
            None => None,
        };
        let Some((replicas, trial)) = trial else {
            return self.admit_alone(lease);
        };
        match replicas.lease(&self.scope(), &trial).await {
            Ok(Answer::Taken(epoch)) => self.admit_leased(lease, epoch),
            Ok(Answer::Refused(record)) => {
                self.adopt(&record);
                self.pass()
            }
            Err(_) => self.admit_alone(lease),
        }
    }

    fn admit_alone(&self, lease: Duration) -> Option<Permit> {
        let (permit, effects) = self.machine().admit(self.clock.now(), lease);
        self.carry_out(effects);
        permit
    }

    /// The trial of all replicas is this one's, unless something else has become of the breaker meanwhile: that is told
    /// then, and ends the trial.
    fn admit_leased(&self, lease: Duration, epoch: u64) -> Option<Permit> {
        let mut machine = self.machine();
        let now = self.clock.now();
        // Another request of this replica may have been refused by it and heard of it first.
        let (permit, effects) = match machine.trial_of(epoch, now) {
            Some(permit) => (Some(permit), Effects::default()),
            None => machine.admit(now, lease),
        };
        let is_trial = permit.is_some_and(|permit| permit.lease);
        let revision = if is_trial { machine.revision } else { 0 };
        machine.was_told(revision, epoch);
        if !is_trial {
            machine.revision += 1;
        }
        drop(machine);
        self.carry_out(effects);
        permit
    }

    /// Takes over what another replica told.
    pub(super) fn adopt(&self, record: &Record) {
        let effects = self.machine().adopt(record, self.clock.now());
        self.carry_out(effects);
    }

    /// All replicas together have had so many failures in a row.
    pub(super) fn counted(&self, failures: u32) {
        let effects = self.machine().counted(failures, self.clock.now(), any_jitter());
        self.carry_out(effects);
    }

    /// `backend` or `backend/model`.
    pub(super) fn scope(&self) -> String {
        match &self.key.model {
            Some(model) => format!("{}/{model}", self.key.backend),
            None => self.key.backend.to_string(),
        }
    }

    pub(super) fn tick(&self) {
        let effects = self.machine().tick(self.clock.now());
        self.carry_out(effects);
    }

    pub(super) fn set_place(&self, place: Place) {
        self.machine().set_place(place);
    }

    pub(super) fn admit_anyway(&self, now: Millis) -> Option<Permit> {
        self.machine().admit_anyway(now)
    }

    /// Returns the permit that fits the state afterwards.
    pub(super) fn tell(&self, event: Event, permit: Option<Permit>) -> Permit {
        self.tell_jittered(event, permit, 0.0)
    }

    pub(super) fn tell_jittered(&self, event: Event, permit: Option<Permit>, jitter: f64) -> Permit {
        let now = self.clock.now();
        let (effects, permit) = {
            let mut machine = self.machine();
            (machine.on(event, permit, now, jitter), machine.renewed())
        };
        self.carry_out(effects);
        permit
    }

    pub(super) fn tell_mark(&self, mark: Mark, error: &Error, permit: Permit) {
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

    pub(super) fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        self.machine().snapshot(now)
    }

    fn carry_out(&self, effects: Effects) {
        if effects.changed {
            self.log();
            // Nobody watching is fine.
            drop(self.surroundings.changes.send(self.key.clone()));
            self.surroundings.trouble.notify_waiters();
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

    pub(super) fn machine(&self) -> Held<'_> {
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        Held {
            news: machine.news(),
            machine,
            guarded: self,
        }
    }
}
