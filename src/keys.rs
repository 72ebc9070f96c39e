//! API keys: how they are made, and where the gateway finds them.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use jarvis_agent::Principal;
use jarvis_gateway::caller::{Key, Scope, Waits};
use jarvis_gateway::http::{Keys, Unavailable, hash_key};
use rand::RngExt;
use secrecy::ExposeSecret;

use crate::data::LocalKey;

/// What every key begins with, so that a leaked one is recognised by scanners and by people.
pub(crate) const PREFIX: &str = "jv_";

/// A new secret: 43 letters and digits, more than 256 bits.
pub(crate) fn fresh_secret() -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rng = rand::rng();
    let random: String = (0..43)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect();
    format!("{PREFIX}{random}")
}

/// The keys of the store, and the one that this server left in its data folder.
pub(crate) struct AllKeys {
    stored: jarvis_memory::Keys,
    local_hash: String,
    classes: RwLock<Classes>,
}

/// How long the requests of each class of keys wait.
pub(crate) type Classes = BTreeMap<String, Waits>;

impl AllKeys {
    pub(crate) fn new(stored: jarvis_memory::Keys, local_key: &LocalKey, classes: Classes) -> Self {
        Self {
            stored,
            local_hash: hash_key(local_key.secret.expose_secret()),
            classes: RwLock::new(classes),
        }
    }

    /// Holds for keys as they are looked up from now on.
    pub(crate) fn set_classes(&self, classes: Classes) {
        *self.classes.write().unwrap_or_else(PoisonError::into_inner) = classes;
    }

    /// A key of a class that the configuration does not have (any more) waits like one of none.
    fn waits(&self, class: Option<&str>) -> Waits {
        let classes = self.classes.read().unwrap_or_else(PoisonError::into_inner);
        class.and_then(|class| classes.get(class).copied()).unwrap_or_default()
    }
}

#[async_trait]
impl Keys for AllKeys {
    async fn find(&self, sha256_hex: &str) -> Result<Option<Key>, Unavailable> {
        if sha256_hex == self.local_hash {
            let scopes = Scope::ALL.to_vec();
            return Ok(Some(Key {
                id: Principal::LOCAL_KEY.to_owned(),
                name: "local".to_owned(),
                scopes,
                ..Key::default()
            }));
        }
        let found = self.stored.find(sha256_hex).await?;
        Ok(found.map(|key| Key {
            waits: self.waits(key.allowance.class.as_deref()),
            ..key
        }))
    }

    async fn any(&self) -> Result<bool, Unavailable> {
        self.stored.any().await
    }
}
