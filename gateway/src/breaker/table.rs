//! Breakers of several boards in one process, with the clock of whoever keeps the table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::replicas::{Answer, Change, Phase, Record, Replicas, Unreachable};
use crate::clock::{Clock, Millis};

const CHANGES_KEPT: usize = 256;
/// Failures in a row are those of this long.
pub const COUNTED_FOR: Duration = Duration::from_secs(30);

/// What several boards share. [`Table::seat`] is what one of them is given.
pub struct Table {
    clock: Arc<dyn Clock>,
    rows: Mutex<HashMap<String, Row>>,
    changes: broadcast::Sender<(usize, Change)>,
}

#[derive(Default)]
struct Row {
    /// With the times at which its two spans end.
    record: Option<(Record, Millis, Millis)>,
    failures: u32,
    counted_from: Millis,
}

/// The place of one board.
pub struct Seat {
    table: Arc<Table>,
    number: usize,
}

impl Table {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            rows: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES_KEPT),
        })
    }

    pub fn seat(self: &Arc<Self>, number: usize) -> Seat {
        Seat {
            table: Arc::clone(self),
            number,
        }
    }

    /// Forgets everything, as something that is started anew does.
    pub fn clear(&self) {
        self.rows().clear();
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn read(&self, now: Millis) -> Option<Record> {
        let (record, until, forced_until) = self.record.as_ref()?;
        Some(Record {
            left: until.since(now),
            forced_left: forced_until.since(now),
            ..record.clone()
        })
    }
}

impl Seat {
    fn write(&self, row: &mut Row, scope: &str, record: &Record, epoch: u64, now: Millis) -> Answer {
        let record = Record {
            epoch,
            ..record.clone()
        };
        row.record = Some((record.clone(), now.plus(record.left), now.plus(record.forced_left)));
        if record.phase != Phase::Closed {
            row.failures = 0;
        }
        self.tell_others(Change::Record(scope.to_owned(), record));
        Answer::Taken(epoch)
    }

    fn tell_others(&self, change: Change) {
        // Nobody else is fine.
        drop(self.table.changes.send((self.number, change)));
    }
}

#[async_trait]
impl Replicas for Seat {
    async fn look(&self, scope: &str) -> Result<Option<Record>, Unreachable> {
        let now = self.table.clock.now();
        Ok(self.table.rows().get(scope).and_then(|row| row.read(now)))
    }

    async fn tell(&self, scope: &str, record: &Record, over: bool) -> Result<Answer, Unreachable> {
        let now = self.table.clock.now();
        let mut rows = self.table.rows();
        let row = rows.entry(scope.to_owned()).or_default();
        match row.read(now) {
            Some(newer) if newer.epoch > record.epoch && !over => Ok(Answer::Refused(newer)),
            known => {
                let epoch = known.map_or(0, |known| known.epoch).max(record.epoch) + 1;
                Ok(self.write(row, scope, record, epoch, now))
            }
        }
    }

    async fn lease(&self, scope: &str, record: &Record) -> Result<Answer, Unreachable> {
        let now = self.table.clock.now();
        let mut rows = self.table.rows();
        let row = rows.entry(scope.to_owned()).or_default();
        match row.read(now) {
            Some(known) if !known.may_be_tried(record.epoch) => Ok(Answer::Refused(known)),
            known => {
                let epoch = known.map_or(0, |known| known.epoch).max(record.epoch) + 1;
                Ok(self.write(row, scope, record, epoch, now))
            }
        }
    }

    async fn count(&self, scope: &str, failures: u32) -> Result<u32, Unreachable> {
        let now = self.table.clock.now();
        let mut rows = self.table.rows();
        let row = rows.entry(scope.to_owned()).or_default();
        if failures == 0 || now.since(row.counted_from) > COUNTED_FOR {
            (row.failures, row.counted_from) = (0, now);
        }
        row.failures = row.failures.saturating_add(failures);
        self.tell_others(Change::Failures(scope.to_owned(), row.failures));
        Ok(row.failures)
    }

    fn changes(&self) -> BoxStream<'static, Change> {
        let own = self.number;
        let mut heard = self.table.changes.subscribe();
        Box::pin(async_stream::stream! {
            loop {
                match heard.recv().await {
                    Ok((from, change)) if from != own => yield change,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => yield Change::Gap,
                    Err(RecvError::Closed) => return,
                }
            }
        })
    }

    fn is_reachable(&self) -> bool {
        true
    }
}
