//! Time as an argument, so that no state machine has to be waited for in a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Wall-clock time in milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;

    /// By how many milliseconds it is known to be ahead of the machine's own clock. Ids that are ordered by time are made
    /// with it.
    fn ahead(&self) -> i64 {
        0
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn now(&self) -> Millis {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The machine's clock, put right by another that several machines go by: the order of what they write is then that of its
/// making, and what one lets end in a minute is not over for another.
#[derive(Debug, Clone, Default)]
pub struct Corrected(Arc<AtomicI64>);

/// A difference below this is left: it is within what asking for the time takes, and steps are worse than a little drift.
const STEP_MILLIS: i64 = 500;

impl Corrected {
    /// The other clock says `now`. Returns by how much this one was changed, when it was.
    pub fn follow(&self, now: Millis) -> Option<i64> {
        let step = now.0.saturating_sub(self.now().0);
        if step.abs() < STEP_MILLIS {
            return None;
        }
        self.0.fetch_add(step, Ordering::SeqCst);
        Some(step)
    }
}

impl Clock for Corrected {
    fn now(&self) -> Millis {
        Millis(System.now().0.saturating_add(self.ahead()))
    }

    fn ahead(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone, Default)]
pub struct Fixed(Arc<AtomicI64>);

impl Fixed {
    pub fn at(now: Millis) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    pub fn advance(&self, by: std::time::Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for Fixed {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrected_clock_follows_in_steps() {
        let clock = Corrected::default();
        let hour = 3_600_000;
        assert_eq!(clock.follow(Millis(System.now().0 + STEP_MILLIS / 10)), None);
        let step = clock.follow(Millis(System.now().0 - hour)).expect("an hour");
        assert!((step + hour).abs() < STEP_MILLIS, "{step}");
        assert_eq!((clock.ahead(), clock.clone().ahead()), (step, step));
        assert!((clock.now().0 - System.now().0 + hour).abs() < STEP_MILLIS);
        assert_eq!(clock.follow(clock.now()), None);
        assert!(clock.follow(System.now()).is_some_and(|step| step > 0));
    }
}
