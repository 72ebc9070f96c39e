//! The words of a circuit breaker: its states, what it is told, what it answers.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::provider::Class;

/// Where a backend is. A local one is probed for free and comes back soon; a remote one is asked less eagerly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Local,
    Cloud,
}

impl Place {
    pub(super) fn cap(self) -> Duration {
        match self {
            Self::Local => Duration::from_mins(1),
            Self::Cloud => Duration::from_mins(5),
        }
    }

    /// Successful trial requests that close a half-open breaker.
    pub(super) fn canaries(self) -> u8 {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub kind: TroubleKind,
    pub class: Class,
    pub reason: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    Down,
    Failing,
    /// The key is not accepted. A free question tells when it is again.
    Key,
    /// There is no money left; nothing tells when there is again.
    Money,
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
    /// The key was refused.
    KeyRefused(Why),
    /// Payment is due.
    MoneyGone(Why),
    Missing(Why),
    Parked(Duration, Why),
    /// The attempt ended without telling anything, such as by the caller leaving.
    Nothing,
    ProbeWorks,
    ProbeFailed(Why),
    /// The backend lists the model again.
    Listed,
    /// The backend was asked again and does not have the model yet.
    Unlisted,
    /// A free question showed that the key is accepted.
    KeyWorks,
    /// A person wants it open or closed, whatever happens, until then.
    Forced(Forced),
    /// The configuration names another server or another key now.
    Replaced,
    /// A person wants a fresh start, and lets go of what was forced.
    Reset,
}

/// The right to try, given by [`Machine::admit`](super::Machine::admit) and handed back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    pub(super) epoch: u64,
    /// This is the one trial of a half-open breaker.
    pub lease: bool,
}

/// A state that a person set. It ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forced {
    pub to: ForcedTo,
    pub until: Millis,
    /// Who did it, for people: `owner by console`.
    pub by: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcedTo {
    /// Nothing is let through.
    Open,
    /// Everything is let through, and failures do not count.
    Closed,
}

/// What the driver has to do after an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects {
    /// Tell whoever watches.
    pub changed: bool,
}

/// How a breaker is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub state: Shown,
    pub reason: Option<Arc<str>>,
    pub class: Option<Class>,
    pub open_until: Option<Millis>,
    /// Set while a person holds it in this state.
    pub forced: Option<Forced>,
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

impl Why {
    pub(super) fn into_trouble(self, kind: TroubleKind) -> Trouble {
        Trouble {
            kind,
            class: self.class,
            reason: self.reason,
        }
    }
}
