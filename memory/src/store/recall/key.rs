//! Keys of entries, as the migration draws them: audience, thread, place.

const PLACE_BITS: u32 = 24;
const THREAD_BITS: u32 = 19;

/// Places of a thread, and threads of an audience. What comes after is not indexed.
pub(super) const MOST_PLACES: i64 = 1 << PLACE_BITS;
pub(super) const MOST_THREADS: i64 = 1 << THREAD_BITS;
pub(super) const MOST_AUDIENCES: i64 = 1 << 20;

/// By how much the key of an audience's number is larger.
pub(super) const AUDIENCE_SHIFT: u32 = PLACE_BITS + THREAD_BITS;

/// The first and the last key of an audience.
pub(super) fn range(audience: i64) -> (i64, i64) {
    let first = audience << AUDIENCE_SHIFT;
    (first, first + ((1 << AUDIENCE_SHIFT) - 1))
}

/// The first and the last key of the memories of an audience.
pub(super) fn memories(audience: i64) -> (i64, i64) {
    (first_of_thread(audience, 0), first_of_thread(audience, 1) - 1)
}

pub(super) fn first_of_thread(audience: i64, thread: i64) -> i64 {
    (audience << AUDIENCE_SHIFT) + (thread << PLACE_BITS)
}

pub(super) fn place(key: i64) -> i64 {
    key & (MOST_PLACES - 1)
}

/// Which part of what stands between the beginning of the range of `last` and `last` comes after `first`, more than 0 and
/// at most 1: by the numbers of threads, or within one by places.
pub(super) fn part_after(first: i64, last: i64) -> f64 {
    let thread = |key: i64| (key >> PLACE_BITS) & (MOST_THREADS - 1);
    let (from, to) = match (thread(first), thread(last)) {
        (one, other) if one == other => (place(first), place(last)),
        threads => threads,
    };
    #[expect(clippy::cast_precision_loss, reason = "both have at most 24 bits")]
    let part = (to - from + 1) as f64 / (to + 1) as f64;
    part.clamp(f64::MIN_POSITIVE, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_an_audience_are_one_range() {
        let (first, last) = range(3);
        assert_eq!(first_of_thread(3, 0), first);
        assert_eq!(first_of_thread(3, MOST_THREADS - 1) + MOST_PLACES - 1, last);
        assert_eq!(range(4).0, last + 1);
        assert!(range(MOST_AUDIENCES - 1).1 > 0);
        assert_eq!(place(first_of_thread(3, 7) + 5), 5);
    }

    #[test]
    fn what_was_left_out_is_estimated() {
        let check = |first: (i64, i64), last: (i64, i64), expect: f64| {
            let key = |(thread, place)| first_of_thread(1, thread) + place;
            assert!(
                (part_after(key(first), key(last)) - expect).abs() < 1e-9,
                "{first:?} {last:?}"
            );
        };
        check((1, 0), (1, 9), 1.0);
        check((1, 5), (1, 9), 0.5);
        check((5, 7), (9, 3), 0.5);
        check((0, 0), (9, 0), 1.0);
    }
}
