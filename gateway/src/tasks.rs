//! Every background task of the process: named, owned, stopped and waited for.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Spawns tasks and ends them. Cheap to clone; all clones are one owner.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `task` in the background under `name`. It should end soon after [`Tasks::stopping`] is cancelled.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        // Not below the task that spawns it: a log line names one task.
        let span = tracing::info_span!(parent: None, "task", task.name = name);
        self.tracker.spawn(task.instrument(span));
    }

    /// The same for a task of which there are hundreds, and which is woken all the time: its name stands in the log at the
    /// level `debug` only, because entering a span is work at every poll.
    pub fn spawn_one_of_many(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::debug_span!("task", task.name = name);
        self.tracker.spawn(task.instrument(span));
    }

    /// Cancelled when the process is asked to stop.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// How many have not ended.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Asks all tasks to end and waits for them. Returns whether they all ended within `deadline`.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}
