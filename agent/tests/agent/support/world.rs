//! Things with names and states, and the tools that read and change them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::providers::command::{CallForm, Command};
use jarvis_tools::catalog::Catalog;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use super::fate::Fate;

/// How a call about a thing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Manner {
    #[default]
    Works,
    /// The call answers with an error.
    Fails,
    /// The call has begun and its end cannot be read.
    LosesSight,
    Panics,
    /// Making the plan panics.
    PanicsInPlan,
    /// The call never ends by itself; the limit of the tool ends it.
    Hangs,
}

#[derive(Debug, Clone, Default)]
struct Thing {
    state: String,
    log: String,
    manner: Manner,
    gate: Option<Gate>,
}

/// The things. Clones are the same world, so that it survives an agent as a real one does.
#[derive(Clone, Default)]
pub(crate) struct World {
    things: Arc<Mutex<BTreeMap<String, Thing>>>,
    done: Arc<Mutex<Vec<String>>>,
    /// When the process that acts on it ends.
    pub(crate) fate: Fate,
    /// Agents over this world have the tools of the schedule, too.
    pub(crate) has_jobs: bool,
    /// Those of memory, too.
    pub(crate) has_memory: bool,
}

/// Holds calls about a thing until it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    /// Waits until a call stands at the gate.
    pub(crate) async fn arrived(&self) {
        let waiting = tokio::time::timeout(Duration::from_secs(20), self.arrived.acquire());
        waiting
            .await
            .expect("no call came to the gate")
            .expect("the gate stays")
            .forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.expect("the gate stays").forget();
    }
}

impl World {
    /// `web`, `plex` and `vpn`, all running.
    pub(crate) fn new() -> Self {
        let world = Self::default();
        for name in ["web", "plex", "vpn"] {
            world.set(name, "running");
        }
        world
    }

    pub(crate) fn set(&self, name: &str, state: &str) {
        state.clone_into(&mut self.lock().entry(name.to_owned()).or_default().state);
    }

    pub(crate) fn set_log(&self, name: &str, log: &str) {
        log.clone_into(&mut self.lock().entry(name.to_owned()).or_default().log);
    }

    pub(crate) fn set_manner(&self, name: &str, manner: Manner) {
        self.lock().entry(name.to_owned()).or_default().manner = manner;
    }

    /// The next calls about this thing wait at the gate.
    pub(crate) fn hold(&self, name: &str) -> Gate {
        let gate = Gate {
            arrived: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        };
        self.lock().entry(name.to_owned()).or_default().gate = Some(gate.clone());
        gate
    }

    pub(crate) fn state(&self, name: &str) -> String {
        self.lock().get(name).cloned().unwrap_or_default().state
    }

    /// Every act that changed something, in order: `stop web`.
    pub(crate) fn done(&self) -> Vec<String> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::default().with(ReadState(self.clone())).with(Act(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Thing>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Result<Thing, Error> {
        let things = self.lock();
        let names: Vec<&str> = things.keys().map(String::as_str).collect();
        things.get(name).cloned().ok_or_else(|| {
            Error::refused(format!("there is no `{name}`")).with_hint(format!("there are {}", names.join(", ")))
        })
    }

    /// Goes through the gate and then as the thing's manner says.
    async fn meet(&self, name: &str) -> Result<Thing, Error> {
        let thing = self.find(name)?;
        if let Some(gate) = &thing.gate {
            gate.pass().await;
        }
        match thing.manner {
            Manner::Works | Manner::PanicsInPlan => Ok(thing),
            Manner::Fails => Err(Error::unavailable(format!("`{name}` does not answer"))),
            Manner::LosesSight => {
                self.write_down(format!("touched {name}"));
                Err(Error::OutcomeUnknown {
                    message: format!("`{name}` was out of sight"),
                })
            }
            Manner::Panics => panic!("the tool for {name} has a fault"),
            Manner::Hangs => std::future::pending().await,
        }
    }

    fn write_down(&self, act: String) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(act);
    }
}

/// Reads the state and the log of a thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadStateInput {
    /// Which thing.
    name: String,
}

struct ReadState(World);

#[async_trait]
impl Tool for ReadState {
    type Input = ReadStateInput;
    const NAME: &'static str = "read_state";

