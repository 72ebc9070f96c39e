//! API keys: how they are made, and where the gateway finds them.

use async_trait::async_trait;
use jarvis_agent::Principal;
use jarvis_gateway::caller::{Key, Scope};
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
}

impl AllKeys {
    pub(crate) fn new(stored: jarvis_memory::Keys, local_key: &LocalKey) -> Self {
        Self {
            stored,
            local_hash: hash_key(local_key.secret.expose_secret()),
        }
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
        self.stored.find(sha256_hex).await
    }

    async fn any(&self) -> Result<bool, Unavailable> {
        self.stored.any().await
    }
}
