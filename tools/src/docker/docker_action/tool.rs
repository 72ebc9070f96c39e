//! The tool as the catalogue sees it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::providers::command::{CallForm, Command};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{act, guard, plan};
use crate::docker::client::{Client, Details, Engine, Listed};
use crate::docker::config::Config;
use crate::docker::name::Name;
use crate::risk::{Effect, Risk, Trust};
use crate::within::Within;
use crate::{Context, Error, Output, Plan, Tool};

const DEFAULT_GRACE: u32 = 10;

const COMMANDS: &[Command] = &[
    command(
        &["restart {container}"],
        &[call("restart")],
        "restarts a container and watches whether it stays up",
    ),
    command(
        &["start {container}"],
        &[call("start")],
        "starts a container and watches whether it stays up",
    ),
    command(&["stop {container}"], &[call("stop")], "stops a container"),
];

const fn command(phrases: &'static [&'static str], calls: &'static [CallForm], help: &'static str) -> Command {
    Command { phrases, calls, help }
}

const fn call(action: &'static str) -> CallForm {
    CallForm {
        tool: DockerAction::NAME,
        arguments: match action.as_bytes() {
            b"start" => &[("action", "start"), ("container", "{container}")],
            b"stop" => &[("action", "stop"), ("container", "{container}")],
            _ => &[("action", "restart"), ("container", "{container}")],
        },
    }
}

/// Starts, stops or restarts one container, then checks that it really happened and says so. Use it only when the
/// user wants that. Look at the container first when the reason for a problem is unknown: a restart loses evidence.
/// Everything that uses the container is interrupted by a stop or a restart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What to do: `start`, `stop` or `restart`.
    pub(super) action: Action,
    /// The exact name of the container, as `list_containers` shows it.
    pub(super) container: Name,
    /// Seconds that the container gets to end by itself before it is killed, 1 to 120. Default 10. Not used by start.
    timeout_s: Option<Within<1, 120>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Start,
    Stop,
    Restart,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

#[derive(Clone)]
pub struct DockerAction {
    client: Client,
    config: Config,
    clock: Arc<dyn Clock>,
}

/// One container that may be acted on, as it was found.
pub(super) struct Subject {
    pub(super) engine: Engine,
    pub(super) found: Listed,
    pub(super) before: Details,
    pub(super) action: Action,
    pub(super) grace: Duration,
}

impl DockerAction {
    pub fn new(client: Client, config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { client, config, clock }
    }

    async fn subject(&self, input: &Input) -> Result<Subject, Error> {
        let engine = self.client.engine().await?;
        let found = engine.find(&input.container).await?;
        guard::check(&self.config, &found)?;
        let before = engine.inspect(&found.id).await?;
        Ok(Subject {
            engine,
            found,
            before,
            action: input.action,
            grace: Duration::from_secs(input.timeout_s.map_or(DEFAULT_GRACE, Within::value).into()),
        })
    }
}

#[async_trait]
impl Tool for DockerAction {
    type Input = Input;
    const NAME: &'static str = "docker_action";

    fn risk(&self, input: &Input) -> Risk {
        match input.action {
            Action::Start | Action::Restart => Risk::acts(Effect::Reversible, Trust::Operator),
            Action::Stop => Risk::acts(Effect::Destructive, Trust::Operator),
        }
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &Input) -> Option<String> {
        Some(input.container.as_str().to_owned())
    }

    fn verbs(&self, input: &Input) -> &'static [&'static str] {
        match input.action {
            Action::Start => &["start", "starte", "run", "boot"],
            Action::Restart => &["restart", "reboot", "bounce", "neustarten", "neu"],
            Action::Stop => &["stop", "stoppe", "halt"],
        }
    }

    fn commands(&self) -> &'static [Command] {
        COMMANDS
    }

    /// The longest grace, the engine's own time, and the watching afterwards.
    fn time_limit(&self) -> Duration {
        Duration::from_mins(4)
    }

    async fn plan(&self, _context: &Context, input: &Input) -> Result<Plan, Error> {
        let subject = self.subject(input).await?;
        plan::plan(&subject, self.clock.now())
    }

    async fn run(&self, context: &Context, input: Input) -> Result<Output, Error> {
        let subject = self.subject(&input).await?;
        if context.stop.is_cancelled() {
            return Err(Error::refused(format!(
                "{} `{}`: cancelled before anything was done",
                input.action.as_str(),
                subject.found.name()
            )));
        }
        act::run(&subject, self.clock.as_ref()).await
    }
}
