//! A future that is waited for beside something that happens much more often.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls its future only when that asked for it. A stream that is woken for every token has timers that fire once a minute,
/// and polling three of those took a tenth of the instructions of a token; this looks at a flag instead.
pub(crate) struct Seldom<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Who is woken by the bell, as far as was told.
    task: Option<Waker>,
}

struct Bell {
    rang: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Seldom<F> {
    pub(crate) fn new(future: F) -> Self {
        let bell = Arc::new(Bell {
            rang: AtomicBool::new(true),
            task: Mutex::default(),
        });
        Self {
            future: Box::pin(future),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
            task: None,
        }
    }

    /// To change the future, which is polled again afterwards.
    pub(crate) fn change(&mut self) -> Pin<&mut F> {
        self.bell.rang.store(true, Ordering::Release);
        self.future.as_mut()
    }

    /// As of every future, it is the last context that is woken.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<F::Output> {
        // Told before the flag is looked at, so that who rings afterwards wakes the right one.
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            self.bell.task().clone_from(&self.task);
        }
        if !self.bell.rang.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.bell.rang.swap(false, Ordering::AcqRel);
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

impl Bell {
    fn task(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        let task = self.task().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_wakes_who_waits_and_is_polled_no_more_than_that() {
        let (mut inner, mut outer) = (0, 0);
        let mut timer = Box::pin(sleep(Duration::from_mins(1)));
        let mut seldom = Seldom::new(poll_fn(|context| {
            inner += 1;
            timer.as_mut().poll(context)
        }));
        let began = Instant::now();
        let mut often = tokio::time::interval(Duration::from_secs(1));
        poll_fn(|context| {
            outer += 1;
            while often.poll_tick(context).is_ready() {}
            seldom.poll(context)
        })
        .await;
        drop(seldom);
        assert_eq!((began.elapsed().as_secs(), inner), (60, 2));
        assert!(outer > 50, "polled {outer} times");
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_was_changed_is_polled_again() {
        let mut timer = Seldom::new(sleep(Duration::from_mins(1)));
        let began = Instant::now();
        let first = poll_fn(|context| Poll::Ready(timer.poll(context).is_pending())).await;
        timer.change().reset(began + Duration::from_secs(5));
        poll_fn(|context| timer.poll(context)).await;
        assert_eq!((first, began.elapsed().as_secs()), (true, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_move_to_another_task() {
        let mut timer = Seldom::new(sleep(Duration::from_mins(1)));
        let pending = timer.poll(&Context::from_waker(Waker::noop())).is_pending();
        let moved = tokio::task::JoinSet::from_iter([async move { poll_fn(|context| timer.poll(context)).await }]);
        assert!(pending);
        moved.join_all().await;
    }
}
