//! The seam to the outside world: the typed tool that authors write, and the erased twin that the agent calls.

use async_trait::async_trait;
use jarvis_gateway::providers::command::Command;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::risk::{Risk, Trust};

/// What a running call is given beside its input.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Cancelled when the turn is stopped. A read may end at once; an act that has begun goes on and is awaited.
    pub stop: CancellationToken,
    /// Who the call is for. `None` for a plan, and for calls that are nobody's.
    pub on_behalf: Option<OnBehalf>,
}

/// Who a call is for and where, as the transport told the agent: never from a call's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalf {
    pub person_id: String,
    pub conversation_id: String,
    /// A person saw exactly this call on a card, and allowed it.
    pub approved: bool,
    /// Outside text was in the context when the call was made.
    pub tainted: bool,
}

/// The result of a call that worked.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// A complete answer in Markdown, for people: command mode shows it as it is.
    pub summary: String,
    /// The same facts as JSON, for the model. `Null` when the summary says it all.
    pub data: Value,
}

/// What an act would do, made from the real state without changing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One line: `stop container web`.
    pub title: String,
    /// What will happen, step by step, in words made by code and never by a model.
    pub says: Vec<String>,
    /// The state now and the state expected afterwards, for people.
    pub before: String,
    pub after: String,
    /// SHA-256 in hex over the state that the plan rests on. When it differs at execution, the plan is stale.
    pub state_hash: String,
    /// How to bring the former state back, when there is a way.
    pub undo: Option<String>,
}

/// Why a call did not work. Always something that the model and the user can read and act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call cannot work as it is: wrong name, wrong argument, wrong state.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
    /// The other side is away or broken; the same call may work later.
    #[error("{message}")]
    Unavailable { message: String, hint: Option<String> },
    /// An act was started and its outcome could not be read back.
    #[error("{message}")]
    OutcomeUnknown { message: String },
}

impl Error {
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: None,
        }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn with_hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Refused { message, .. } => Self::Refused {
                message,
                hint: Some(text.into()),
            },
            Self::Unavailable { message, .. } => Self::Unavailable {
                message,
                hint: Some(text.into()),
            },
            Self::OutcomeUnknown { message } => Self::OutcomeUnknown { message },
        }
    }
}

/// One thing Jarvis can do.
///
/// The doc comment of `Input` is the description that the model reads, and the doc comments of its fields describe
/// the arguments: write them for the model.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    type Input: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Lower case with underscores, unique in the catalogue.
    const NAME: &'static str;

    /// What this call may do, judged from its arguments.
    fn risk(&self, input: &Self::Input) -> Risk;

    /// Who is offered the tool at all: nobody whom [`Self::risk`] would refuse whatever the arguments are.
    fn least_trust(&self) -> Trust {
        Trust::Operator
    }

    /// What the call is about: a container, a zone, a host.
    fn target(&self, _input: &Self::Input) -> Option<String> {
        None
    }

    /// The words for this act in people's sentences, in lower case: `restart`. Outside text in the context makes every act
    /// a card, unless the owner named its target and used one of these words: to ask why a container fails is not to
    /// ask for its restart. Without words the target alone is enough.
    fn verbs(&self, _input: &Self::Input) -> &'static [&'static str] {
        &[]
    }

    /// Whether the output holds text that somebody else wrote (logs, web pages, names). Taints the turn.
    fn untrusted_output(&self) -> bool {
        true
    }

    /// No call of it is a read. Whoever may only read is not told of it.
    fn only_acts(&self) -> bool {
        false
    }

    /// The plain commands that stand for this tool in command mode.
    fn commands(&self) -> &'static [Command] {
        &[]
    }

    /// How long a call may take.
    fn time_limit(&self) -> std::time::Duration {
        std::time::Duration::from_secs(30)
    }

    /// What a call would do. Asked of acts, and of reads that carry text away ([`Risk::egress`]) when a person has to
    /// see them first.
    async fn plan(&self, _context: &Context, _input: &Self::Input) -> Result<Plan, Error> {
        Err(Error::refused(format!(
            "`{}` only reads; there is nothing to plan",
            Self::NAME
        )))
    }

    async fn run(&self, context: &Context, input: Self::Input) -> Result<Output, Error>;
}

/// A call whose arguments have been parsed, ready for policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    pub risk: Risk,
    pub target: Option<String>,
    /// See [`Tool::verbs`].
    pub verbs: &'static [&'static str],
    /// Arguments in canonical form: what is hashed, stored and run.
    pub arguments: Value,
}

/// [`Tool`] without its type, as the catalogue keeps it.
#[async_trait]
pub trait AnyTool: Send + Sync {
    fn name(&self) -> &str;
    fn description(&self) -> &str;
    /// JSON Schema of the arguments.
    fn parameters(&self) -> &Value;
    fn untrusted_output(&self) -> bool;
    fn only_acts(&self) -> bool;
    fn least_trust(&self) -> Trust;
    fn commands(&self) -> &'static [Command];
    fn time_limit(&self) -> std::time::Duration;
    /// Parses and judges arguments without touching the world.
    fn prepare(&self, arguments: &Value) -> Result<Prepared, Error>;
    async fn plan(&self, context: &Context, arguments: &Value) -> Result<Plan, Error>;
    async fn run(&self, context: &Context, arguments: Value) -> Result<Output, Error>;
}
