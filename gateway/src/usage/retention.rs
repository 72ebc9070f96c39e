//! Entries of the ledger that are old enough are forgotten, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::config::Keeping;
use crate::clock::{Clock, Millis};

const DAY: Duration = Duration::from_hours(24);
/// How often is looked for what is old.
const EVERY: Duration = Duration::from_hours(1);
/// Entries of one transaction, which takes some milliseconds.
const BATCH: u32 = 500;
/// Between two of them the ledger has its turn to write.
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps the ledger from growing for ever.
pub struct Retention {
    books: Arc<dyn Books>,
    clock: Arc<dyn Clock>,
    days: AtomicU32,
}

impl Retention {
    pub fn new(books: Arc<dyn Books>, clock: Arc<dyn Clock>, keeping: Keeping) -> Self {
        Self {
            books,
            clock,
            days: AtomicU32::new(keeping.keep_days.get()),
        }
    }

    /// Holds from the next look on.
    pub fn set(&self, keeping: Keeping) {
        self.days.store(keeping.keep_days.get(), Ordering::Relaxed);
    }

    /// Forgets what is old every hour, until the process stops. The first look is an hour after the start, when a start
    /// has other work.
    pub async fn run(&self, stopping: CancellationToken) {
        while stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if stopping.run_until_cancelled(self.forget()).await.is_none() {
                return;
            }
        }
    }

    async fn forget(&self) {
        let days = self.days.load(Ordering::Relaxed);
        let age = i64::try_from(DAY.saturating_mul(days).as_millis()).unwrap_or(i64::MAX);
        let before = Millis(self.clock.now().0.saturating_sub(age));
        let mut total = 0;
        loop {
            match self.books.forget(before, BATCH).await {
                Ok(count) => {
                    total += count;
                    if count < u64::from(BATCH) {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "old usage could not be forgotten; it is tried again in an hour");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if total > 0 {
            tracing::info!(usage.entries = total, "usage older than {days} days is forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::super::{By, Entry, Failed, Spent, Sums};
    use super::*;
    use crate::clock::Fixed;

    /// Entries by their time, in books that may be shut.
    struct Held {
        entries: Mutex<Vec<i64>>,
        calls: Mutex<Vec<(i64, u32)>>,
        fails: bool,
    }

    #[async_trait]
    impl Books for Held {
        async fn append(&self, _entries: &[Entry]) -> Result<(), Failed> {
            Ok(())
        }

        async fn spent(&self, _day: i64) -> Result<Vec<Spent>, Failed> {
            Ok(Vec::new())
        }

        async fn forget(&self, before: Millis, most: u32) -> Result<u64, Failed> {
            self.calls.lock().unwrap().push((before.0, most));
            if self.fails {
                return Err(Failed("disk on fire".to_owned()));
            }
            let mut entries = self.entries.lock().unwrap();
            let all = entries.len();
            let mut left = most;
            entries.retain(|at| {
                let goes = *at < before.0 && left > 0;
                left -= u32::from(goes);
                !goes
            });
            Ok((all - entries.len()) as u64)
        }

        async fn sums(&self, _since: Millis, _by: By) -> Result<Vec<Sums>, Failed> {
            Ok(Vec::new())
        }
    }

    fn days(days: u32) -> Keeping {
        Keeping {
            keep_days: days.try_into().unwrap(),
        }
    }

    async fn run(fails: bool) -> (Vec<i64>, Vec<(i64, u32)>) {
        let day = 24 * 60 * 60 * 1000;
        let now = 1000 * day;
        let books = Arc::new(Held {
            entries: Mutex::new((0..1200).map(|number| now - 3 * day + number).chain([now]).collect()),
            calls: Mutex::default(),
            fails,
        });
        let retention = Retention::new(books.clone(), Arc::new(Fixed::at(Millis(now))), days(5));
        let stopping = CancellationToken::new();
        let ends = async {
            tokio::time::sleep(EVERY + Duration::from_mins(1)).await;
            assert_eq!(books.entries.lock().unwrap().len(), 1201);
            retention.set(days(2));
            tokio::time::sleep(EVERY).await;
            stopping.cancel();
        };
        futures_util::future::join(retention.run(stopping.clone()), ends).await;
        let (entries, calls) = (
            books.entries.lock().unwrap().clone(),
            books.calls.lock().unwrap().clone(),
        );
        (
            entries,
            calls
                .into_iter()
                .map(|(before, most)| ((now - before) / day, most))
                .collect(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_goes_in_batches_and_a_broken_database_is_left_alone() {
        let (left, calls) = run(false).await;
        assert_eq!(
            (left.len(), calls),
            (1, vec![(5, BATCH), (2, BATCH), (2, BATCH), (2, BATCH)])
        );
        let (left, calls) = run(true).await;
        assert_eq!((left.len(), calls), (1201, vec![(5, BATCH), (2, BATCH)]));
    }
}
