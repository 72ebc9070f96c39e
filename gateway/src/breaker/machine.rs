//! The state machine of one circuit breaker: events and `now` in, state and effects out. No I/O, no clock, no dice.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sharing::Sharing;
use super::state::{Effects, Event, Failure, Forced, ForcedTo, Permit, Place, State, TroubleKind, Why};
use super::window::Window;
use crate::clock::Millis;

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
/// Two failed probes in a row are 5 s apart, plus what the second one took.
const TWO_PROBES_WITHIN: Duration = Duration::from_secs(15);

/// What probes said since the breaker opened. The first one tells a hiccup from an outage; after an outage two in a
/// row must work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Probes {
    None,
    Failed,
    WorkedOnce,
    WorkedTwice,
}

#[derive(Debug, Clone)]
pub struct Machine {
    place: Place,
    state: State,
    /// Raised by every change of state, so that an outcome that belongs to an earlier state is recognised.
    epoch: u64,
    /// Raised by every change that other replicas should hear of.
    pub(super) revision: u64,
    pub(super) sharing: Sharing,
    /// Openings since the last long quiet time; doubles the next one.
    pub(super) trips: u32,
    pub(super) closed_at: Millis,
    pub(super) canaries_passed: u8,
    pub(super) probes: Probes,
    probe_failed_at: Option<Millis>,
    pub(super) forced: Option<Forced>,
    flapped_at: Option<Millis>,
    last_down: Option<Millis>,
    pub(super) window: Window,
}

impl Machine {
    pub fn new(place: Place) -> Self {
        Self {
            place,
            state: State::Closed,
            epoch: 0,
            revision: 0,
            sharing: Sharing::default(),
            trips: 0,
            closed_at: Millis(0),
            canaries_passed: 0,
            probes: Probes::None,
            probe_failed_at: None,
            forced: None,
            flapped_at: None,
            last_down: None,
            window: Window::default(),
        }
    }

    /// The backend was configured anew.
    pub(super) fn set_place(&mut self, place: Place) {
        self.place = place;
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether a request may go ahead now. The trial of a half-open breaker gets a lease of `lease`; nobody else is let
    /// through while it lasts.
    pub fn admit(&mut self, now: Millis, lease: Duration) -> (Option<Permit>, Effects) {
        match self.forced_to(now) {
            Some(ForcedTo::Open) => return (None, Effects::default()),
            Some(ForcedTo::Closed) => return (Some(self.permit(false)), Effects::default()),
            None => {}
        }
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
            State::HalfOpen { .. } => (None, self.lose_lease(now)),
        }
    }

    /// The right to the trial that is under way under this epoch of all replicas, for whoever was given it.
    pub(super) fn trial_of(&self, epoch: u64, now: Millis) -> Option<Permit> {
        match self.state {
            State::HalfOpen { lease_until, .. } if lease_until > now && self.sharing.epoch == epoch => {
                Some(self.permit(true))
            }
            State::HalfOpen { .. } | State::Open { .. } | State::Closed => None,
        }
    }

    /// The right to try although the breaker is open, for the least bad target when none is good. `None` where trying
    /// is known to be useless.
    pub fn admit_anyway(&self, now: Millis) -> Option<Permit> {
        match self.forced_to(now) {
            Some(ForcedTo::Open) => return None,
            Some(ForcedTo::Closed) => return Some(self.permit(false)),
            None => {}
        }
        let trouble = match &self.state {
            State::Closed => return Some(self.permit(false)),
            State::HalfOpen { .. } => return None,
            State::Open { trouble, .. } => trouble,
        };
        let probed = self.probe_failed_at.is_some_and(|at| now.since(at) < PROBE_HOLDS_FOR);
        match trouble.kind {
            TroubleKind::Key | TroubleKind::Money | TroubleKind::Missing => None,
            TroubleKind::Down if probed => None,
            TroubleKind::Down | TroubleKind::Failing | TroubleKind::Parked => Some(self.permit(false)),
        }
    }

