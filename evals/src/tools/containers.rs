//! Containers, under the names, arguments and risks of the real Docker tools.

use async_trait::async_trait;
use jarvis_gateway::providers::command::{CallForm, Command};
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::world::{World, missing, plan, says};

/// Lists every container with its state (running, exited, unhealthy, restarting). Use it to say what is running or what
/// has failed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListInput {}

pub(super) struct ListContainers(pub(super) World);

#[async_trait]
impl Tool for ListContainers {
    type Input = ListInput;
    const NAME: &'static str = "list_containers";

    fn risk(&self, _input: &ListInput) -> Risk {
        Risk::read(Trust::Operator)
    }

    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        &[Command {
            phrases: &["what is running here"],
            calls: &[CallForm {
                tool: Self::NAME,
                arguments: &[],
            }],
            help: "lists the containers",
        }]
    }

    async fn run(&self, _context: &Context, _input: ListInput) -> Result<Output, Error> {
        let state = self.0.state();
        let line =
            |(name, container): (&String, &crate::state::Container)| format!("**{name}** is {}", container.state);
        let lines: Vec<String> = state.containers.iter().map(line).collect();
        Ok(says(lines.join("\n")))
    }
}

/// Reads the last lines of a container's log. Use it to find out why a container failed, died or restarts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInput {
    /// The name of the container.
    container: String,
}

pub(super) struct GetContainerLogs(pub(super) World);

#[async_trait]
impl Tool for GetContainerLogs {
    type Input = LogInput;
    const NAME: &'static str = "get_container_logs";

    fn risk(&self, _input: &LogInput) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    fn target(&self, input: &LogInput) -> Option<String> {
        Some(input.container.clone())
    }

    fn commands(&self) -> &'static [Command] {
        &[Command {
            phrases: &["logs {container}"],
            calls: &[CallForm {
                tool: Self::NAME,
                arguments: &[("container", "{container}")],
            }],
            help: "shows the last lines of a container's log",
        }]
    }

    async fn run(&self, _context: &Context, input: LogInput) -> Result<Output, Error> {
        let containers = self.0.state().containers;
        match containers.get(&input.container) {
            Some(container) => {
                self.0.reads_private();
                Ok(says(container.log.clone()))
            }
            None => Err(missing("container", &input.container, containers.keys())),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    Start,
    Stop,
    Restart,
}

impl Action {
    fn word_and_end(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("start", "running"),
            Self::Stop => ("stop", "exited"),
            Self::Restart => ("restart", "running"),
        }
    }
}

/// Starts, stops or restarts one container. Use it when the user asks for exactly that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActInput {
    action: Action,
    /// The name of the container.
    container: String,
}

pub(super) struct DockerAction(pub(super) World);

#[async_trait]
impl Tool for DockerAction {
    type Input = ActInput;
    const NAME: &'static str = "docker_action";

    fn risk(&self, input: &ActInput) -> Risk {
        match input.action {
            Action::Start | Action::Restart => Risk::acts(Effect::Reversible, Trust::Operator),
            Action::Stop => Risk::acts(Effect::Destructive, Trust::Operator),
        }
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &ActInput) -> Option<String> {
        Some(input.container.clone())
    }

    fn verbs(&self, input: &ActInput) -> &'static [&'static str] {
        match input.action {
            Action::Start => &["start"],
            Action::Stop => &["stop"],
            Action::Restart => &["restart"],
        }
    }

    fn commands(&self) -> &'static [Command] {
        &[Command {
            phrases: &["stop {container}"],
            calls: &[CallForm {
                tool: Self::NAME,
                arguments: &[("action", "stop"), ("container", "{container}")],
            }],
            help: "stops a container",
        }]
    }

    async fn plan(&self, _context: &Context, input: &ActInput) -> Result<Plan, Error> {
        let containers = self.0.state().containers;
        let Some(container) = containers.get(&input.container) else {
            return Err(missing("container", &input.container, containers.keys()));
        };
        let (word, after) = input.action.word_and_end();
        Ok(plan(
            format!("{word} {}", input.container),
            container.state.clone(),
            after,
        ))
    }

    async fn run(&self, _context: &Context, input: ActInput) -> Result<Output, Error> {
        let containers = self.0.state().containers;
        if !containers.contains_key(&input.container) {
            return Err(missing("container", &input.container, containers.keys()));
        }
        let (word, after) = input.action.word_and_end();
        self.0.does(format!("{word} {}", input.container), |state| {
            if let Some(container) = state.containers.get_mut(&input.container) {
                after.clone_into(&mut container.state);
            }
        });
        Ok(says(format!("{word} {}: it is {after} now", input.container)))
    }
}
