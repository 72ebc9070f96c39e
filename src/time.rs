//! The clock that this process goes by: the machine's, or that of a database which others write to as well.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::clock::{Clock, Corrected, System};
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A machine that is further off than this has a clock that nobody sets.
const WRONG_MILLIS: i64 = 5_000;

/// Follows the database from now on, where it has a clock of its own. While it does not answer, the difference stays as it
/// was.
pub(crate) async fn clock(store: &Store, tasks: &Tasks) -> Result<Arc<dyn Clock>, jarvis_memory::Error> {
    let Some(now) = store.time().await? else {
        return Ok(Arc::new(System));
    };
    let clock = Corrected::default();
    tell(clock.follow(now));
    let (follower, store, stopping) = (clock.clone(), store.clone(), tasks.stopping().clone());
    tasks.spawn("clock", async move {
        while stopping.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            match store.time().await {
                Ok(now) => tell(now.and_then(|now| follower.follow(now))),
                Err(error) => tracing::debug!(%error, "the clock goes on by itself"),
            }
        }
    });
    Ok(Arc::new(clock))
}

fn tell(step: Option<i64>) {
    let Some(step) = step else { return };
    let ahead = Duration::from_millis(step.unsigned_abs());
    let side = if step > 0 { "behind" } else { "ahead of" };
    if step.abs() >= WRONG_MILLIS {
        tracing::warn!(
            "this machine's clock is {ahead:.1?} {side} the database's, which is gone by; set one of them right (NTP)"
        );
    } else {
        tracing::debug!("this machine's clock is {ahead:.1?} {side} the database's, which is gone by");
    }
}
