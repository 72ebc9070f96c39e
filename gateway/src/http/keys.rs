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
/// From this age on, one request asks the store anew and the others do not wait for it.
const RENEWED: Duration = Duration::from_secs(4);
/// That there is no key at all is believed for less long, because making the first one closes the door.
const NONE_REMEMBERED: Duration = Duration::from_secs(1);
const MOST_REMEMBERED: usize = 1024;

/// Where keys are kept. Only their hashes are known there, so that finding one by its hash is not a comparison that
/// could be timed.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The key whose secret has this SHA-256, in lower-case hex, unless it was revoked. It may have expired.
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
    in_hex(&digest(secret))
}

type Digest256 = [u8; 32];

fn digest(secret: &str) -> Digest256 {
    Sha256::digest(secret.as_bytes()).into()
}

fn in_hex(digest: &Digest256) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(digest))
}

/// Asks the store, and remembers keys that were found.
pub(super) struct Remembering {
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    found: Mutex<HashMap<Digest256, Remembered>>,
    any: Mutex<Option<(Millis, bool)>>,
}

struct Remembered {
    at: Millis,
    key: Arc<Key>,
    /// A request asks the store whether it still holds, while others go on.
    is_asked: bool,
}

/// What is known of a secret without asking the store.
pub(super) enum Recalled {
    Valid(Arc<Key>),
    /// Not known, or not for certain any more.
    Ask(Question),
}

pub(super) struct Question {
    digest: Digest256,
    /// The key, when it may be used even if the store does not answer.
    holds: Option<Arc<Key>>,
    /// Whether it was valid not long ago.
    pub(super) was_valid: bool,
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

    /// Every request comes by here, so that it is a hash and a look into a map.
    pub(super) fn recall(&self, secret: &str) -> Recalled {
        let digest = digest(secret);
        let now = self.clock.now();
        let mut found = lock(&self.found);
        let Some(remembered) = found.get_mut(&digest) else {
            return Recalled::Ask(Question {
                digest,
                holds: None,
                was_valid: false,
            });
        };
        let age = now.since(remembered.at);
        let is_valid = !has_expired(&remembered.key, now) && age < REMEMBERED;
        if is_valid && (age < RENEWED || remembered.is_asked) {
            return Recalled::Valid(Arc::clone(&remembered.key));
        }
        remembered.is_asked = true;
        Recalled::Ask(Question {
            digest,
            holds: is_valid.then(|| Arc::clone(&remembered.key)),
            was_valid: true,
        })
    }

    pub(super) async fn ask(&self, question: Question) -> Result<Option<Arc<Key>>, Unavailable> {
        let now = self.clock.now();
        let key = match (self.keys.find(&in_hex(&question.digest)).await, question.holds) {
            (Ok(key), _) => key.filter(|key| !has_expired(key, now)),
            (Err(_), Some(key)) => return Ok(Some(key)),
            (Err(error), None) => return Err(error),
        };
        let mut found = lock(&self.found);
        let Some(key) = key.map(Arc::new) else {
            // Guesses are not remembered, so that guessing fills no memory.
            found.remove(&question.digest);
            return Ok(None);
        };
        if found.len() >= MOST_REMEMBERED {
            found.clear();
        }
        let remembered = Remembered {
            at: now,
            key: Arc::clone(&key),
            is_asked: false,
        };
        found.insert(question.digest, remembered);
        Ok(Some(key))
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

fn has_expired(key: &Key, now: Millis) -> bool {
    key.expires_at.is_some_and(|at| at <= now)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
