//! The seam to whatever answers a chat request: a model server, command mode, or the agent itself.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::chat::{Event, Left, Request};
use crate::jobs::Worker;

/// An answer in progress. Dropping it cancels the work behind it, down to the upstream socket.
pub type Events = Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>;

/// Something that answers chat requests.
pub trait Provider: Send + Sync {
    /// Starts to answer. Nothing is sent before the stream is polled.
    ///
    /// A stream that ends without [`Event::Finish`] and without an error was cut off; whoever drives it (the chain)
    /// turns that into [`Class::Truncated`].
    fn stream(&self, call: Call) -> Events;

    /// Names of the request's fields that `model` of this provider is not told: `logit_bias`, `options.num_ctx`. The
    /// caller reads them in `x-jarvis-dropped`. A body that is forwarded whole has none.
    fn dropped(&self, _model: &str, _request: &Request) -> Vec<String> {
        Vec::new()
    }

    /// Tokens that the one who will most likely answer for `model` can read, when somebody knows.
    fn context(&self, _model: &str) -> Option<u32> {
        None
    }

    /// What does the work beside chat for `model` (vectors, images, audio), where this is a server that has some.
    fn worker(&self, _model: &str) -> Option<&dyn Worker> {
        None
    }
}

/// One request to one provider.
#[derive(Debug, Clone)]
pub struct Call {
    pub request: Arc<Request>,
    /// The model name as this provider knows it.
    pub model: String,
    /// What the targets before this one said. Command mode tells it to the user.
    pub left: Vec<Left>,
}

/// Why a provider did not answer. What the chain does next depends on [`Class`] alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub class: Class,
    /// For people: what happened, in a few words, without secrets and without the whole upstream body.
    pub message: String,
    /// The HTTP status of the upstream, when there was an answer.
    pub status: Option<u16>,
    /// How long the upstream asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The upstream's error object, for a [`Class::ClientFault`] or [`Class::Policy`] that is relayed as it came.
    pub body: Option<Box<str>>,
    /// With [`Class::ContextLength`], for a caller who shortens: tokens of the context that the request is to be shortened
    /// for before it is asked again. See [`Shortens`](crate::demands::Shortens).
    pub window: Option<u32>,
}

impl Error {
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            status: None,
            retry_after: None,
            body: None,
            window: None,
        }
    }
}

/// What went wrong, sorted by what has to happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Refused, unreachable, no such name, TLS failed, or no connection in time.
    HostDown,
    /// The connection broke before the answer began.
    Transport,
    /// A warm model produced nothing meaningful in time.
    TtftTimeout,
    /// A cold or loading model produced nothing meaningful in time.
    ColdSlow,
    /// Nothing more came in the middle of an answer.
    IdleTimeout,
    /// 500, 502, 504, or a crashed model runner.
    Upstream5xx,
    /// The server's queue is full.
    Saturated,
    /// 429 and asked to wait for at most three seconds.
    RateShort,
    /// 429 and asked to wait for longer, or for an unknown time.
    RateLong,
    /// 408 or 409.
    Transient,
    /// 401, 402, 403, or no money left.
    HardDown,
    /// It costs money, and a budget of ours is used up. The upstream was not asked.
    OverBudget,
    /// It costs money, and more than is left of what the piece of work may cost that it is a part of. The upstream was not
    /// asked.
    OverBound,
    /// It costs money, a budget of ours holds, and nobody knows how much it costs. The upstream was not asked.
    NoPrice,
    /// The upstream does not have this model.
    ModelMissing,
    /// The model cannot do what the request needs.
    Capability,
    /// Words instead of the tool call that was demanded, or a tool call that cannot be read.
    NoCall,
    /// The request is longer than the model's context.
    ContextLength,
    /// The request went through so many Jarvises that it must be going in a circle.
    Loop,
    /// The target is not in the house, and the request must not leave it.
    Privacy,
    /// The request itself is wrong.
    ClientFault,
    /// The upstream's content policy refused.
    Policy,
    /// The upstream sent something that is not its protocol.
    Decode,
    /// The stream ended without its end mark.
    Truncated,
    /// A finished answer without content.
    Empty,
    /// The caller went away.
    Cancelled,
    /// The caller's own deadline passed.
    CallerDeadline,
}

impl Class {
    /// The word that logs, metrics and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HostDown => "host_down",
            Self::Transport => "transport",
            Self::TtftTimeout => "ttft_timeout",
            Self::ColdSlow => "cold_slow",
            Self::IdleTimeout => "idle_timeout",
            Self::Upstream5xx => "upstream5xx",
            Self::Saturated => "saturated",
            Self::RateShort => "rate_short",
            Self::RateLong => "rate_long",
            Self::Transient => "transient",
            Self::HardDown => "hard_down",
            Self::ModelMissing => "model_missing",
            Self::Capability => "capability",
            Self::ContextLength => "context_length",
            Self::ClientFault => "client_fault",
            Self::Policy => "policy",
            Self::Decode => "decode",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Cancelled => "cancelled",
            Self::CallerDeadline => "caller_deadline",
            Self::OverBudget => "over_budget",
            Self::OverBound => "over_bound",
            Self::NoPrice => "no_price",
            Self::NoCall => "no_call",
            Self::Privacy => "privacy",
            Self::Loop => "loop",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_called_the_same_everywhere() {
        for class in [Class::HostDown, Class::Upstream5xx, Class::CallerDeadline] {
            assert_eq!(serde_json::json!(class), class.as_str());
        }
    }
}
