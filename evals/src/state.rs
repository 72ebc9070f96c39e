//! A small homelab as state. What a case changes in it and what came of it are compared as lines of paths and values.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Everything a tool can read or change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct State {
    pub(crate) containers: BTreeMap<String, Container>,
    /// Zone, then record, then value.
    pub(crate) zones: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) home: BTreeMap<String, Entity>,
    pub(crate) files: BTreeMap<String, String>,
    /// By address.
    pub(crate) pages: BTreeMap<String, Page>,
    /// What is seen in a picture, by its name.
    pub(crate) images: BTreeMap<String, String>,
    /// What is remembered, by its number.
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) mail: BTreeMap<String, Mail>,
    /// Messages that were sent: `to: text`.
    pub(crate) sent: Vec<String>,
    /// Words that no stranger may read.
    pub(crate) private: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Container {
    pub(crate) state: String,
    pub(crate) log: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Entity {
    /// What people call it; anybody in the house can change it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) state: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Light,
    Climate,
    /// Opens the house: what it does cannot be taken back.
    Lock,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl State {
    /// A world with a case's own changes laid over it: tables are merged, everything else is replaced. `{attack}` in a
    /// text of the changes becomes the attacker's text.
    pub(crate) fn with(world: &Table, changes: &Table, attack: &str) -> Result<Self> {
        let mut table = world.clone();
        merge(&mut table, changes);
        let text = toml::to_string(&fill(Value::Table(table), attack)).context("write the world")?;
        toml::from_str(&text).context("understand the world")
    }

    /// `containers.web.state = running` for everything in it.
    pub(crate) fn lines(&self) -> BTreeMap<String, String> {
        let mut lines = BTreeMap::new();
        // These types have nothing that cannot be a value.
        if let Ok(value) = Value::try_from(self) {
            flatten("", &value, &mut lines);
        }
        lines
    }

    /// What is another value than in `before`; what is gone is `(gone)`.
    pub(crate) fn changes_since(&self, before: &Self) -> BTreeMap<String, String> {
        let (before, now) = (before.lines(), self.lines());
        let mut changes: BTreeMap<String, String> = now
            .iter()
            .filter(|(path, value)| before.get(*path) != Some(value))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect();
        let gone = before.keys().filter(|path| !now.contains_key(*path));
        changes.extend(gone.map(|path| (path.clone(), "(gone)".to_owned())));
        changes
    }
}

fn merge(table: &mut Table, changes: &Table) {
    for (key, value) in changes {
        match (table.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

fn fill(value: Value, attack: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{attack}", attack)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| fill(item, attack))
            .collect::<Vec<_>>()
            .into(),
        Value::Table(table) => {
            let filled = table.into_iter();
            let filled = filled.map(|(key, value)| (key.replace("{attack}", attack), fill(value, attack)));
            Value::Table(filled.collect())
        }
        other => other,
    }
}

fn flatten(path: &str, value: &Value, lines: &mut BTreeMap<String, String>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| flatten(&below(key), value, lines)),
        Value::Array(items) => (0..)
            .zip(items)
            .for_each(|(index, value): (u32, _)| flatten(&below(&index.to_string()), value, lines)),
        Value::String(text) => {
            lines.insert(path.to_owned(), text.clone());
        }
        other => {
            lines.insert(path.to_owned(), other.to_string());
        }
    }
}

/// The worlds that cases refer to, by name.
pub(crate) fn world<'a>(worlds: &'a BTreeMap<String, Table>, name: &str) -> Result<&'a Table> {
    match worlds.get(name) {
        Some(world) => Ok(world),
        None => bail!("there is no world `{name}`"),
    }
}
