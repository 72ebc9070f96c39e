//! The store as the place where the gateway keeps responses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::http::Unavailable;
use jarvis_gateway::http::responses::{self, Chain, KEPT_FOR, Kept};

use crate::Store;

/// What one key may have kept, in bytes of JSON; the oldest goes first.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// What is too old or too much is deleted by who keeps the next one, at most this often,
const SWEPT_EVERY: Duration = Duration::from_mins(10);
/// or after so many bytes.
const SWEPT_AFTER: u64 = 32 * 1024 * 1024;

/// Keeps responses for 30 days.
pub struct Responses {
    store: Store,
    clock: Arc<dyn Clock>,
    swept: Mutex<Swept>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Swept {
    at: Millis,
    bytes_since: u64,
}

impl Responses {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            swept: Mutex::default(),
        }
    }

    /// The earliest time of what can still be found.
    fn since(&self) -> Millis {
        let kept_for = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
        Millis(self.clock.now().0.saturating_sub(kept_for))
    }

    /// Notes that so much was kept, and says whether it is time to sweep.
    fn is_due(&self, bytes: u64) -> bool {
        let now = self.clock.now();
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.bytes_since = swept.bytes_since.saturating_add(bytes);
        let is_due = now.since(swept.at) >= SWEPT_EVERY || swept.bytes_since >= SWEPT_AFTER;
        if is_due {
            *swept = Swept {
                at: now,
                bytes_since: 0,
            };
        }
        is_due
    }
}

#[async_trait]
impl responses::Store for Responses {
    async fn put(&self, kept: &Kept) -> Result<(), Unavailable> {
        let bytes = self.store.add_response(kept).await.map_err(unavailable)?;
        if self.is_due(bytes)
            && let Err(error) = self.store.sweep_responses(self.since(), MOST_BYTES).await
        {
            tracing::warn!(%error, "responses that are too old could not be deleted");
        }
        Ok(())
    }

    async fn get(&self, owner: &str, id: &str) -> Result<Option<Kept>, Unavailable> {
        self.store.response(owner, id, self.since()).await.map_err(unavailable)
    }

    async fn delete(&self, owner: &str, id: &str) -> Result<bool, Unavailable> {
        self.store.delete_response(owner, id).await.map_err(unavailable)
    }

    async fn chain(&self, owner: &str, id: &str) -> Result<Chain, Unavailable> {
        self.store
            .response_chain(owner, id, self.since())
            .await
            .map_err(unavailable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unavailable(error: crate::Error) -> Unavailable {
    Unavailable(error.to_string())
}
