//! How much happened in the last minute.

use crate::clock::Millis;

const SLOTS: i64 = 600;
/// Milliseconds. Something counts for a minute, and for at most this much longer.
const SLOT: i64 = 100;

/// A sliding window of one minute in slots of a tenth of a second. Its size does not depend on what happens.
#[derive(Debug)]
pub(super) struct Window {
    slots: Box<[u32]>,
    sum: u64,
    /// The number of the newest slot, counted from 1970.
    newest: i64,
}

impl Window {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| 0).collect(),
            sum: 0,
            newest: slot(now),
        }
    }

    /// What happened in the minute before `now`. A clock that goes back for a moment changes nothing.
    pub(super) fn sum(&mut self, now: Millis) -> u64 {
        let now = slot(now);
        // A clock that was set back for long must not keep a caller out for as long.
        let is_set_back = now < self.newest - SLOTS;
        if is_set_back || now - self.newest >= SLOTS {
            self.slots.fill(0);
            self.sum = 0;
            self.newest = now;
        }
        while self.newest < now {
            self.newest += 1;
            let oldest = std::mem::take(self.at(self.newest));
            self.sum -= u64::from(oldest);
        }
        self.sum
    }

    /// Counts, and says where, so that it can be taken back.
    pub(super) fn add(&mut self, now: Millis, amount: u32) -> i64 {
        self.sum(now);
        let newest = self.newest;
        let slot = self.at(newest);
        let before = *slot;
        *slot = slot.saturating_add(amount);
        let added = *slot - before;
        self.sum += u64::from(added);
        newest
    }

    /// Takes back what [`Window::add`] counted at `place`, as far as it still counts.
    pub(super) fn take_back(&mut self, place: i64, amount: u32) {
        if place > self.newest || self.newest - place >= SLOTS {
            return;
        }
        let slot = self.at(place);
        let taken = amount.min(*slot);
        *slot -= taken;
        self.sum -= u64::from(taken);
    }

    /// How long until at most `most` is left of what counts now, in milliseconds.
    pub(super) fn falls_to(&mut self, now: Millis, most: u64) -> i64 {
        let mut sum = self.sum(now);
        for age in (0..SLOTS).rev() {
            if sum <= most {
                // The slot before this one was the last that had to go.
                return self.until_gone(now, age + 1);
            }
            sum -= u64::from(*self.at(self.newest - age));
        }
        if sum <= most { self.until_gone(now, 0) } else { i64::MAX }
    }

    /// When the slot of this age is out of the window.
    fn until_gone(&self, now: Millis, age: i64) -> i64 {
        if age >= SLOTS {
            return 0;
        }
        let gone = (self.newest - age + SLOTS) * SLOT;
        (gone - now.0).max(0)
    }

    fn at(&mut self, number: i64) -> &mut u32 {
        let place = usize::try_from(number.rem_euclid(SLOTS)).unwrap_or_default();
        // The remainder is below the number of slots.
        &mut self.slots[place]
    }
}

fn slot(now: Millis) -> i64 {
    now.0.div_euclid(SLOT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_795_169_100_000;

    fn at(milliseconds: i64) -> Millis {
        Millis(START + milliseconds)
    }

    #[test]
    fn what_happened_counts_for_a_minute() {
        let mut window = Window::new(at(0));
        window.add(at(0), 2);
        window.add(at(30_000), 3);
        let check = |window: &mut Window, time: i64, expect: u64| {
            assert_eq!(window.sum(at(time)), expect, "at {time} ms");
        };
        check(&mut window, 59_999, 5);
        check(&mut window, 60_000, 3);
        check(&mut window, 89_999, 3);
        check(&mut window, 90_000, 0);
        window.add(at(90_000), 1);
        check(&mut window, 1_000_000, 0);
    }

    #[test]
    fn it_says_when_there_is_room() {
        let mut window = Window::new(at(0));
        window.add(at(0), 2);
        window.add(at(30_000), 3);
        let check = |window: &mut Window, most: u64, expect: i64| {
            assert_eq!(window.falls_to(at(45_000), most), expect, "to {most}");
        };
        check(&mut window, 5, 0);
        check(&mut window, 4, 15_000);
        check(&mut window, 3, 15_000);
        check(&mut window, 2, 45_000);
        check(&mut window, 0, 45_000);
    }

    #[test]
    fn what_is_taken_back_no_longer_counts() {
        let mut window = Window::new(at(0));
        let place = window.add(at(0), 5);
        window.add(at(100), 1);
        window.take_back(place, 3);
        assert_eq!(window.sum(at(200)), 3);
        window.take_back(place, 100);
        assert_eq!(window.sum(at(200)), 1);
        assert_eq!(window.sum(at(60_000)), 1);
        // Its slot is another one by now.
        window.take_back(place, 100);
        assert_eq!(window.sum(at(60_000)), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_frees_nor_locks_out() {
        let mut window = Window::new(at(0));
        window.add(at(0), 5);
        assert_eq!(window.sum(at(-5_000)), 5);
        window.add(at(-5_000), 1);
        assert_eq!(window.sum(at(59_999)), 6);
        assert_eq!(window.sum(at(-3_600_000)), 0);
    }

    proptest! {
        /// Beside a list of everything that happened.
        #[test]
        fn it_counts_as_a_list_does(steps in prop::collection::vec((0_i64..20_000, 0_u32..50), 1..60)) {
            let (mut window, mut list, mut now) = (Window::new(at(0)), Vec::new(), 0);
            for (pass, amount) in steps {
                now += pass;
                window.add(at(now), amount);
                list.push((now, u64::from(amount)));
                let slot_of = |time: i64| (START + time).div_euclid(SLOT);
                let counts = |time: i64, now: i64| slot_of(now) - slot_of(time) < SLOTS;
                let expect: u64 = list.iter().filter(|(time, _)| counts(*time, now)).map(|(_, amount)| amount).sum();
                prop_assert_eq!(window.sum(at(now)), expect);
                let half = expect / 2;
                let wait = window.falls_to(at(now), half);
                let left = |later: i64| -> u64 {
                    list.iter().filter(|(time, _)| counts(*time, later)).map(|(_, amount)| amount).sum()
                };
                prop_assert!(left(now + wait) <= half);
                prop_assert!(wait == 0 || left(now + wait - 1) > half);
            }
        }
    }
}
