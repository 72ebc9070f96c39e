//! The ledger: every attempt becomes an entry, written in batches behind the requests' back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Observer};
use super::books::{Books, Entry};
use super::budget::Budgets;
use super::prices::Prices;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Entries that wait to be written. More than that is lost, and counted: an answer never waits for the database.
const MOST_WAITING: usize = 32 * 1024;
/// Entries of one transaction.
const BATCH: usize = 1024;
/// How long entries are gathered before they are written together. What is not written yet is lost when the process is
/// killed: this long, and the time that the database takes for one batch.
const GATHER: Duration = Duration::from_millis(250);
/// After the database could not be written.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// What is lost is said in the log at most this often.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

/// Prices attempts, counts them towards the budgets, and has them written.
pub struct Ledger {
    books: Arc<dyn Books>,
    prices: Arc<Prices>,
    budgets: Arc<Budgets>,
    clock: Arc<dyn Clock>,
    metrics: Option<Arc<Metrics>>,
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// One batch at a time, so that a flush at the end waits for the one under way.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    lost: u64,
    complained: Option<tokio::time::Instant>,
}

impl Ledger {
    pub fn new(books: Arc<dyn Books>, prices: Arc<Prices>, budgets: Arc<Budgets>, clock: Arc<dyn Clock>) -> Self {
        Self {
            books,
            prices,
            budgets,
            clock,
            metrics: None,
            waiting: Mutex::default(),
            wake: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// What is lost is counted there, too.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// Entries that were not written since the process began, because the database could not keep up or be reached.
    pub fn lost(&self) -> u64 {
        self.waiting().lost
    }

    /// Writes until the process stops. Whoever stops it calls [`Ledger::flush`] when the last request is over.
    pub async fn run(&self, stopping: CancellationToken) {
        while stopping.run_until_cancelled(self.wake.notified()).await.is_some() {
            // With the stop, what was gathered is left to the flush.
            if stopping.run_until_cancelled(tokio::time::sleep(GATHER)).await.is_none() {
                return;
            }
            while !self.flush().await {
                if stopping
                    .run_until_cancelled(tokio::time::sleep(AGAIN_AFTER))
                    .await
                    .is_none()
                {
                    return;
                }
            }
        }
    }

    /// Writes everything that waits. `false` when it could not be written; it goes on waiting then.
    pub async fn flush(&self) -> bool {
        let _one_at_a_time = self.writing.lock().await;
        loop {
            let batch = self.take();
            if batch.is_empty() {
                return true;
            }
            if let Err(error) = self.books.append(&batch).await {
                tracing::warn!(usage.entries = batch.len(), %error, "usage could not be written and is kept for now");
                self.put_back(batch);
                return false;
            }
        }
    }

    fn take(&self) -> Vec<Entry> {
        let mut waiting = self.waiting();
        let count = waiting.entries.len().min(BATCH);
        if count == waiting.entries.len() {
            return std::mem::take(&mut waiting.entries);
        }
        waiting.entries.drain(..count).collect()
    }

    fn put_back(&self, mut batch: Vec<Entry>) {
        let mut waiting = self.waiting();
        batch.append(&mut waiting.entries);
        let over = batch.len().saturating_sub(MOST_WAITING);
        batch.truncate(MOST_WAITING);
        waiting.entries = batch;
        self.lose(&mut waiting, over);
    }

    fn lose(&self, waiting: &mut Waiting, count: usize) {
        if count == 0 {
            return;
        }
        waiting.lost = waiting.lost.saturating_add(count as u64);
        if let Some(metrics) = &self.metrics {
            metrics.usage_was_lost(count as u64);
        }
        let now = tokio::time::Instant::now();
        if waiting.complained.is_none_or(|at| now - at >= COMPLAIN_EVERY) {
            waiting.complained = Some(now);
            tracing::error!(
                usage.lost = waiting.lost,
                "usage is lost, because the database does not take it; budgets still count it until a restart"
            );
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Ledger {
    fn attempt(&self, attempt: &Attempt) {
        let cost = self.prices.cost(attempt).known();
        if let Some(cost) = cost {
            self.budgets.charge(&attempt.caller, cost);
            if let Some(bound) = &attempt.origin.bound {
                bound.charge(cost);
            }
        }
        let entry = Entry {
            attempt: without_past(attempt),
            cost,
            at: self.clock.now(),
        };
        let mut waiting = self.waiting();
        let is_first = waiting.entries.is_empty();
        if waiting.entries.len() < MOST_WAITING {
            waiting.entries.push(entry);
        } else {
            self.lose(&mut waiting, 1);
        }
        drop(waiting);
        if is_first {
            self.wake.notify_one();
        }
    }
}

/// The targets that were left have entries of their own.
fn without_past(attempt: &Attempt) -> Attempt {
    Attempt {
        left: Vec::new(),
        origin: Arc::clone(&attempt.origin),
        caller: attempt.caller.clone(),
        backend: Arc::clone(&attempt.backend),
        model: Arc::clone(&attempt.model),
        outcome: attempt.outcome.clone(),
        ..*attempt
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
