//! API keys: where they are looked up, and what is remembered of that for a few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::caller::Key;
use crate::clock::{Clock, Millis};

/// A revoked key works for at most this long.
const REMEMBERED: Duration = Duration::from_secs(5);
/// That there is no key at all is believed for less long, because making the first one closes the door.
const NONE_REMEMBERED: Duration = Duration::from_secs(1);
const MOST_REMEMBERED: usize = 1024;

/// Where keys are kept. Only their hashes are known there, so that finding one by its hash is not a comparison that
/// could be timed.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The valid key whose secret has this SHA-256, in lower-case hex.
    async fn find(&self, sha256_hex: &str) -> Result<Option<Key>, Unavailable>;

    /// Whether there is any key.
    async fn any(&self) -> Result<bool, Unavailable>;
}

/// The store of keys could not be asked, so nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of keys cannot be asked: {0}")]
pub struct Unavailable(pub String);

/// The form in which a key is stored and looked up.
pub fn hash_key(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    format!("{:x}", bytes::Bytes::copy_from_slice(&digest))
}

/// Asks the store, and remembers keys that were found.
pub(super) struct Remembering {
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    found: Mutex<HashMap<String, (Millis, Key)>>,
    any: Mutex<Option<(Millis, bool)>>,
}

impl Remembering {
    pub(super) fn new(keys: Arc<dyn Keys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            found: Mutex::default(),
            any: Mutex::default(),
        }
    }

    pub(super) async fn find(&self, secret: &str) -> Result<Option<Key>, Unavailable> {
        let hash = hash_key(secret);
        let now = self.clock.now();
        if let Some((at, key)) = lock(&self.found).get(&hash)
            && now.since(*at) < REMEMBERED
        {
            return Ok(Some(key.clone()));
        }
        let key = self.keys.find(&hash).await?;
        let mut found = lock(&self.found);
        match &key {
            Some(key) => {
                if found.len() >= MOST_REMEMBERED {
                    found.clear();
                }
                found.insert(hash, (now, key.clone()));
            }
            // Guesses are not remembered, so that guessing fills no memory.
            None => {
                found.remove(&hash);
            }
        }
        Ok(key)
    }

    pub(super) async fn any(&self) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        let remembered = *lock(&self.any);
        if let Some((at, any)) = remembered
            && now.since(at) < if any { REMEMBERED } else { NONE_REMEMBERED }
        {
            return Ok(any);
        }
        let any = self.keys.any().await?;
        *lock(&self.any) = Some((now, any));
        Ok(any)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
