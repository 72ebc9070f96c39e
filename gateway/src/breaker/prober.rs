//! Finds out that a local backend is back although nobody asks it anything.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::DropGuard;

use super::board::Board;
use crate::tasks::Tasks;

const CONFIRM_AFTER: Duration = Duration::from_millis(250);
const PROBE_EVERY: Duration = Duration::from_secs(5);
const LIST_EVERY: Duration = Duration::from_secs(30);
/// No probe may hold up the next one for longer.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Asks a backend for signs of life. It must cost nothing: no generation, no loading of a model, no money.
#[async_trait]
pub trait Probe: Send + Sync {
    async fn alive(&self) -> bool;

    async fn has_model(&self, model: &str) -> bool;
}

/// Probes `backend` in the background for as long as something is wrong with it, until the process stops or the guard
/// is dropped.
#[must_use]
pub fn spawn(tasks: &Tasks, board: Arc<Board>, backend: Arc<str>, probe: Arc<dyn Probe>) -> DropGuard {
    let stopping = tasks.stopping().child_token();
    let guard = stopping.clone().drop_guard();
    tasks.spawn("probe a backend", async move {
        let watch = watch(&board, &backend, &*probe);
        stopping.run_until_cancelled(watch).await;
    });
    guard
}

async fn watch(board: &Board, backend: &str, probe: &dyn Probe) {
    loop {
        wait_for_trouble(board, backend).await;
        let mut pause = CONFIRM_AFTER;
        let mut since_listed = LIST_EVERY;
        loop {
            tokio::time::sleep(pause).await;
            since_listed += pause;
            let troubles = board.troubles(backend);
            if troubles.down {
                let alive = tokio::time::timeout(PROBE_LIMIT, probe.alive()).await;
                board.probed(backend, alive == Ok(true));
            } else if troubles.missing.is_empty() {
                break;
            } else if since_listed >= LIST_EVERY {
                since_listed = Duration::ZERO;
                for model in troubles.missing {
                    let listed = tokio::time::timeout(PROBE_LIMIT, probe.has_model(&model)).await;
                    if listed == Ok(true) {
                        board.listed(backend, &model);
                    }
                }
            }
            pause = PROBE_EVERY.mul_f64(rand::random_range(0.8..=1.2));
        }
    }
}

async fn wait_for_trouble(board: &Board, backend: &str) {
    loop {
        // Listening starts before looking, so that what opens in between is not missed.
        let mut opened = std::pin::pin!(board.trouble());
        opened.as_mut().enable();
        let troubles = board.troubles(backend);
        if troubles.down || !troubles.missing.is_empty() {
            return;
        }
        opened.await;
    }
}
