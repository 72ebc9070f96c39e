//! What can be changed while the stand-in runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::faults::{self, Answer, Play};
use crate::log::Log;
use crate::ollama::Runners;

/// The body of `POST /control`. It replaces what was set before; an empty object sets everything back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// A name of [`crate::faults`]: played instead of what the model would play.
    pub fault: Option<String>,
    /// The path on which `fault` is played; without it, on both chat routes.
    pub path: Option<String>,
    /// The models that exist, instead of those that the stand-in begins with.
    pub models: Option<Vec<Model>>,
    /// Empties the log.
    pub clear_log: bool,
    /// Closes the port and every connection for so long.
    pub down_ms: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    /// The name of [`crate::faults`] that it plays; without it, what its own name says, or `ok`.
    #[serde(default)]
    pub plays: Option<String>,
    #[serde(default = "chat_with_tools")]
    pub capabilities: Vec<String>,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    #[serde(default = "context_length")]
    pub context_length: u64,
    /// The model is not in memory, and the first request for it takes so long to load it.
    #[serde(default)]
    pub load_ms: Option<u64>,
}

impl Model {
    /// A model with tools that plays what its name says.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            plays: None,
            capabilities: chat_with_tools(),
            size: 1,
            context_length: context_length(),
            load_ms: None,
        }
    }
}

fn chat_with_tools() -> Vec<String> {
    vec!["completion".into(), "tools".into()]
}

fn context_length() -> u64 {
    40_960
}

/// Everything that all connections share.
#[derive(Debug, Default)]
pub(crate) struct State {
    control: Mutex<Control>,
    /// How often a model with `-once` in its name was asked.
    asked: Mutex<HashMap<String, u32>>,
    pub(crate) log: Log,
    pub(crate) runners: Runners,
    /// How long to be down, for the one that accepts connections.
    pub(crate) down: Mutex<Option<Duration>>,
    pub(crate) goes_down: Notify,
}

impl State {
    pub(crate) fn set(&self, control: Control) -> Result<(), String> {
        let plays = control.models.iter().flatten().filter_map(|model| model.plays.as_ref());
        for name in plays.chain(&control.fault) {
            if faults::of_model(name).is_none() {
                return Err(format!("`{name}` is not something that the stand-in can play"));
            }
        }
        if control.clear_log {
            self.log.clear();
        }
        lock(&self.asked).clear();
        self.runners.clear();
        if let Some(down) = control.down_ms {
            *lock(&self.down) = Some(Duration::from_millis(down));
            self.goes_down.notify_one();
        }
        *lock(&self.control) = control;
        Ok(())
    }

    /// What `model` plays on `path`; `None` when there is no such model.
    pub(crate) fn play(&self, path: &str, model: &str) -> Option<Play> {
        let name = {
            let control = lock(&self.control);
            let listed = control
                .models
                .as_ref()
                .map(|models| models.iter().find(|known| is_name(&known.name, model)));
            match (&control.fault, &control.path, listed) {
                (Some(fault), None, _) => fault.clone(),
                (Some(fault), Some(on), _) if on == path => fault.clone(),
                (_, _, None) => model.to_owned(),
                (_, _, Some(None)) => return None,
                (_, _, Some(Some(known))) => match &known.plays {
                    Some(plays) => plays.clone(),
                    None if faults::of_model(model).is_some() => model.to_owned(),
                    None => "ok".to_owned(),
                },
            }
        };
        let (play, once) = faults::of_model(&name)?;
        if once {
            let mut asked = lock(&self.asked);
            let times = asked.entry(name).or_default();
            *times += 1;
            if times.is_multiple_of(2) {
                return Some(Play::Answer(Answer::Ok));
            }
        }
        Some(play)
    }

    /// What is played on a route without a model.
    pub(crate) fn fault_on(&self, path: &str) -> Option<Play> {
        let control = lock(&self.control);
        let fault = control
            .fault
            .as_ref()
            .filter(|_| control.path.as_deref() == Some(path))?;
        faults::of_model(fault).map(|(play, _)| play)
    }

    pub(crate) fn models(&self) -> Vec<Model> {
        lock(&self.control).models.clone().unwrap_or_else(first_models)
    }

    /// How long `model` takes to be loaded; `None` for one that is there from the beginning.
    pub(crate) fn load_time(&self, model: &str) -> Option<Duration> {
        let control = lock(&self.control);
        let listed = control
            .models
            .iter()
            .flatten()
            .find(|known| is_name(&known.name, model));
        let plays = listed.and_then(|known| known.plays.as_deref()).unwrap_or(model);
        let by_name = match faults::of_model(plays) {
            Some((Play::Answer(Answer::Cold(load)), _)) => Some(load),
            Some(_) | None => None,
        };
        let listed = listed.and_then(|known| known.load_ms).map(Duration::from_millis);
        listed.or(by_name)
    }

    pub(crate) fn loaded_models(&self) -> Vec<Model> {
        let is_set = lock(&self.control).models.is_some();
        let can_chat = |model: &Model| model.capabilities.iter().any(|capability| capability == "completion");
        let mut firsts = usize::from(!is_set);
        let mut models = self.models();
        models.retain(|model| {
            let is_first = can_chat(model) && std::mem::take(&mut firsts) > 0;
            let from_the_beginning = (is_set || is_first) && self.load_time(&model.name).is_none();
            self.runners.is_loaded(&model.name).unwrap_or(from_the_beginning)
        });
        models
    }
}

/// Ollama takes `name` for `name:latest`.
pub(crate) fn is_name(known: &str, asked: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_owned();
    bare(known) == bare(asked)
}

fn first_models() -> Vec<Model> {
    let model = |name: &str, size: u64, capabilities: &[&str]| Model {
        capabilities: capabilities.iter().map(|&capability| capability.into()).collect(),
        size,
        ..Model::named(name)
    };
    vec![
        model("embed:latest", 274_000_000, &["embedding"]),
        model("ok:latest", 9_300_000_000, &["completion", "tools", "thinking"]),
        model("tools:latest", 2_600_000_000, &["completion", "tools"]),
        model("echo:latest", 2_500_000_000, &["completion"]),
    ]
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole after every statement, so that a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
