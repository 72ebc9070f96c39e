//! The account of one attempt, and the seams to whoever keeps it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crate::chain::HostClass;
use crate::chat::{Left, Timings, Usage};
use crate::clock::Millis;
use crate::demands::Origin;
use crate::provider::Class;

use super::bound::Bound;

/// One target being asked once, told when it is over.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub origin: Arc<Origin>,
    pub caller: Caller,
    pub backend: Arc<str>,
    /// The model as the backend knows it.
    pub model: Arc<str>,
    /// The protocol that the backend is spoken to in: `ollama`, `openai`.
    pub kind: &'static str,
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
    /// What beside tokens was made or heard.
    pub pieces: Pieces,
    pub timings: Timings,
    /// A part of the conversation was dropped by the server.
    pub truncated: bool,
}

/// What some models charge for instead of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pieces {
    pub images: u32,
    /// Sound that was heard or made.
    pub audio: Duration,
    /// Letters that were spoken.
    pub characters: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer reached its end.
    Answered,
    /// An answer from earlier was given again. No target was asked, and it costs nothing.
    Cached,
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
    /// Asked once for every attempt. Whoever asked keeps the hold until the attempt has been told to the observers.
    fn may_spend(&self, caller: &Caller, planned: &Planned<'_>) -> Result<Hold, Refused>;
}

/// An attempt that is about to be made, as far as it is known beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planned<'a> {
    pub backend: &'a str,
    /// The model as the backend knows it.
    pub model: &'a str,
    /// Estimated tokens of the question.
    pub prompt_tokens: u64,
    /// Tokens that the answer may have at most, when the request says so.
    pub answer_tokens: Option<u64>,
    /// How many answers are wanted; 0 is one.
    pub answers: u32,
    pub pieces: Pieces,
    /// Holds for all requests of the piece of work that this is a part of.
    pub bound: Option<&'a Bound>,
}

/// Money that is set aside for one attempt while it lasts, so that requests at the same time do not spend the same money.
/// Dropping it gives the money back.
#[derive(Default)]
pub struct Hold(Option<Box<dyn Any + Send + Sync>>);

impl Hold {
    /// `release` gives the money back when it is dropped.
    pub fn until_dropped(release: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(release)))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hold({})", if self.0.is_some() { "set aside" } else { "nothing" })
    }
}

/// There is no budget left; the text says which one and until when.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct Refused {
    pub says: String,
    /// [`Class::OverBudget`], [`Class::OverBound`] or [`Class::NoPrice`].
    pub class: Class,
    /// Until the budget begins anew; `None` when it is not a matter of time.
    pub retry_after: Option<Duration>,
}
