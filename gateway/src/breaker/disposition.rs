//! What each class of failure means: for the breakers, for another try, for the next target.

use std::time::Duration;

use super::state::Failure;
use crate::provider::Class;

/// What the chain does about a failure. A function of the class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposition {
    /// What the backend's breaker is told.
    pub backend: Mark,
    /// What the model's breaker is told.
    pub model: Mark,
    /// Whether the same target is asked once more. Only before anything was committed.
    pub retry: Retry,
    pub next: Next,
}

/// What one breaker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The failure says nothing about what this breaker guards.
    Nothing,
    /// It answered, so it works, whatever the answer was.
    Works,
    /// Counts towards opening.
    Failed(Failure),
    /// Opens at once.
    Down,
    /// Opens for long: only a person can mend it.
    Hard,
    /// Opens until the backend lists the model.
    Missing,
    /// Left alone for as long as it asked for, or this long, without counting as a failure.
    Park(Duration),
}

/// Whether the same target is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    After(Duration),
    /// After the time that the upstream asked for.
    AsAsked,
}

/// Whether another target is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Any,
    /// Only a target whose context is larger, or not known.
    LargerContext,
    /// The failure goes to the caller as it is.
    Relay,
}

impl Class {
    pub fn disposition(self) -> Disposition {
        use Mark::{Down, Failed, Hard, Missing, Nothing, Park, Works};
        let (backend, model, retry, next) = match self {
            Self::HostDown => (Down, Nothing, Retry::Never, Next::Any),
            Self::Transport => (Nothing, Failed(Failure::Plain), Retry::After(Duration::ZERO), Next::Any),
            Self::TtftTimeout => (Nothing, Failed(Failure::Slow), Retry::Never, Next::Any),
            Self::ColdSlow | Self::OverBudget | Self::OverBound | Self::NoPrice | Self::Privacy => {
                (Nothing, Nothing, Retry::Never, Next::Any)
            }
            Self::IdleTimeout => (Works, Failed(Failure::MidStream), Retry::Never, Next::Any),
            // Ollama starts its crashed runner again on the next request.
            Self::Upstream5xx | Self::Transient => (
                Works,
                Failed(Failure::Plain),
                Retry::After(Duration::from_millis(300)),
                Next::Any,
            ),
            Self::Saturated => (Works, Park(Duration::from_secs(2)), Retry::Never, Next::Any),
            Self::RateShort => (Works, Nothing, Retry::AsAsked, Next::Any),
            Self::RateLong => (Park(Duration::from_secs(10)), Nothing, Retry::Never, Next::Any),
            Self::HardDown => (Hard, Nothing, Retry::Never, Next::Any),
            Self::ModelMissing => (Works, Missing, Retry::Never, Next::Any),
            Self::Capability | Self::Loop => (Works, Nothing, Retry::Never, Next::Any),
            Self::NoCall => (Works, Nothing, Retry::After(Duration::ZERO), Next::Any),
            Self::ContextLength => (Works, Nothing, Retry::Never, Next::LargerContext),
            Self::ClientFault | Self::Policy => (Works, Nothing, Retry::Never, Next::Relay),
            Self::Decode | Self::Truncated => (Works, Failed(Failure::Plain), Retry::Never, Next::Any),
            Self::Empty => (Works, Failed(Failure::Empty), Retry::Never, Next::Any),
            Self::Cancelled | Self::CallerDeadline => (Nothing, Nothing, Retry::Never, Next::Relay),
        };
        Disposition {
            backend,
            model,
            retry,
            next,
        }
    }
}