    /// `permit` is that of the attempt which the event comes from, if it comes from one. `jitter` lies in -1 to 1 and
    /// spreads openings by a fifth, so that replicas do not come back in step.
    pub fn on(&mut self, event: Event, permit: Option<Permit>, now: Millis, jitter: f64) -> Effects {
        let stale = permit.is_some_and(|permit| permit.epoch != self.epoch);
        let leased = !stale && permit.is_some_and(|permit| permit.lease);
        let held_closed = self.forced_to(now) == Some(ForcedTo::Closed);
        match event {
            Event::Forced(forced) => self.force(forced, now),
            Event::Works => self.works(stale, leased, now),
            Event::Finished => {
                self.window.finished(now);
                self.note_success();
                Effects::default()
            }
            Event::Reset => self.reset(now),
            Event::Replaced => self.forget(now),
            Event::Listed => self.close_if(&[TroubleKind::Missing], now),
            Event::Unlisted => {
                if let State::Open { until, trouble } = &mut self.state
                    && trouble.kind == TroubleKind::Missing
                {
                    *until = now.plus(MISSING_FOR);
                    self.revision += 1;
                }
                Effects::default()
            }
            Event::KeyWorks => self.close_if(&[TroubleKind::Key], now),
            Event::ProbeWorks => self.probe_works(now),
            _ if held_closed => Effects::default(),
            Event::ProbeFailed(why) => self.probe_failed(why, now, jitter),
            // Whatever it says about a state that is gone, this state learned more recently.
            _ if stale => Effects::default(),
            Event::Failed(failure, why) => self.failed(failure, why, leased, now, jitter),
            Event::Down(why) => self.down(why, leased, now, jitter),
            Event::KeyRefused(why) => self.open(TroubleKind::Key, why, now, jitter),
            Event::MoneyGone(why) => self.open(TroubleKind::Money, why, now, jitter),
            Event::Missing(why) => self.open(TroubleKind::Missing, why, now, jitter),
            Event::Parked(time, why) => self.park(time, why, leased, now),
            Event::Nothing => self.hand_back(leased, now),
        }
    }

