//! Judges from what it sees, and by its own monotonic time alone, which instances are dead.

use std::collections::HashMap;
use std::time::Duration;

use jarvis_memory::Beat;
use tokio::time::Instant;

/// An instance whose counter stands still for so long is dead. It counts every other second.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(10);
/// Who has not looked for so long cannot tell whether others stood still meanwhile: the database was away from all, or this
/// process itself did not run.
const GAP: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Watcher {
    seen: HashMap<String, (Beat, Instant)>,
    looked_at: Option<Instant>,
}

/// What a look has found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// They stand still: to be declared dead.
    pub(super) still: Vec<Beat>,
    /// Some that were there are gone.
    pub(super) any_gone: bool,
}

impl Watcher {
    pub(super) fn look(&mut self, me: &str, beats: Vec<Beat>, now: Instant) -> Found {
        let was_away = self.looked_at.is_some_and(|at| now.duration_since(at) > GAP);
        self.looked_at = Some(now);
        let mut found = Found::default();
        let mut seen = HashMap::new();
        for beat in beats.into_iter().filter(|beat| beat.id != me) {
            let since = match self.seen.remove(&beat.id) {
                Some((before, since)) if before == beat && !was_away => since,
                Some(_) | None => now,
            };
            if now.duration_since(since) >= DEAD_AFTER {
                found.still.push(beat.clone());
            }
            seen.insert(beat.id.clone(), (beat, since));
        }
        found.any_gone = !self.seen.is_empty();
        self.seen = seen;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(id: &str, beats: i64) -> Beat {
        Beat {
            id: id.into(),
            name: String::new(),
            beats,
        }
    }

    /// Looks at these seconds and counters of `b`; those at which it is found dead.
    fn check(looks: &[(u64, i64)], expect: &[u64]) {
        let (begin, mut watcher) = (Instant::now(), Watcher::default());
        let dead = looks.iter().filter(|(second, beats)| {
            let now = begin + Duration::from_secs(*second);
            let found = watcher.look("a", vec![beat("a", 1), beat("b", *beats)], now);
            found.still == [beat("b", *beats)]
        });
        let dead: Vec<u64> = dead.map(|(second, _)| *second).collect();
        assert_eq!(dead, expect, "{looks:?}");
    }

    #[test]
    fn dead_is_who_was_seen_to_stand_still() {
        check(&[(0, 1), (2, 2), (4, 3), (14, 4), (16, 5)], &[]);
        check(&[(0, 1), (4, 1), (8, 1), (9, 1), (10, 1), (12, 1)], &[10, 12]);
        // It counted in between.
        check(
            &[(0, 1), (4, 1), (8, 1), (9, 2), (10, 2), (14, 2), (18, 2), (19, 2)],
            &[19],
        );
        // Nobody looked in between.
        check(&[(0, 1), (4, 1), (30, 1), (34, 1), (38, 1), (40, 1)], &[40]);
    }

    #[test]
    fn who_is_gone_is_noticed_once() {
        let (now, mut watcher) = (Instant::now(), Watcher::default());
        assert!(!watcher.look("a", vec![beat("b", 1)], now).any_gone);
        assert!(watcher.look("a", vec![], now).any_gone);
        assert!(!watcher.look("a", vec![], now).any_gone);
    }
}
