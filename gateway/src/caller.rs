//! Who stands behind an API request: told by the transport, never by the body.

use serde::{Deserialize, Serialize};

/// The caller of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Caller {
    /// This process itself (probes, tests of a chain). It has no rights on anything but models.
    #[default]
    Internal,
    /// A process on this machine, while no key exists: the owner, by having an account on the machine.
    Loopback,
    /// A bearer key.
    Key(Key),
}

/// What is known of a valid key. The secret itself is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    pub name: String,
    pub scopes: Vec<Scope>,
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
}

impl Scope {
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Embeddings,
        Self::Images,
        Self::Audio,
        Self::Ops,
        Self::Approve,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Ops => "ops",
            Self::Approve => "approve",
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
            Self::Internal => !matches!(scope, Scope::Ops | Scope::Approve),
            Self::Loopback => true,
            Self::Key(key) => key.scopes.contains(&scope),
        }
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
