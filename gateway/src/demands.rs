//! What a request brings beside its words: where it came in, what it allows, and how long it may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::progress::Progress;
use crate::trace;
use crate::usage::Bound;

/// Where a request came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Names the request in the ledger, in traces and in `x-request-id`. A UUIDv7, or empty for what nobody looks up.
    pub id: String,
    pub endpoint: Endpoint,
    pub surface: Surface,
    /// The model name that was asked for.
    pub model: String,
    /// The conversation that it is a part of, for the ledger.
    pub conversation: Option<String>,
    /// When the request arrived.
    pub arrived: Option<Instant>,
    /// What all requests of that piece of work may cost together.
    pub bound: Option<Bound>,
    /// The span that the work on this request belongs to, when traces are collected.
    pub trace: Option<trace::Context>,
    pub hops: Hops,
}

/// How many Jarvises a request has passed before this one (`x-jarvis-hops`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hops(u8);

impl Hops {
    /// What was asked here.
    pub const NONE: Self = Self(0);
    /// A request that has passed more is going in a circle.
    pub const MOST: u8 = 3;

    /// `None` when it is more than [`Self::MOST`].
    pub fn new(hops: u8) -> Option<Self> {
        (hops <= Self::MOST).then_some(Self(hops))
    }

    pub fn count(self) -> u8 {
        self.0
    }
}

/// Which kind of work a request is. The words of the ledger and of `gen_ai.operation.name` are made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    #[default]
    Chat,
    Completions,
    Responses,
    Embeddings,
    Images,
    Transcriptions,
    Speech,
}

impl Endpoint {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Transcriptions => "transcriptions",
            Self::Speech => "speech",
        }
    }
}

/// Who waits for the answer, which decides what is done about a model that has to be loaded first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// Somebody who speaks, or a stream's chat: seconds count.
    Voice,
    /// Somebody who reads: the console, Discord, the terminal.
    #[default]
    Chat,
    /// A program.
    Api,
}

/// What is done when a target's model is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cold {
    /// The next warm target answers, and the model is loaded in the background.
    SkipAndWarm,
    /// The next target starts too when nothing came for a while; the first meaningful word wins.
    Race,
    /// The caller waits until the model is loaded.
    Wait,
}

/// What the caller allows and demands. The default allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Must not leave the house: targets in the cloud are not even considered.
    pub local_only: bool,
    /// Wins over what the alias says for the surface.
    pub cold: Option<Cold>,
    /// Another target goes on with an answer that broke off. Wins over what the alias says.
    pub goes_on: Option<bool>,
    /// The caller wants to see that a model is being loaded.
    pub progress: Option<Progress>,
    /// The whole request must be over by then, counted from its start.
    pub deadline: Option<Duration>,
    /// The caller makes the request shorter when the target whose turn it is has too little room for it.
    pub shortens: Option<Shortens>,
}

/// For a caller who can shorten a request: it ends with [`Class::ContextLength`](crate::provider::Class::ContextLength) and
/// the [`window`](crate::provider::Error::window) of the target that is about to be asked, when it fills too much of that.
/// Without it such a target is asked as long as the request fits at all, and passed over when it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortens {
    /// How much of a context the request may fill.
    pub full_percent: u32,
    /// Only contexts smaller than this are told of. For the others the caller did what it could; so a caller who says here
    /// what it was told last comes to an end.
    pub below: u32,
}
