//! Reads the configuration anew while the program runs: all of it or nothing.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jarvis_agent::Agent;
use jarvis_agent::output_gate::OutputGate;
use jarvis_gateway::discovery::{Discovery, Following};
use jarvis_gateway::http::cache::Cache;
use jarvis_gateway::registry::{self, Registry};
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::usage::Prices;
use tokio::sync::Notify;

use crate::assemble;
use crate::config::{self, Changes, Config, Environment};
use crate::keys::AllKeys;
use crate::money::{self, Money};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// An editor that writes a file is given this long to finish.
const SETTLE: Duration = Duration::from_millis(200);

/// The running program's configuration, and what it is made of.
pub(crate) struct Reload {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) registry: Arc<Registry>,
    pub(crate) agent: Agent,
    pub(crate) tasks: Tasks,
    /// There while nothing is configured.
    pub(crate) following: Option<Arc<Following>>,
    pub(crate) money: Money,
    pub(crate) cache: Arc<Cache>,
    pub(crate) keys: Arc<AllKeys>,
    pub(crate) gate: Arc<OutputGate>,
    /// Where Jarvis listens.
    pub(crate) address: SocketAddr,
    /// Told by a signal.
    pub(crate) now: Arc<Notify>,
}

/// Everything that can go wrong has been tried when this is there.
struct Ready {
    config: Config,
    changes: Changes,
    backends: Vec<registry::Backend>,
    discovery: Option<Discovery>,
    prices: Prices,
}

/// Tells one version of the file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Print {
    path: PathBuf,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Reload {
    /// Follows the file until the process stops.
    pub(crate) async fn run(mut self) {
        let stopping = self.tasks.stopping().clone();
        // The file may have changed since it was read, so it is read once more.
        let mut seen = None;
        loop {
            let asked = tokio::select! {
                () = stopping.cancelled() => return,
                () = self.now.notified() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let print = self.print();
            if !asked && print == seen {
                continue;
            }
            tokio::time::sleep(SETTLE).await;
            if print != self.print() {
                continue;
            }
            seen = print;
            self.read_anew(seen.is_some()).await;
        }
    }

    async fn read_anew(&mut self, is_there: bool) {
        if let (false, Some(path)) = (is_there, &self.config.path) {
            tracing::warn!("the configuration {} is gone; what it said holds on", path.display());
            return;
        }
        match self.prepare() {
            Ok(ready) if ready.changes.is_empty() => {
                tracing::debug!("the configuration was read anew; nothing is different");
                // The price list is a file of its own.
                self.money.configure(&ready.config, ready.prices);
                self.config = ready.config;
            }
            Ok(ready) => self.apply(ready).await,
            Err(error) => {
                let fault = in_one_line(&error);
                tracing::error!("the configuration stays as it was, because of a fault: {fault}");
                self.agent.config_refused(fault);
            }
        }
    }

    /// Reads, checks and builds; touches nothing that runs.
    fn prepare(&self) -> anyhow::Result<Ready> {
        let config = config::load(&self.config.place, &self.environment)?;
        config.refuse_itself(&self.environment.own(self.address))?;
        let mut changes = Changes::between(&self.config, &config);
        // The agent speaks to this chain until the program ends.
        let spoken_to = &self.config.agent.alias;
        if changes.removed_aliases.contains(spoken_to) && !config.aliases.is_empty() {
            changes.removed_aliases.retain(|name| name != spoken_to);
            changes.after_restart.push(format!("alias {spoken_to} is gone"));
        }
        let backends = changes
            .backends
            .iter()
            .map(|name| assemble::backend(name, &config, &self.environment));
        let backends = backends.collect::<anyhow::Result<_>>()?;
        let discovers = config.aliases.is_empty() && self.following.is_none();
        let discovery = discovers
            .then(|| Discovery::new(self.environment.places(self.address)))
            .transpose()
            .context("OLLAMA_HOST or the base URL of OpenAI")?;
        Ok(Ready {
            prices: money::prices(&config)?,
            config,
            changes,
            backends,
            discovery,
        })
    }

    /// Requests under way keep their targets, and breakers of servers that stay keep what they know.
    async fn apply(&mut self, ready: Ready) {
        let Ready {
            config,
            changes,
            backends,
            discovery,
            prices,
        } = ready;
        self.money.configure(&config, prices);
        self.cache.configure(config.cache.clone());
        self.keys.set_classes(config.key_classes.clone());
        let (secrets, machines) = (config.secrets(&self.environment), config.machines(&self.environment));
        self.gate.learn(secrets, machines);
        if !config.aliases.is_empty() {
            self.following = None;
        }
        for backend in backends {
            self.registry.set_backend(backend);
        }
        for name in &changes.replaced {
            self.registry.reset(name);
        }
        for name in &changes.aliases {
            if let Some(alias) = config.aliases.get(name) {
                assemble::alias(&self.registry, name, alias);
            }
        }
        for name in &changes.removed_aliases {
            self.registry.remove_alias(name);
        }
        if let Some(discovery) = discovery {
            let following = discovery.begin(&self.registry, &self.config.agent.alias, &self.tasks);
            self.following = Some(Arc::new(following));
        }
        if self.following.is_none() {
            for name in self.registry.backends() {
                if !config.backends.contains_key(&name) {
                    self.registry.remove_backend(&name);
                }
            }
        }
        self.agent.set_directory(config.directory());
        let mut lines = changes.says;
        if !changes.after_restart.is_empty() {
            lines.push(format!("after a restart: {}", changes.after_restart.join(", ")));
        }
        tracing::info!("the configuration changed: {}", lines.join("; "));
        // The agent goes on with the settings that it was started with.
        self.config = Config {
            agent: self.config.agent.clone(),
            ..config
        };
        for target in self.registry.targets() {
            self.agent.target_changed(serde_json::json!(target));
        }
        self.agent.config_changed(lines).await;
    }

    fn print(&self) -> Option<Print> {
        let path = config::find(&self.config.place, &self.config.data)?;
        let seen = std::fs::metadata(&path).ok()?;
        Some(Print {
            path,
            inode: seen.ino(),
            length: seen.len(),
            changed: (seen.mtime(), seen.mtime_nsec()),
        })
    }
}

/// The parser draws the line that it speaks of; a log wants one line.
fn in_one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
