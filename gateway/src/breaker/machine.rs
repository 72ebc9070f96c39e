//! The state machine of one circuit breaker: events and `now` in, state and effects out. No I/O, no clock, no dice.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::window::Window;
use crate::clock::Millis;
use crate::provider::Class;

const BASE: Duration = Duration::from_secs(5);
const HARD_FOR: Duration = Duration::from_mins(30);
const MISSING_FOR: Duration = Duration::from_mins(10);
const LONGEST_WISH: Duration = Duration::from_hours(1);
const LEASE_LOST_FOR: Duration = Duration::from_secs(2);
const FORGET_TRIPS_AFTER: Duration = Duration::from_mins(10);
const FLAPPING_FOR: Duration = Duration::from_mins(1);
const FLAPPING_TWICE_WITHIN: Duration = Duration::from_secs(10);
/// A backend that a probe found down this recently is not worth a request, not even as the least bad one.
const PROBE_HOLDS_FOR: Duration = Duration::from_secs(10);

/// Where a backend is. A local one is probed for free and comes back soon; a remote one is asked less eagerly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Local,
    Cloud,
}

impl Place {
    fn cap(self) -> Duration {
        match self {
            Self::Local => Duration::from_mins(1),
            Self::Cloud => Duration::from_mins(5),
        }
    }

    /// Successful trial requests that close a half-open breaker.
    fn canaries(self) -> u8 {
        match self {
            Self::Local => 1,
            Self::Cloud => 2,
        }
    }
}

/// An open breaker always has an end, a half-open one always has a lease that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Closed,
    Open { until: Millis, trouble: Trouble },
    HalfOpen { lease_until: Millis, trouble: Trouble },
}

/// Why a breaker is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    pub class: Class,
    pub reason: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    Down,
    Failing,
    Hard,
    Missing,
    /// It asked to be left alone (rate limit, full queue). Not a failure: afterwards it is closed without a trial.
    Parked,
}

/// The failure behind an event, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    pub class: Class,
    pub reason: Arc<str>,
    /// How long the upstream asked to be left alone; at most an hour of it is granted.
    pub retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Plain,
    /// A warm model produced nothing in time.
    Slow,
    MidStream,
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What is guarded works: the host answered, or the model produced something.
    Works,
    /// A whole answer ended well.
    Finished,
    Failed(Failure, Why),
    Down(Why),
    Hard(Why),
    Missing(Why),
    Parked(Duration, Why),
    /// The attempt ended without telling anything, such as by the caller leaving.
    Nothing,
    ProbeWorks,
    ProbeFailed,
    /// The backend lists the model again.
    Listed,
    /// A person, or a changed configuration, wants a fresh start.
    Reset,
}

/// The right to try, given by [`Machine::admit`] and handed back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    epoch: u64,
    /// This is the one trial of a half-open breaker.
    pub lease: bool,
}

/// What the driver has to do after an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects {
    /// Tell whoever watches.
    pub changed: bool,
    /// Probe soon, to tell a real outage from a hiccup.
    pub confirm: bool,
}

/// How a breaker is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub state: Shown,
    pub reason: Option<Arc<str>>,
    pub class: Option<Class>,
    pub open_until: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Closed,
    Open,
    HalfOpen,
    HardDown,
    Missing,
}

/// What probes said since the breaker opened. The first one tells a hiccup from an outage; after an outage two in a
/// row must work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probes {
    None,
    Failed,
    WorkedOnce,
}

#[derive(Debug, Clone)]
pub struct Machine {
    place: Place,
    state: State,
    /// Raised by every change of state, so that an outcome that belongs to an earlier state is recognised.
    epoch: u64,
    /// Openings since the last long quiet time; doubles the next one.
    trips: u32,
    closed_at: Millis,
    canaries_passed: u8,
    probes: Probes,
    probe_failed_at: Option<Millis>,
    flapped_at: Option<Millis>,
    last_down: Option<Millis>,
    window: Window,
}

