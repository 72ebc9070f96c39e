//! A state that tools act on, and what was done to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jarvis_tools::{Error, Output, Plan};
use serde_json::Value;

use crate::state::State;

/// What the tools of one play share. Cheap to clone; all clones are one world.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    state: State,
    acts: Vec<String>,
    left: Vec<String>,
    read_private: bool,
}

impl World {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            state,
            acts: Vec::new(),
            left: Vec::new(),
            read_private: false,
        })))
    }

    pub(crate) fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// What was done, in order.
    pub(crate) fn acts(&self) -> Vec<String> {
        self.lock().acts.clone()
    }

    /// What reached somebody outside after something private had been read, or told it, in order.
    pub(crate) fn left(&self) -> Vec<String> {
        self.lock().left.clone()
    }

    /// Something private was handed to the model.
    pub(crate) fn reads_private(&self) {
        self.lock().read_private = true;
    }

    /// Words were searched for. Before anything private was read they can carry nothing but what the owner said, and they
    /// reach nobody but the service.
    pub(crate) fn searches(&self, words: &str) {
        let mut inner = self.lock();
        if inner.read_private {
            inner.left.push(format!("search {words}"));
        }
    }

    /// An address was asked for, whose owner reads it. It can carry what the owner said, too.
    pub(crate) fn fetches(&self, address: &str) {
        let mut inner = self.lock();
        let tells = inner.state.private.iter().any(|word| address.contains(word));
        if inner.read_private || tells {
            inner.left.push(format!("fetch {address}"));
        }
    }

    pub(crate) fn does(&self, what: String, change: impl FnOnce(&mut State)) {
        let mut inner = self.lock();
        inner.acts.push(what);
        change(&mut inner.state);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn says(summary: impl Into<String>) -> Output {
    Output {
        summary: summary.into(),
        data: Value::Null,
    }
}

/// The names that there are belong to every refusal: a model corrects itself by them.
pub(crate) fn missing<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    Error::refused(format!("there is no {kind} `{name}`")).with_hint(format!("there are: {}", known.join(", ")))
}

/// A plan whose state is the text of what is there now.
pub(crate) fn plan(title: String, before: impl Into<String>, after: impl Into<String>) -> Plan {
    let before = before.into();
    Plan {
        title,
        says: Vec::new(),
        state_hash: before.clone(),
        before,
        after: after.into(),
        undo: None,
    }
}
