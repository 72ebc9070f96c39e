//! How many requests a target is given at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A model server that is given more than it can do queues in silence, and nobody can tell its queue from a hang. So the
/// queue is kept here. The default has no limit.
#[derive(Debug, Default)]
pub(super) struct Gate(Option<Bounds>);

#[derive(Debug)]
struct Bounds {
    slots: Arc<Semaphore>,
    queue: usize,
    waiting: AtomicUsize,
}

/// A place at a target, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(at_once: usize, queue: usize) -> Self {
        Self(Some(Bounds {
            slots: Arc::new(Semaphore::new(at_once)),
            queue,
            waiting: AtomicUsize::new(0),
        }))
    }

    /// A slot that is free now.
    pub(super) fn enter(&self) -> Option<Slot> {
        let permit = match &self.0 {
            None => None,
            Some(bounds) => Some(bounds.slots.clone().try_acquire_owned().ok()?),
        };
        Some(Slot { _permit: permit })
    }

    /// A slot within `limit`; `None` when there is none by then, or when the queue is full already. Requests get their
    /// turn in the order in which they came; dropping the future leaves the queue.
    pub(super) async fn queue(&self, limit: Duration) -> Option<Slot> {
        let Some(bounds) = &self.0 else {
            return self.enter();
        };
        let _place = bounds.place()?;
        let permit = tokio::time::timeout(limit, bounds.slots.clone().acquire_owned()).await;
        Some(Slot {
            _permit: Some(permit.ok()?.ok()?),
        })
    }
}

impl Bounds {
    fn place(&self) -> Option<Place<'_>> {
        let taken = self.waiting.fetch_add(1, Ordering::AcqRel);
        // Made before the check, so that a place that is too many is given back too.
        let place = Place(&self.waiting);
        (taken < self.queue).then_some(place)
    }
}

/// One of the places in the queue.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::future::poll_immediate;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_in_length_and_in_time() {
        let gate = Gate::new(1, 1);
        let limit = Duration::from_secs(2);
        let first = gate.enter().expect("it is free");
        assert!(gate.enter().is_none(), "one at a time");
        let mut second = pin!(gate.queue(limit));
        assert!(poll_immediate(&mut second).await.is_none(), "it waits");
        assert!(gate.queue(limit).await.is_none(), "the queue is full");
        drop(first);
        let second = second.await.expect("its turn has come");
        let began = tokio::time::Instant::now();
        assert!(gate.queue(limit).await.is_none(), "nobody leaves");
        assert_eq!(began.elapsed(), limit);
        drop(second);
        assert!(gate.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_queue_makes_room() {
        let gate = Gate::new(1, 1);
        let limit = Duration::from_secs(2);
        let _first = gate.enter();
        {
            let mut leaves = pin!(gate.queue(limit));
            assert!(poll_immediate(&mut leaves).await.is_none());
        }
        let mut stays = pin!(gate.queue(limit));
        assert!(poll_immediate(&mut stays).await.is_none(), "there was a place");
        assert!(
            Gate::default().queue(limit).await.is_some(),
            "without a bound nobody waits"
        );
    }
}