    /// Forgets a forced state whose time is over, and takes a trial back that nobody ended. To be called now and then,
    /// so that whoever watches is told.
    pub fn tick(&mut self, now: Millis) -> Effects {
        if self.forced.is_some() && self.forced_to(now).is_none() {
            self.forced = None;
            self.revision += 1;
            return CHANGED;
        }
        match &self.state {
            State::HalfOpen { lease_until, .. } if *lease_until <= now => self.lose_lease(now),
            State::Open { until, trouble } if trouble.kind == TroubleKind::Parked && *until <= now => {
                self.set(State::Closed);
                CHANGED
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    /// Openings since the last ten quiet minutes.
    pub fn trips(&self) -> u32 {
        self.trips
    }

    /// The permit that everybody gets, while everybody gets one.
    pub(super) fn open_door(&self) -> Option<Permit> {
        (self.is_closed() && self.forced.is_none()).then(|| self.permit(false))
    }

    /// The permit of an attempt that goes on after the state changed under it.
    pub fn renewed(&self) -> Permit {
        self.permit(false)
    }

    fn works(&mut self, stale: bool, leased: bool, now: Millis) -> Effects {
        let trouble = match &self.state {
            State::Closed => {
                self.probe_failed_at = None;
                return Effects::default();
            }
            State::Open { trouble, .. } | State::HalfOpen { trouble, .. } => trouble,
        };
        // An answer that was under way when the key was refused or the model vanished proves nothing about now.
        if stale
            && matches!(
                trouble.kind,
                TroubleKind::Key | TroubleKind::Money | TroubleKind::Missing
            )
        {
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
            State::Closed => {
                self.note_failure(failure, why);
                Effects::default()
            }
            State::HalfOpen { .. } if leased => self.open(TroubleKind::Failing, why, now, jitter),
            State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    /// One refused connection is enough, unless a probe has just shown that this host drops single connections.
    fn down(&mut self, why: Why, leased: bool, now: Millis, jitter: f64) -> Effects {
        match self.state {
            State::Open { .. } => return Effects::default(),
            State::HalfOpen { .. } if !leased => return Effects::default(),
            State::HalfOpen { .. } => {
                let effects = self.open(TroubleKind::Down, why, now, jitter);
                // This is no hiccup, so a single probe does not close it again.
                self.probes = Probes::Failed;
                return effects;
            }
            State::Closed => {
                let flapping = self.flapped_at.is_some_and(|at| now.since(at) < FLAPPING_FOR);
                let second = self.last_down.is_some_and(|at| now.since(at) <= FLAPPING_TWICE_WITHIN);
                self.last_down = Some(now);
                if flapping && !second {
                    return Effects::default();
                }
            }
        }
        self.open(TroubleKind::Down, why, now, jitter)
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

    /// A probe proves that the host can be reached, and nothing else: not that a model runs or that a key is good. So
    /// after an outage a request has to prove the rest.
    fn probe_works(&mut self, now: Millis) -> Effects {
        self.probe_failed_at = None;
        let trouble = match &self.state {
            State::Open { trouble, .. } if trouble.kind == TroubleKind::Down => trouble.clone(),
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => return Effects::default(),
        };
        match self.probes {
            Probes::None => {
                self.flapped_at = Some(now);
                self.close(now)
            }
            Probes::Failed => {
                self.probes = Probes::WorkedOnce;
                self.revision += 1;
                Effects::default()
            }
            Probes::WorkedOnce => {
                self.probes = Probes::WorkedTwice;
                self.set(State::Open { until: now, trouble });
                CHANGED
            }
            Probes::WorkedTwice => Effects::default(),
        }
    }

    fn probe_failed(&mut self, why: Why, now: Millis, jitter: f64) -> Effects {
        let before = self.probe_failed_at.replace(now);
        let worked = std::mem::replace(&mut self.probes, Probes::Failed);
        if worked != Probes::Failed && !self.is_closed() {
            self.revision += 1;
        }
        match &self.state {
            State::Closed if before.is_some_and(|at| now.since(at) <= TWO_PROBES_WITHIN) => {
                let effects = self.open(TroubleKind::Down, why, now, jitter);
                self.probes = Probes::Failed;
                self.probe_failed_at = Some(now);
                effects
            }
            // It was about to be tried and is away again.
            State::Open { until, trouble } if worked == Probes::WorkedTwice && trouble.kind == TroubleKind::Down => {
                let until = now.plus(self.open_for(jitter)).max(*until);
                self.set(State::Open {
                    until,
                    trouble: why.into_trouble(TroubleKind::Down),
                });
                CHANGED
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    fn force(&mut self, forced: Forced, now: Millis) -> Effects {
        if forced.to == ForcedTo::Closed {
            self.close(now);
        }
        self.forced = Some(forced);
        self.insist();
        CHANGED
    }

    fn reset(&mut self, now: Millis) -> Effects {
        let was_forced = self.forced.take().is_some();
        let forgot = self.forget(now);
        self.insist();
        Effects {
            changed: was_forced || forgot.changed,
        }
    }

    fn forget(&mut self, now: Millis) -> Effects {
        let effects = self.close(now);
        self.trips = 0;
        self.flapped_at = None;
        self.probe_failed_at = None;
        self.window = Window::default();
        effects
    }

    fn close_if(&mut self, kinds: &[TroubleKind], now: Millis) -> Effects {
        match &self.state {
            State::Open { trouble, .. } | State::HalfOpen { trouble, .. } if kinds.contains(&trouble.kind) => {
                self.close(now)
            }
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Effects::default(),
        }
    }

    fn lose_lease(&mut self, now: Millis) -> Effects {
        if let State::HalfOpen { trouble, .. } = &self.state {
            let trouble = trouble.clone();
            self.set(State::Open {
                until: now.plus(LEASE_LOST_FOR),
                trouble,
            });
        }
        CHANGED
    }

    pub(super) fn open(&mut self, kind: TroubleKind, why: Why, now: Millis, jitter: f64) -> Effects {
        if self.is_closed() && now.since(self.closed_at) >= FORGET_TRIPS_AFTER {
            self.trips = 0;
        }
        self.trips = self.trips.saturating_add(1);
        let time = match kind {
            TroubleKind::Key | TroubleKind::Money => HARD_FOR,
            TroubleKind::Missing => MISSING_FOR,
            TroubleKind::Down | TroubleKind::Failing | TroubleKind::Parked => self.open_for(jitter),
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

    fn open_for(&self, jitter: f64) -> Duration {
        let doubled = BASE.saturating_mul(1 << self.trips.saturating_sub(1).min(16));
        let time = doubled.min(self.place.cap());
        time.mul_f64(1.0 + 0.2 * jitter.clamp(-1.0, 1.0))
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

    fn forced_to(&self, now: Millis) -> Option<ForcedTo> {
        let forced = self.forced.as_ref().filter(|forced| forced.until > now)?;
        Some(forced.to)
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(super) fn set(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
        self.revision += 1;
    }

    fn permit(&self, lease: bool) -> Permit {
        Permit {
            epoch: self.epoch,
            lease,
        }
    }
}

const CHANGED: Effects = Effects { changed: true };
