//! What can be changed while the stand-in runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::faults::{self, Answer, Play};
use crate::log::Log;

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
}

/// Ollama takes `name` for `name:latest`.
pub(crate) fn is_name(known: &str, asked: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_owned();
    bare(known) == bare(asked)
}

fn first_models() -> Vec<Model> {
    let model = |name: &str, size: u64, capabilities: &[&str]| Model {
        name: name.into(),
        plays: None,
        capabilities: capabilities.iter().map(|&capability| capability.into()).collect(),
        size,
        context_length: context_length(),
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
