//! A catalogue's shelf, pins in memory, and servers by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::tasks::Tasks;
use jarvis_mcp::{Launch, Pin, Pins, Server, Servers, Shown, Unwritten, Way};
use jarvis_tools::catalog::Catalog;
use jarvis_tools::{AnyTool, Context, Error, Output};
use serde_json::Value;

/// CI has two slow cores, and a server is a process that has to start.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) pins: Mutex<BTreeMap<String, BTreeMap<String, Pin>>>,
    pub(crate) told: Mutex<Vec<(Vec<String>, Vec<String>)>>,
    pub(crate) away: Mutex<bool>,
}

#[async_trait]
impl Pins for Memory {
    async fn of(&self, server: &str) -> Result<BTreeMap<String, Pin>, Unwritten> {
        if *self.away.lock().unwrap() {
            return Err(Unwritten("the database is away".to_owned()));
        }
        Ok(self.pins.lock().unwrap().get(server).cloned().unwrap_or_default())
    }

    async fn keep(&self, server: &str, pins: &BTreeMap<String, Pin>) -> Result<(), Unwritten> {
        let mut all = self.pins.lock().unwrap();
        all.entry(server.to_owned()).or_default().extend(pins.clone());
        Ok(())
    }

    async fn tell(&self, _server: &str, changed: &[String], new: &[String]) {
        self.told.lock().unwrap().push((changed.to_vec(), new.to_vec()));
    }
}

/// Everything that a test has. What it started ends with it.
pub(crate) struct House {
    pub(crate) catalog: Catalog,
    pub(crate) servers: Servers,
    pub(crate) memory: Arc<Memory>,
    pub(crate) tasks: Tasks,
}

pub(crate) fn fake(name: &str, kind: &str) -> Launch {
    fake_with(name, kind, &[], Server::default())
}

pub(crate) fn fake_with(name: &str, kind: &str, more: &[&str], server: Server) -> Launch {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake_server.py");
    let mut args = vec![script.display().to_string(), kind.to_owned()];
    args.extend(more.iter().map(|more| (*more).to_owned()));
    Launch {
        name: name.to_owned(),
        way: Way::Program {
            command: "/usr/bin/env".to_owned(),
            args: std::iter::once("python3".to_owned()).chain(args).collect(),
            environment: vec![
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".into()),
                ("GIVEN".to_owned(), "secret".into()),
            ],
        },
        server: Server {
            start_limit: server.start_limit.or(Some(Duration::from_secs(20))),
            call_limit: server.call_limit.or(Some(Duration::from_secs(20))),
            ..server
        },
    }
}

impl House {
    pub(crate) fn with(launches: Vec<Launch>) -> Self {
        Self::remembering(launches, Arc::default())
    }

    pub(crate) fn remembering(launches: Vec<Launch>, memory: Arc<Memory>) -> Self {
        let catalog = Catalog::default();
        let tasks = Tasks::default();
        let clock: Arc<dyn Clock> = Arc::new(System);
        let pins = Arc::clone(&memory) as Arc<dyn Pins>;
        let servers = Servers::start(launches, catalog.shelf(), pins, &clock, &tasks);
        Self {
            catalog,
            servers,
            memory,
            tasks,
        }
    }

    pub(crate) fn shown(&self, server: &str) -> Shown {
        let mut all = self.servers.shown();
        all.retain(|shown| shown.server == server);
        all.pop().expect("a server of this name")
    }

    /// Waits until the server is as `fits` says.
    pub(crate) async fn until(&self, server: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        let waiting = async {
            loop {
                let shown = self.shown(server);
                if fits(&shown) {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(LIMIT, waiting).await;
        came.unwrap_or_else(|_| panic!("it does not come to that: {:?}", self.shown(server)))
    }

    pub(crate) async fn connected(&self, server: &str) -> Shown {
        self.until(server, |shown| shown.state == "connected").await
    }

    pub(crate) fn tool(&self, name: &str) -> Arc<dyn AnyTool> {
        self.catalog.get(name).unwrap_or_else(|| panic!("no tool {name}"))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.catalog.iter().map(|tool| tool.name().to_owned()).collect()
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Result<Output, Error> {
        self.tool(name).run(&Context::default(), arguments).await
    }

    pub(crate) async fn stop(&self) {
        assert!(self.tasks.stop(LIMIT).await, "something goes on after the stop");
    }
}

/// The states of the tools, by the server's names.
pub(crate) fn states(shown: &Shown) -> Vec<(&str, &str)> {
    shown
        .tools
        .iter()
        .map(|tool| (tool.tool.as_str(), tool.state))
        .collect()
}

/// Whether a process is still there.
pub(crate) fn lives(pid: &str) -> bool {
    // One that ended and was not waited for by anybody is a zombie.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