impl Machine {
    pub fn new(place: Place) -> Self {
        Self {
            place,
            state: State::Closed,
            epoch: 0,
            trips: 0,
            closed_at: Millis(0),
            canaries_passed: 0,
            probes: Probes::None,
            probe_failed_at: None,
            flapped_at: None,
            last_down: None,
            window: Window::default(),
        }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether a request may go ahead now. The trial of a half-open breaker gets a lease of `lease`; nobody else is let
    /// through while it lasts.
    pub fn admit(&mut self, now: Millis, lease: Duration) -> (Option<Permit>, Effects) {
        match &self.state {
            State::Closed => (Some(self.permit(false)), Effects::default()),
            State::Open { until, .. } if *until > now => (None, Effects::default()),
            State::Open { trouble, .. } if trouble.kind == TroubleKind::Parked => {
                self.set(State::Closed);
                (Some(self.permit(false)), CHANGED)
            }
            State::Open { trouble, .. } => {
                let trouble = trouble.clone();
                self.set(State::HalfOpen {
                    lease_until: now.plus(lease),
                    trouble,
                });
                (Some(self.permit(true)), CHANGED)
            }
            State::HalfOpen { lease_until, .. } if *lease_until > now => (None, Effects::default()),
            State::HalfOpen { trouble, .. } => {
                let trouble = trouble.clone();
                self.set(State::Open {
                    until: now.plus(LEASE_LOST_FOR),
                    trouble,
                });
                (None, CHANGED)
            }
        }
    }

    /// The right to try although the breaker is open, for the least bad target when none is good. `None` where trying
    /// is known to be useless.
    pub fn admit_anyway(&self, now: Millis) -> Option<Permit> {
        let trouble = match &self.state {
            State::Closed => return Some(self.permit(false)),
            State::HalfOpen { .. } => return None,
            State::Open { trouble, .. } => trouble,
        };
        let probed = self.probe_failed_at.is_some_and(|at| now.since(at) < PROBE_HOLDS_FOR);
        match trouble.kind {
            TroubleKind::Hard | TroubleKind::Missing => None,
            TroubleKind::Down if probed => None,
            TroubleKind::Down | TroubleKind::Failing | TroubleKind::Parked => Some(self.permit(false)),
        }
    }

    /// `permit` is that of the attempt which the event comes from, if it comes from one. `jitter` lies in -1 to 1 and
    /// spreads openings by a fifth, so that replicas do not come back in step.
    pub fn on(&mut self, event: Event, permit: Option<Permit>, now: Millis, jitter: f64) -> Effects {
        let stale = permit.is_some_and(|permit| permit.epoch != self.epoch);
        let leased = !stale && permit.is_some_and(|permit| permit.lease);
        match event {
            Event::Works => self.works(stale, leased, now),
            Event::Finished => {
                self.window.finished(now);
                Effects::default()
            }
            Event::Reset => self.close(now),
            Event::Listed => self.listed(now),
            Event::ProbeWorks => self.probe_works(now),
            Event::ProbeFailed => {
                self.probes = Probes::Failed;
                self.probe_failed_at = Some(now);
                Effects::default()
            }
            // Whatever it says about a state that is gone, this state learned more recently.
            _ if stale => Effects::default(),
            Event::Failed(failure, why) => self.failed(failure, why, leased, now, jitter),
            Event::Down(why) => self.down(why, leased, now, jitter),
            Event::Hard(why) => self.open(TroubleKind::Hard, why, now, jitter),
            Event::Missing(why) => self.open(TroubleKind::Missing, why, now, jitter),
            Event::Parked(time, why) => self.park(time, why, leased, now),
            Event::Nothing => self.hand_back(leased, now),
        }
    }

    /// The permit of an attempt that goes on after the state changed under it.
    pub fn renewed(&self) -> Permit {
        self.permit(false)
    }

    pub fn snapshot(&self, now: Millis) -> Snapshot {
        let (state, trouble, until) = match &self.state {
            State::Open { until, trouble } if trouble.kind == TroubleKind::Parked && *until <= now => {
                (Shown::Closed, None, None)
            }
            State::Closed => (Shown::Closed, None, None),
            State::Open { until, trouble } => {
                let shown = match trouble.kind {
                    TroubleKind::Hard => Shown::HardDown,
                    TroubleKind::Missing => Shown::Missing,
                    TroubleKind::Down | TroubleKind::Failing if *until <= now => Shown::HalfOpen,
                    TroubleKind::Down | TroubleKind::Failing | TroubleKind::Parked => Shown::Open,
                };
                (shown, Some(trouble), Some(*until))
            }
            State::HalfOpen { lease_until, trouble } => (Shown::HalfOpen, Some(trouble), Some(*lease_until)),
        };
        Snapshot {
            state,
            reason: trouble.map(|trouble| trouble.reason.clone()),
            class: trouble.map(|trouble| trouble.class),
            open_until: until,
        }
    }

    fn works(&mut self, stale: bool, leased: bool, now: Millis) -> Effects {
        let trouble = match &self.state {
            State::Closed => return Effects::default(),
            State::Open { trouble, .. } | State::HalfOpen { trouble, .. } => trouble,
        };
        // An answer that was under way when the key was refused or the model vanished proves nothing about now.
        if stale && matches!(trouble.kind, TroubleKind::Hard | TroubleKind::Missing) {
            return Effects::default();
        }
        if leased {
            self.canaries_passed += 1;
            if self.canaries_passed < self.place.canaries() {
                let trouble = trouble.clone();
                self.set(State::Open { until: now, trouble });
                return CHANGED;
            }
        }
        self.close(now)
    }

    fn failed(&mut self, failure: Failure, why: Why, leased: bool, now: Millis, jitter: f64) -> Effects {
        match self.state {
            State::Closed if self.window.failed(failure, now) => self.open(TroubleKind::Failing, why, now, jitter),
            State::HalfOpen { .. } if leased => self.open(TroubleKind::Failing, why, now, jitter),
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    /// One refused connection is enough, unless a probe has just shown that this host drops single connections.
    fn down(&mut self, why: Why, leased: bool, now: Millis, jitter: f64) -> Effects {
        match self.state {
            State::Open { .. } => return Effects::default(),
            State::HalfOpen { .. } if !leased => return Effects::default(),
            State::HalfOpen { .. } => {}
            State::Closed => {
                let flapping = self.flapped_at.is_some_and(|at| now.since(at) < FLAPPING_FOR);
                let second = self.last_down.is_some_and(|at| now.since(at) <= FLAPPING_TWICE_WITHIN);
                self.last_down = Some(now);
                if flapping && !second {
                    return Effects::default();
                }
            }
        }
        Effects {
            confirm: true,
            ..self.open(TroubleKind::Down, why, now, jitter)
        }
    }

    fn park(&mut self, time: Duration, why: Why, leased: bool, now: Millis) -> Effects {
        let until = now.plus(why.retry_after.unwrap_or(time).min(LONGEST_WISH));
        match &mut self.state {
            State::Closed => {
                self.set(State::Open {
                    until,
                    trouble: why.into_trouble(TroubleKind::Parked),
                });
                CHANGED
            }
            State::Open { until: end, .. } => {
                *end = until.max(*end);
                CHANGED
            }
            State::HalfOpen { trouble, .. } if leased => {
                let trouble = trouble.clone();
                self.set(State::Open { until, trouble });
                CHANGED
            }
            State::HalfOpen { .. } => Effects::default(),
        }
    }

    fn hand_back(&mut self, leased: bool, now: Millis) -> Effects {
        match &self.state {
            State::HalfOpen { trouble, .. } if leased => {
                let trouble = trouble.clone();
                self.set(State::Open { until: now, trouble });
                CHANGED
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    /// A probe proves that the host can be reached, and nothing else: not that a model runs or that a key is good.
    fn probe_works(&mut self, now: Millis) -> Effects {
        self.probe_failed_at = None;
        let down = match &self.state {
            State::Open { trouble, .. } | State::HalfOpen { trouble, .. } => trouble.kind == TroubleKind::Down,
            State::Closed => false,
        };
        if !down {
            return Effects::default();
        }
        match self.probes {
            Probes::None => {
                self.flapped_at = Some(now);
                self.close(now)
            }
            Probes::Failed => {
                self.probes = Probes::WorkedOnce;
                Effects::default()
            }
            Probes::WorkedOnce => self.close(now),
        }
    }

    fn listed(&mut self, now: Millis) -> Effects {
        match &self.state {
            State::Open { trouble, .. } | State::HalfOpen { trouble, .. } if trouble.kind == TroubleKind::Missing => {
                self.close(now)
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    fn open(&mut self, kind: TroubleKind, why: Why, now: Millis, jitter: f64) -> Effects {
        if self.is_closed() && now.since(self.closed_at) >= FORGET_TRIPS_AFTER {
            self.trips = 0;
        }
        self.trips = self.trips.saturating_add(1);
        let time = match kind {
            TroubleKind::Hard => HARD_FOR,
            TroubleKind::Missing => MISSING_FOR,
            TroubleKind::Down | TroubleKind::Failing | TroubleKind::Parked => {
                let doubled = BASE.saturating_mul(1 << (self.trips - 1).min(16));
                doubled
                    .min(self.place.cap())
                    .mul_f64(1.0 + 0.2 * jitter.clamp(-1.0, 1.0))
            }
        };
        let wish = why.retry_after.unwrap_or_default().min(LONGEST_WISH);
        self.set(State::Open {
            until: now.plus(time.max(wish)),
            trouble: why.into_trouble(kind),
        });
        self.canaries_passed = 0;
        self.probes = Probes::None;
        self.probe_failed_at = None;
        CHANGED
    }

    fn close(&mut self, now: Millis) -> Effects {
        if self.is_closed() {
            return Effects::default();
        }
        self.set(State::Closed);
        self.closed_at = now;
        self.canaries_passed = 0;
        self.window = Window::default();
        CHANGED
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    fn set(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }

    fn permit(&self, lease: bool) -> Permit {
        Permit {
            epoch: self.epoch,
            lease,
        }
    }
}

const CHANGED: Effects = Effects {
    changed: true,
    confirm: false,
};

impl Why {
    fn into_trouble(self, kind: TroubleKind) -> Trouble {
        Trouble {
            kind,
            class: self.class,
            reason: self.reason,
        }
    }
}
