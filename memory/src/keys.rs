//! The store as the place where the gateway looks keys up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::caller::{Key, Scope};
use jarvis_gateway::clock::Clock;
use jarvis_gateway::http::Unavailable;

use crate::Store;
use crate::records::KeyRow;

/// The use of a key is noted to this accuracy, so that not every request writes.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// A request does not wait longer than this for the note.
const NOTE_LIMIT: Duration = Duration::from_millis(250);

/// Finds valid keys, and notes when they were used.
pub struct Keys {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Keys {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// A key whose use cannot be noted is still valid.
    async fn note_use(&self, key: &KeyRow) {
        let now = self.clock.now();
        if key.last_used_at.is_some_and(|at| now.since(at) < NOTED_EVERY) {
            return;
        }
        match tokio::time::timeout(NOTE_LIMIT, self.store.touch_key(&key.id, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(key.name, %error, "the use of a key could not be noted"),
            Err(_) => tracing::warn!(key.name, "the use of a key could not be noted in time"),
        }
    }
}

#[async_trait]
impl jarvis_gateway::http::Keys for Keys {
    async fn find(&self, sha256_hex: &str) -> Result<Option<Key>, Unavailable> {
        let Some(row) = self.store.key_by_hash(sha256_hex).await.map_err(unavailable)? else {
            return Ok(None);
        };
        self.note_use(&row).await;
        Ok(Some(Key {
            scopes: scopes(&row.scopes),
            id: row.id,
            name: row.name,
            allowance: row.allowance,
            expires_at: row.expires_at,
            ..Key::default()
        }))
    }

    async fn any(&self) -> Result<bool, Unavailable> {
        self.store.any_key().await.map_err(unavailable)
    }
}

/// A word that is no scope here, because a newer Jarvis wrote it, gives no right.
fn scopes(words: &str) -> Vec<Scope> {
    words.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unavailable(error: crate::Error) -> Unavailable {
    Unavailable(error.to_string())
}
