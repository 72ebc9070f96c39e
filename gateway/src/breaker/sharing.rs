//! What a state machine tells the machines of other replicas, and takes over from them.

use std::time::Duration;

use super::machine::Machine;
use super::replicas::{Details, Phase, Record};
use super::state::{Effects, Failure, Forced, State, TroubleKind, Why};
use super::window::Window;
use crate::clock::Millis;

/// So many failures in a row open a breaker, whoever had them.
pub(super) const TOGETHER: u32 = 3;

/// What one machine has told and heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Sharing {
    /// Of the last state that was told or heard.
    pub(super) epoch: u64,
    /// [`Machine::revision`] of it.
    told: u64,
    /// A person wants the state that was not told yet.
    over: bool,
    /// It was asked for at least once.
    pub(super) is_known: bool,
    /// Failures that were not told yet, and the last of them.
    failures: u32,
    why: Option<Why>,
    /// Failures, and ends of them, since it began.
    noted: u64,
    together: Together,
}

/// Failures in a row of all replicas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Together {
    #[default]
    None,
    Some,
    /// A success here has ended them, and was not told yet.
    Ended,
}

impl Machine {
    /// The state, for others. Its epoch is the one that it was decided on.
    pub(super) fn record(&self, now: Millis) -> Record {
        let (phase, until, trouble) = match self.state() {
            State::Closed => (Phase::Closed, None, None),
            State::Open { until, trouble } => (Phase::Open, Some(*until), Some(trouble)),
            State::HalfOpen { lease_until, trouble } => (Phase::HalfOpen, Some(*lease_until), Some(trouble)),
        };
        let left = |until: Option<Millis>| until.map_or(Duration::ZERO, |until| until.since(now));
        let forced = self.forced.as_ref().filter(|forced| forced.until > now);
        Record {
            epoch: self.sharing.epoch,
            phase,
            left: left(until),
            forced_left: left(forced.map(|forced| forced.until)),
            details: Details {
                trouble: trouble.cloned(),
                trips: self.trips(),
                canaries: self.canaries_passed,
                probes: self.probes,
                forced: forced.map(|forced| (forced.to, forced.by.clone())),
            },
        }
    }

    /// The half-open state that a trial of `lease` would make; `None` when none is due.
    pub(super) fn trial(&self, now: Millis, lease: Duration) -> Option<Record> {
        let is_forced = self.forced.as_ref().is_some_and(|forced| forced.until > now);
        match self.state() {
            State::Open { until, trouble } if !is_forced && *until <= now && trouble.kind != TroubleKind::Parked => {
                Some(Record {
                    phase: Phase::HalfOpen,
                    left: lease,
                    ..self.record(now)
                })
            }
            State::Open { .. } | State::Closed | State::HalfOpen { .. } => None,
        }
    }

    /// Takes over what another replica told, unless it is older than what is known.
    pub(super) fn adopt(&mut self, record: &Record, now: Millis) -> Effects {
        self.sharing.is_known = true;
        // What a person wants is told before anything else is heard.
        if record.epoch <= self.sharing.epoch || self.sharing.over {
            return Effects::default();
        }
        let Record { details, .. } = record;
        let until = now.plus(record.left);
        let state = match (record.phase, &details.trouble) {
            (Phase::Open, Some(trouble)) => State::Open {
                until,
                trouble: trouble.clone(),
            },
            (Phase::HalfOpen, Some(trouble)) => State::HalfOpen {
                lease_until: until,
                trouble: trouble.clone(),
            },
            (Phase::Closed, _) | (Phase::Open | Phase::HalfOpen, None) => State::Closed,
        };
        let was_closed = *self.state() == State::Closed;
        if state != State::Closed {
            self.set(state);
        } else if !was_closed {
            self.set(State::Closed);
            self.closed_at = now;
            self.window = Window::default();
        }
        self.trips = details.trips;
        self.canaries_passed = details.canaries;
        self.probes = details.probes;
        let forced = details.forced.clone().filter(|_| !record.forced_left.is_zero());
        self.forced = forced.map(|(to, by)| Forced {
            to,
            until: now.plus(record.forced_left),
            by,
        });
        self.sharing.epoch = record.epoch;
        self.sharing.told = self.revision;
        self.sharing.over = false;
        Effects { changed: true }
    }

    /// The state as it was at `revision` holds for everybody, under this epoch.
    pub(super) fn was_told(&mut self, revision: u64, epoch: u64) {
        self.sharing.is_known = true;
        self.sharing.epoch = self.sharing.epoch.max(epoch);
        self.sharing.told = self.sharing.told.max(revision);
        if self.revision == revision {
            self.sharing.over = false;
        }
    }

    /// The state that is to be told, with its revision, and whether it wins over anything newer.
    pub(super) fn untold(&self, now: Millis) -> Option<(Record, u64, bool)> {
        let is_untold = self.sharing.told < self.revision;
        is_untold.then(|| (self.record(now), self.revision, self.sharing.over))
    }

    /// Whoever shared it does not know of it (any more).
    pub(super) fn is_forgotten(&mut self) {
        self.sharing.is_known = true;
        let is_forced = self.forced.is_some();
        if *self.state() != State::Closed || is_forced {
            self.revision += 1;
        }
    }

    /// A person wants what has just changed, whatever others tell.
    pub(super) fn insist(&mut self) {
        self.revision += 1;
        self.sharing.over = true;
    }

    /// Failures of a closed breaker that others have not heard of; none says that a success has ended them.
    pub(super) fn uncounted(&mut self) -> Option<u32> {
        if self.sharing.together == Together::Ended {
            self.sharing.together = Together::None;
            self.sharing.failures = 0;
            return Some(0);
        }
        let failures = std::mem::take(&mut self.sharing.failures);
        (failures > 0).then_some(failures)
    }

    /// All replicas together have had so many in a row.
    pub(super) fn counted(&mut self, failures: u32, now: Millis, jitter: f64) -> Effects {
        self.sharing.together = if failures > 0 { Together::Some } else { Together::None };
        match self.sharing.why.clone() {
            Some(why) if failures >= TOGETHER && *self.state() == State::Closed => {
                self.open(TroubleKind::Failing, why, now, jitter)
            }
            Some(_) | None => Effects::default(),
        }
    }

    /// Raised by everything that others should hear of.
    pub(super) fn news(&self) -> u64 {
        self.revision + self.sharing.noted
    }

    pub(super) fn note_failure(&mut self, failure: Failure, why: Why) {
        if failure != Failure::Empty {
            self.sharing.failures = self.sharing.failures.saturating_add(1);
            self.sharing.noted += 1;
            self.sharing.why = Some(why);
        }
    }

    pub(super) fn note_success(&mut self) {
        self.sharing.failures = 0;
        if self.sharing.together == Together::Some {
            self.sharing.together = Together::Ended;
            self.sharing.noted += 1;
        }
    }
}