    /// To look at `page` tells somebody outside.
    fn risk(&self, input: &Self::Input) -> Risk {
        let risk = Risk::read(Trust::Operator).private();
        if input.name == "page" { risk.egress() } else { risk }
    }

    fn target(&self, input: &Self::Input) -> Option<String> {
        Some(input.name.clone())
    }

    fn commands(&self) -> &'static [Command] {
        const CALLS: &[CallForm] = &[CallForm {
            tool: "read_state",
            arguments: &[("name", "{name}")],
        }];
        const COMMANDS: &[Command] = &[Command {
            phrases: &["state {name}"],
            calls: CALLS,
            help: "shows the state of a thing",
        }];
        COMMANDS
    }

    fn time_limit(&self) -> Duration {
        limit_of(&self.0)
    }

    async fn run(&self, _context: &Context, input: Self::Input) -> Result<Output, Error> {
        self.0.fate.effect("a read begins").await;
        let thing = self.0.meet(&input.name).await?;
        let log = if thing.log.is_empty() {
            String::new()
        } else {
            format!("\n{}", thing.log)
        };
        Ok(Output {
            summary: format!("**{}** is {}.{log}", input.name, thing.state),
            data: json!({ "name": input.name, "state": thing.state }),
        })
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Start,
    Restart,
    Stop,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Stop => "stop",
        }
    }

    fn leaves(self) -> &'static str {
        match self {
            Self::Start | Self::Restart => "running",
            Self::Stop => "stopped",
        }
    }
}

/// Starts, restarts or stops a thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ActInput {
    action: Verb,
    /// Which thing.
    name: String,
}

struct Act(World);

#[async_trait]
impl Tool for Act {
    type Input = ActInput;
    const NAME: &'static str = "act";

    fn risk(&self, input: &Self::Input) -> Risk {
        match input.action {
            Verb::Start | Verb::Restart => Risk::acts(Effect::Reversible, Trust::Operator),
            Verb::Stop => Risk::acts(Effect::Destructive, Trust::Operator),
        }
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &Self::Input) -> Option<String> {
        Some(input.name.clone())
    }

    fn commands(&self) -> &'static [Command] {
        const STOP: &[CallForm] = &[CallForm {
            tool: "act",
            arguments: &[("action", "stop"), ("name", "{name}")],
        }];
        const RESTART: &[CallForm] = &[CallForm {
            tool: "act",
            arguments: &[("action", "restart"), ("name", "{name}")],
        }];
        const COMMANDS: &[Command] = &[
            Command {
                phrases: &["stop {name}"],
                calls: STOP,
                help: "stops a thing",
            },
            Command {
                phrases: &["restart {name}"],
                calls: RESTART,
                help: "restarts a thing",
            },
        ];
        COMMANDS
    }

    fn time_limit(&self) -> Duration {
        limit_of(&self.0)
    }

    async fn plan(&self, _context: &Context, input: &Self::Input) -> Result<Plan, Error> {
        let thing = self.0.find(&input.name)?;
        assert!(
            thing.manner != Manner::PanicsInPlan,
            "the plan for {} has a fault",
            input.name
        );
        Ok(Plan {
            title: format!("{} {}", input.action.word(), input.name),
            says: vec![format!("{} will be {}", input.name, input.action.leaves())],
            state_hash: format!("{}:{}", input.name, thing.state),
            before: thing.state,
            after: input.action.leaves().to_owned(),
            undo: None,
        })
    }

    async fn run(&self, _context: &Context, input: Self::Input) -> Result<Output, Error> {
        self.0.fate.effect("an act begins").await;
        self.0.meet(&input.name).await?;
        self.0.set(&input.name, input.action.leaves());
        self.0.write_down(format!("{} {}", input.action.word(), input.name));
        self.0.fate.effect("an act has ended").await;
        let state = self.0.find(&input.name)?.state;
        Ok(Output {
            summary: format!("{} {}: now {state}.", input.action.word(), input.name),
            data: json!(null),
        })
    }
}

/// Short where something hangs, so that a test sees the limit; long enough elsewhere.
fn limit_of(world: &World) -> Duration {
    if world.lock().values().any(|thing| thing.manner == Manner::Hangs) {
        Duration::from_millis(30)
    } else {
        Duration::from_secs(30)
    }
}
