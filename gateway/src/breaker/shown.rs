//! How a breaker is shown to people and programs.

use super::machine::Machine;
use super::state::{ForcedTo, Shown, Snapshot, State, TroubleKind};
use crate::clock::Millis;

impl Machine {
    pub fn snapshot(&self, now: Millis) -> Snapshot {
        if let Some(forced) = self.forced.as_ref().filter(|forced| forced.until > now) {
            let (state, word) = match forced.to {
                ForcedTo::Open => (Shown::Open, "open"),
                ForcedTo::Closed => (Shown::Closed, "closed"),
            };
            return Snapshot {
                state,
                reason: Some(format!("held {word} by {}", forced.by).into()),
                class: None,
                open_until: (forced.to == ForcedTo::Open).then_some(forced.until),
                forced: Some(forced.clone()),
            };
        }
        let (state, trouble, until) = match self.state() {
            State::Open { until, trouble } if trouble.kind == TroubleKind::Parked && *until <= now => {
                (Shown::Closed, None, None)
            }
            State::Closed => (Shown::Closed, None, None),
            State::Open { until, trouble } => {
                let shown = match trouble.kind {
                    TroubleKind::Key | TroubleKind::Money => Shown::HardDown,
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
            forced: None,
        }
    }
}
