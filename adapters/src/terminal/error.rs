use std::error::Error as StdError;
use std::io;

use jarvis_gateway::provider;
use jarvis_gateway::upstream::SetupError;

/// Why Jarvis could not be asked, or did not do it. Every text is a sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the address of Jarvis is wrong")]
    Address(#[from] SetupError),
    #[error("no Jarvis answers at {url}; start it with `jarvis`")]
    NotThere {
        url: String,
        #[source]
        reason: provider::Error,
    },
    /// 401.
    #[error("Jarvis at {url} refused the key: {says}; `jarvis key new NAME --scope ops,approve` makes one")]
    KeyRefused { url: String, says: String },
    /// Any other refusal, in the server's own sentence.
    #[error("{says}")]
    Refused {
        status: u16,
        /// The machine-readable reason, such as `approval_expired`.
        code: Option<String>,
        says: String,
    },
    #[error("what answers at {url} is not Jarvis, or not this version of it")]
    NotJarvis { url: String },
    #[error("the connection to Jarvis at {url} broke")]
    Broken {
        url: String,
        #[source]
        reason: provider::Error,
    },
    /// Jarvis was there and went away for longer than a restart takes.
    #[error("Jarvis at {url} went away and did not come back within {seconds} s; what it did meanwhile is unknown")]
    Lost { url: String, seconds: u64 },
    #[error("the turn ended without an answer ({why})")]
    TurnFailed { why: String },
    #[error("no answer to `{said}` came within {seconds} s")]
    NoAnswer { said: String, seconds: u64 },
    #[error("approval {id} was approved, and no outcome came within {minutes} min; `jarvis audit` tells it later")]
    NoOutcome { id: String, minutes: u64 },
    #[error("stopped; `jarvis audit` shows what was done until then")]
    Interrupted,
    #[error("read what is typed")]
    Input(#[source] io::Error),
    #[error("write the answer")]
    Output(#[source] io::Error),
}

impl Error {
    /// The error and its causes in one line.
    pub(super) fn sentence(&self) -> String {
        let causes = std::iter::successors(self.source(), |cause| (*cause).source());
        let all: Vec<String> = std::iter::once(self.to_string())
            .chain(causes.map(ToString::to_string))
            .collect();
        all.join(": ")
    }

    /// Asking again later cannot help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::KeyRefused { .. } | Self::NotJarvis { .. } | Self::Address(_) => true,
            Self::Refused { status, .. } => *status < 500 && *status != 429,
            Self::NotThere { .. }
            | Self::Broken { .. }
            | Self::Lost { .. }
            | Self::TurnFailed { .. }
            | Self::NoAnswer { .. }
            | Self::NoOutcome { .. }
            | Self::Interrupted
            | Self::Input(_)
            | Self::Output(_) => false,
        }
    }
}
