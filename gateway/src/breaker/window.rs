//! The recent outcomes of a closed breaker, and when they are bad enough to open it.

use std::time::Duration;

use super::state::Failure;
use crate::clock::Millis;

const BUCKET_MILLIS: i64 = 5_000;
const BUCKETS: i64 = 6;
const MID_STREAM_WITHIN: Duration = Duration::from_mins(5);

/// Counters of one breaker. A homelab asks about once a minute, so what counts is mostly failures in a row; the share of
/// failures within 30 s is for busy times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    in_a_row: u32,
    slow_in_a_row: u32,
    empty_in_a_row: u32,
    last_mid_stream: Option<Millis>,
    buckets: [Bucket; 6],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    /// `now / BUCKET_MILLIS` of what is counted here; an old one is reused.
    number: i64,
    finished: u32,
    failed: u32,
}

impl Window {
    pub(super) fn finished(&mut self, now: Millis) {
        self.in_a_row = 0;
        self.slow_in_a_row = 0;
        self.empty_in_a_row = 0;
        if let Some(bucket) = self.bucket(now) {
            bucket.finished = bucket.finished.saturating_add(1);
        }
    }

    /// Whether the breaker has to open:
    /// 1. three failures in a row,
    /// 2. half of at least five outcomes of the last 30 s,
    /// 3. two warm first-token timeouts in a row,
    /// 4. two failures in the middle of an answer within five minutes.
    ///
    /// Three empty answers in a row count as one failure.
    pub(super) fn failed(&mut self, failure: Failure, now: Millis) -> bool {
        if failure == Failure::Empty {
            self.empty_in_a_row += 1;
            if self.empty_in_a_row < 3 {
                return false;
            }
            self.empty_in_a_row = 0;
        }
        self.in_a_row += 1;
        self.slow_in_a_row = if failure == Failure::Slow {
            self.slow_in_a_row + 1
        } else {
            0
        };
        let mut broke_twice = false;
        if failure == Failure::MidStream {
            broke_twice = self
                .last_mid_stream
                .is_some_and(|last| now.since(last) <= MID_STREAM_WITHIN);
            self.last_mid_stream = Some(now);
        }
        if let Some(bucket) = self.bucket(now) {
            bucket.failed = bucket.failed.saturating_add(1);
        }
        self.in_a_row >= 3 || self.slow_in_a_row >= 2 || broke_twice || self.half_failed(now)
    }

    fn half_failed(&self, now: Millis) -> bool {
        let newest = now.0.div_euclid(BUCKET_MILLIS);
        let recent = self.buckets.iter().filter(|bucket| (newest - bucket.number) < BUCKETS);
        let (finished, failed) = recent.fold((0u32, 0u32), |(finished, failed), bucket| {
            (
                finished.saturating_add(bucket.finished),
                failed.saturating_add(bucket.failed),
            )
        });
        finished.saturating_add(failed) >= 5 && failed >= finished
    }

    fn bucket(&mut self, now: Millis) -> Option<&mut Bucket> {
        let number = now.0.div_euclid(BUCKET_MILLIS);
        let index = usize::try_from(number.rem_euclid(BUCKETS)).ok()?;
        let bucket = self.buckets.get_mut(index)?;
        if bucket.number != number {
            *bucket = Bucket {
                number,
                ..Bucket::default()
            };
        }
        Some(bucket)
    }
}
