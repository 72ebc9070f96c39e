//! Who stands behind an API request: told by the transport, never by the body.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chain::time;
use crate::clock::Millis;
use crate::glob;
use crate::usage::MicroUsd;

/// The caller of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Caller {
    /// This process itself (probes, tests of a chain). It has no rights on anything but models.
    #[default]
    Internal,
    /// A process on this machine, while no key exists: the owner, by having an account on the machine.
    Loopback,
    /// A bearer key.
    Key(Arc<Key>),
}

/// What is known of a valid key. The secret itself is not here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub allowance: Allowance,
    /// From then on it is like a revoked one.
    pub expires_at: Option<Millis>,
    /// How long its requests wait, by the class that [`Allowance::class`] names.
    pub waits: Waits,
}

/// How long the requests of a class of keys wait for an answer. What is not said is as the target and the alias have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Waits {
    /// Until the first word of an answer, in the place of the target's own limit: time to read the prompt and to load
    /// the model comes on top. A target that needs longer than this, but not longer than its own limit, is left without
    /// being held to have failed.
    #[serde(deserialize_with = "time")]
    pub first_token: Option<Duration>,
    /// For the whole answer.
    #[serde(deserialize_with = "time")]
    pub total: Option<Duration>,
    /// For finding a target that answers.
    #[serde(deserialize_with = "time")]
    pub deadline: Option<Duration>,
}

/// How much a key may use. The default is no bound at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Names of models as clients write them; `*` stands for any letters. Empty allows every model.
    pub models: Vec<String>,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
    /// Requests at the same time.
    pub concurrency: Option<u32>,
    pub budget_day: Option<MicroUsd>,
    pub budget_month: Option<MicroUsd>,
    /// What this key asks must not leave the house.
    pub local_only: bool,
    /// Answers are kept for this long and given again to the same question, unless a request says otherwise.
    pub cache: Option<Duration>,
    /// The class of keys that it belongs to, by its name in the configuration.
    pub class: Option<String>,
}

/// What a key may do. A key without `ops` talks to models and to Jarvis, but Jarvis acts on nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Chat, responses, completions, and the list of models.
    Chat,
    Embeddings,
    Images,
    /// Transcriptions and speech.
    Audio,
    /// Everything the owner may do with tools, and reading `/v1/jarvis/…`.
    Ops,
    /// Deciding approvals.
    Approve,
    /// `/mcp`: asking Jarvis, and with `ops` calling its tools.
    Mcp,
}

impl Scope {
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Embeddings,
        Self::Images,
        Self::Audio,
        Self::Ops,
        Self::Approve,
        Self::Mcp,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Ops => "ops",
            Self::Approve => "approve",
            Self::Mcp => "mcp",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| {
                let all = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is not a scope; the scopes are {all}")
            })
    }
}

impl Caller {
    /// Whether this caller may do what `scope` covers. Loopback without keys is the owner and may do everything.
    pub fn may(&self, scope: Scope) -> bool {
        match self {
            Self::Internal => !matches!(scope, Scope::Ops | Scope::Approve | Scope::Mcp),
            Self::Loopback => true,
            Self::Key(key) => key.scopes.contains(&scope),
        }
    }

    /// The key, when there is one.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Internal | Self::Loopback => None,
            Self::Key(key) => Some(key),
        }
    }

    /// Whether this caller may ask for the model of this name.
    pub fn may_use(&self, model: &str) -> bool {
        self.key().is_none_or(|key| {
            let models = &key.allowance.models;
            models.is_empty() || models.iter().any(|pattern| glob::fits(pattern, model))
        })
    }

    /// Whether what this caller asks must stay in the house, whatever the request itself says.
    pub fn is_local_only(&self) -> bool {
        self.key().is_some_and(|key| key.allowance.local_only)
    }

    /// How long this caller waits, where its key says so.
    pub fn waits(&self) -> Waits {
        self.key().map(|key| key.waits).unwrap_or_default()
    }

    /// A short name for logs and the audit: `loopback`, `key:laptop`.
    pub fn label(&self) -> String {
        match self {
            Self::Internal => "internal".into(),
            Self::Loopback => "loopback".into(),
            Self::Key(key) => format!("key:{}", key.name),
        }
    }
}

impl From<Key> for Caller {
    fn from(key: Key) -> Self {
        Self::Key(Arc::new(key))
    }
}
