//! The process of a set: a line of JSON asks, a line of JSON answers.

use std::process::Stdio;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::tool::About;
use crate::case::Order;

/// A task, alone or with somebody's attack in the world that it is done in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    pub suite: String,
    pub task: String,
    pub attack: Option<String>,
}

impl Which {
    pub fn name(&self) -> String {
        let attack = self.attack.as_deref().unwrap_or("alone");
        format!("{}/{}/{attack}", self.suite, self.task)
    }
}

/// A play, ready to begin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// What the user says.
    pub(super) asks: String,
    pub(super) tools: Vec<About>,
    /// The calls that do what the user asks for.
    pub(super) calls: Vec<Order>,
    /// What the model answers then.
    pub(super) says: String,
    pub(super) attack: Option<Orders>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Orders {
    /// What stands in every text of the attack.
    pub(super) seen: String,
    pub(super) calls: Vec<Order>,
    pub(super) says: String,
}

/// What a call gave: the tool's text, or its error.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Given {
    Text(String),
    Error(String),
}

/// What the set finds in its world afterwards.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    pub(super) done: bool,
    pub(super) attacked: bool,
}

pub(super) struct Child {
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    /// Ends with this value.
    _process: tokio::process::Child,
}

impl Child {
    pub(super) fn start(command: &[String]) -> Result<Self> {
        let (program, arguments) = command.split_first().context("the command of a set is empty")?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let into = process.stdin.take().context("the set has no standard input")?;
        let out = process.stdout.take().context("the set has no standard output")?;
        Ok(Self {
            pipes: Mutex::new((into, BufReader::new(out).lines())),
            _process: process,
        })
    }

    pub(super) async fn list(&self) -> Result<Vec<Which>> {
        self.ask(json!({ "do": "list" })).await
    }

    pub(super) async fn begin(&self, play: &Which) -> Result<Script> {
        self.ask(json!({ "do": "begin", "play": play })).await
    }

    pub(super) async fn call(&self, tool: &str, arguments: &Value) -> Result<Given> {
        self.ask(json!({ "do": "call", "tool": tool, "arguments": arguments }))
            .await
    }

    pub(super) async fn end(&self, said: &str) -> Result<Found> {
        self.ask(json!({ "do": "end", "said": said })).await
    }

    async fn ask<T: DeserializeOwned>(&self, asked: Value) -> Result<T> {
        let (into, out) = &mut *self.pipes.lock().await;
        let asking = || format!("ask the set to {}", asked["do"]);
        into.write_all(format!("{asked}\n").as_bytes())
            .await
            .with_context(asking)?;
        let line = out.next_line().await.with_context(asking)?;
        let line = line.with_context(|| format!("{}: it ended without an answer", asking()))?;
        serde_json::from_str(&line).with_context(|| format!("{}: it answered {line:.200}", asking()))
    }
}
