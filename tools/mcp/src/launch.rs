//! A server of the configuration with everything that it needs from the environment.

use std::fmt;
use std::time::Duration;

use jarvis_tools::outside_text::mask;
use secrecy::SecretString;

use crate::config::Server;

/// How a server is reached.
#[derive(Clone)]
pub enum Way {
    /// A program of this machine, with its whole environment.
    Program {
        command: String,
        args: Vec<String>,
        environment: Vec<(String, SecretString)>,
    },
    /// An address, with a bearer token.
    Address {
        url: String,
        credential: Option<SecretString>,
    },
}

/// One server, ready to be connected to.
#[derive(Debug, Clone)]
pub struct Launch {
    pub name: String,
    pub way: Way,
    pub server: Server,
}

impl Launch {
    pub(crate) fn call_limit(&self) -> Duration {
        self.server.call_limit()
    }

    /// Where it is, for people. What looks like a secret among its arguments is not shown.
    pub(crate) fn place(&self) -> String {
        match &self.way {
            Way::Program { command, args, .. } => mask(&format!("{command} {}", args.join(" "))).trim_end().to_owned(),
            Way::Address { url, .. } => mask(url),
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { command, .. } => f.debug_tuple("Program").field(command).finish(),
            Self::Address { url, .. } => f.debug_tuple("Address").field(url).finish(),
        }
    }
}
