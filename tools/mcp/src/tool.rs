//! A tool of a server as the catalogue has it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::providers::command::Command;
use jarvis_tools::outside_text::{clean_line, clip};
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{AnyTool, Context, Error, Output, Plan, Prepared};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::answer;
use crate::connection::{Fault, Line};
use crate::offered::{Asks, Offered};
use crate::resources;
use crate::words;

/// Characters of the arguments that a card shows.
const SHOWN: usize = 2_000;
/// The catalogue's own limit comes after that of the call, so that a call is told why it ended.
const MARGIN: Duration = Duration::from_secs(5);

/// What all tools of a server share.
pub(crate) struct Door {
    pub(crate) server: String,
    /// The connection, while there is one; else why there is none.
    pub(crate) line: RwLock<Result<Line, String>>,
    pub(crate) call_limit: Duration,
    /// What is said to the server stays in the house.
    pub(crate) stays_here: bool,
    /// A call was lost: is the server still at work?
    pub(crate) doubt: Notify,
}

impl Door {
    fn line(&self) -> Result<Line, Error> {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner).clone();
        line.map_err(|why| {
            Error::unavailable(format!("the MCP server {} does not answer: {why}", self.server))
                .with_hint("`jarvis mcp list` shows what is wrong with it")
        })
    }

    pub(crate) fn set(&self, line: Result<Line, String>) {
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

/// One tool.
pub(crate) struct McpTool {
    pub(crate) offered: Offered,
    pub(crate) door: Arc<Door>,
}

impl McpTool {
    /// An act, unless the owner wrote that it reads. Whether an act can be undone nobody here knows, so it is one that
    /// always has a card. What comes back is of the house, and what is sent can leave it.
    fn risk(&self) -> Risk {
        let risk = if self.offered.reads {
            Risk::read(Trust::Operator).private()
        } else {
            Risk::acts(Effect::Destructive, Trust::Operator).private()
        };
        if self.door.stays_here { risk } else { risk.egress() }
    }
}

impl McpTool {
    /// The server's answer in words, or why there is none; the outer error is that of a call that makes no sense.
    async fn asked(&self, line: &Line, arguments: Map<String, Value>) -> Result<Result<Output, Fault>, Error> {
        let (own_name, limit) = (&self.offered.own_name, self.door.call_limit);
        Ok(match self.offered.asks {
            Asks::Tool => match line.call(own_name, arguments, limit).await {
                Ok(result) => Ok(answer::read(&self.offered.name, result)?),
                Err(fault) => Err(fault),
            },
            Asks::Resources => line.resources(limit).await.map(|all| resources::list(&all)),
            Asks::Resource => line
                .resource(resources::address(&arguments)?, limit)
                .await
                .map(resources::read),
        })
    }
}

#[async_trait]
impl AnyTool for McpTool {
    fn name(&self) -> &str {
        &self.offered.name
    }

    fn description(&self) -> &str {
        &self.offered.description
    }

    fn parameters(&self) -> &Value {
        &self.offered.parameters
    }

    fn untrusted_output(&self) -> bool {
        true
    }

    fn only_acts(&self) -> bool {
        !self.offered.reads
    }

    fn least_trust(&self) -> Trust {
        Trust::Operator
    }

    fn commands(&self) -> &'static [Command] {
        &[]
    }

    fn time_limit(&self) -> Duration {
        self.door.call_limit + MARGIN
    }

    /// Whether the arguments fit is for the server to say, which knows what it meant by its schema; those that cannot be
    /// meant are refused before anybody is asked about them.
    fn prepare(&self, arguments: &Value) -> Result<Prepared, Error> {
        let Value::Object(given) = arguments else {
            return Err(Error::refused(format!(
                "the arguments of `{}` are not an object",
                self.offered.name
            )));
        };
        let required = self.offered.parameters.get("required").and_then(Value::as_array);
        let mut required = required.into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.find(|name| !given.contains_key(*name)) {
            return Err(Error::refused(format!(
                "the arguments of `{}` do not fit: missing field `{missing}`",
                self.offered.name
            )));
        }
        Ok(Prepared {
            risk: self.risk(),
            // No word of the owner's own names what a stranger's tool is about.
            target: None,
            verbs: &[],
            arguments: arguments.clone(),
        })
    }

    /// Nothing is known of the state behind it. A card holds for the tool as it is described now.
    async fn plan(&self, _context: &Context, arguments: &Value) -> Result<Plan, Error> {
        let Offered { own_name, hash, .. } = &self.offered;
        let own_name = words::line(own_name, 64);
        self.door.line()?;
        let shown = clip(&serde_json::to_string_pretty(arguments).unwrap_or_default(), SHOWN);
        let mut says = vec![format!(
            "The MCP server `{}` does `{own_name}`; what that comes to is not known here.",
            self.door.server
        )];
        says.extend(shown.lines().map(|shown| clean_line(shown, 300)));
        Ok(Plan {
            title: format!("call {own_name} of the MCP server {}", self.door.server),
            says,
            before: "not known".to_owned(),
            after: "what the server does".to_owned(),
            state_hash: hex::encode(Sha256::digest(format!("{hash} {arguments}").as_bytes())),
            undo: None,
        })
    }

    async fn run(&self, context: &Context, arguments: Value) -> Result<Output, Error> {
        let Value::Object(arguments) = arguments else {
            return Err(Error::refused("the arguments are not an object"));
        };
        let line = self.door.line()?;
        let called = tokio::select! {
            called = self.asked(&line, arguments) => called?,
            // Dropping the call tells the server that nobody waits for it. Only reads are stopped.
            () = context.stop.cancelled() => return Err(Error::unavailable("it was stopped")),
        };
        match called {
            Ok(output) => Ok(output),
            Err(Fault::Refused(says)) => Err(Error::refused(format!(
                "the MCP server {} refuses the call: {says}",
                self.door.server
            ))),
            Err(Fault::Lost(why)) => {
                self.door.doubt.notify_one();
                let says = format!("`{}` of the MCP server {}: {why}", self.offered.name, self.door.server);
                Err(if self.offered.reads {
                    Error::unavailable(says)
                } else {
                    Error::OutcomeUnknown { message: says }
                })
            }
        }
    }
}
