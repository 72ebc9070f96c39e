//! The account of one attempt, and the seams to whoever keeps it.

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crate::chain::HostClass;
use crate::chat::{Left, Usage};
use crate::clock::Millis;
use crate::demands::Origin;
use crate::provider::Class;

/// One target being asked once, told when it is over.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub origin: Arc<Origin>,
    pub caller: Caller,
    pub backend: Arc<str>,
    /// The model as the backend knows it.
    pub model: Arc<str>,
    pub class: HostClass,
    /// 1 for the first attempt of a request.
    pub number: u32,
    /// Targets that were passed over or failed before this attempt.
    pub left: Vec<Left>,
    pub started_at: Millis,
    /// From the arrival of the request until this attempt began; `None` when nobody noted the arrival.
    pub waited: Option<Duration>,
    pub took: Duration,
    /// From the start to the first content, thinking or tool call.
    pub first_token: Option<Duration>,
    pub outcome: Outcome,
    /// What the upstream reported, or an estimate where `estimated` says so.
    pub usage: Usage,
    pub estimated: bool,
    /// A part of the conversation was dropped by the server.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer reached its end.
    Answered,
    /// The target was left; what it had produced is wasted.
    Left { class: Class, reason: Arc<str> },
    /// The caller went away, or another target was faster. Not a failure.
    Cancelled,
}

/// Is told about every attempt. It is called where answers are driven, so it must not wait for anything.
pub trait Observer: Send + Sync {
    fn attempt(&self, attempt: &Attempt);
}

/// Asked before a request crosses to a target that costs money.
pub trait Purse: Send + Sync {
    fn may_spend(&self, caller: &Caller) -> Result<(), Refused>;
}

/// There is no budget left; the text says which one and until when.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct Refused {
    pub says: String,
    /// Until the budget begins anew.
    pub retry_after: Duration,
}
