//! Containers as state, under the names, arguments and risks of the real Docker tools.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jarvis_gateway::providers::command::{CallForm, Command};
use jarvis_tools::catalog::Catalog;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::case::Container;

#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    containers: BTreeMap<String, Container>,
    acts: Vec<String>,
}

impl World {
    pub(crate) fn new(containers: BTreeMap<String, Container>) -> Self {
        let acts = Vec::new();
        Self(Arc::new(Mutex::new(Inner { containers, acts })))
    }

    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::default()
            .with(ListContainers(self.clone()))
            .with(GetContainerLogs(self.clone()))
            .with(DockerAction(self.clone()))
    }

    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let inner = self.lock();
        let state = |(name, container): (&String, &Container)| (name.clone(), container.state.clone());
        inner.containers.iter().map(state).collect()
    }

    pub(crate) fn acts(&self) -> Vec<String> {
        self.lock().acts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Result<Container, Error> {
        let inner = self.lock();
        let names: Vec<&str> = inner.containers.keys().map(String::as_str).collect();
        let missing = || {
            Error::refused(format!("there is no container `{name}`"))
                .with_hint(format!("the containers are: {}", names.join(", ")))
        };
        inner.containers.get(name).cloned().ok_or_else(missing)
    }
}

fn says(summary: String) -> Output {
    Output {
        summary,
        data: Value::Null,
    }
}

/// Lists the containers with their state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

struct ListContainers(World);

#[async_trait]
impl Tool for ListContainers {
    type Input = Nothing;
    const NAME: &'static str = "list_containers";

    fn risk(&self, _input: &Nothing) -> Risk {
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

    async fn run(&self, _context: &Context, _input: Nothing) -> Result<Output, Error> {
        let states = self.0.states();
        let lines: Vec<String> = states
            .iter()
            .map(|(name, state)| format!("**{name}** is {state}"))
            .collect();
        Ok(says(lines.join("\n")))
    }
}

/// Reads the log of a container.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Of {
    container: String,
}

struct GetContainerLogs(World);

#[async_trait]
impl Tool for GetContainerLogs {
    type Input = Of;
    const NAME: &'static str = "get_container_logs";

    fn risk(&self, _input: &Of) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    fn target(&self, input: &Of) -> Option<String> {
        Some(input.container.clone())
    }

    async fn run(&self, _context: &Context, input: Of) -> Result<Output, Error> {
        Ok(says(self.0.find(&input.container)?.log))
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

/// Starts, stops or restarts one container.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Act {
    action: Action,
    container: String,
}

struct DockerAction(World);

#[async_trait]
impl Tool for DockerAction {
    type Input = Act;
    const NAME: &'static str = "docker_action";

    fn risk(&self, input: &Act) -> Risk {
        match input.action {
            Action::Start | Action::Restart => Risk::acts(Effect::Reversible, Trust::Operator),
            Action::Stop => Risk::acts(Effect::Destructive, Trust::Operator),
        }
    }

    fn target(&self, input: &Act) -> Option<String> {
        Some(input.container.clone())
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

    async fn plan(&self, _context: &Context, input: &Act) -> Result<Plan, Error> {
        let before = self.0.find(&input.container)?.state;
        let (word, after) = input.action.word_and_end();
        Ok(Plan {
            title: format!("{word} {}", input.container),
            says: Vec::new(),
            state_hash: before.clone(),
            before,
            after: after.to_owned(),
            undo: None,
        })
    }

    async fn run(&self, _context: &Context, input: Act) -> Result<Output, Error> {
        self.0.find(&input.container)?;
        let (word, after) = input.action.word_and_end();
        let mut inner = self.0.lock();
        inner.acts.push(format!("{word} {}", input.container));
        if let Some(container) = inner.containers.get_mut(&input.container) {
            after.clone_into(&mut container.state);
        }
        Ok(says(format!("{word} {}: it is {after} now", input.container)))
    }
}
