//! All configured servers.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::tasks::Tasks;
use jarvis_tools::catalog::Shelf;
use serde::Serialize;
use tokio::sync::Notify;

use crate::connection::Connection;
use crate::keeper::Keeper;
use crate::launch::Launch;
use crate::offered;
use crate::pin::{Pin, Pins, Unwritten};
use crate::tool::Door;
use crate::words;

/// How a server stands, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub server: String,
    /// The command or the address.
    pub place: String,
    /// `starting`, `connected` or `away`.
    pub state: &'static str,
    /// What the server calls itself, or why it is away.
    pub says: String,
    /// Since when it is connected.
    pub since: Option<Millis>,
    pub tools: Vec<ShownTool>,
}

/// How a tool of a server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownTool {
    /// The server's own name of it.
    pub tool: String,
    /// What models call it by. Empty when it is not used at all.
    pub name: String,
    /// `asks`: every call has a card. `reads`: the owner wrote that it only reads. `changed` and `new`: not used until the
    /// owner allows it. `unusable`: `says` tells why.
    pub state: &'static str,
    /// The server's words, cleaned.
    pub says: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Starting,
    Connected { about: String, since: Millis },
    Away(String),
}

struct Row {
    place: String,
    state: State,
    tools: Vec<ShownTool>,
    /// Of the tools as they were listed last, by the server's own names.
    hashes: BTreeMap<String, String>,
}

/// What is known of every server.
pub(crate) struct Board(RwLock<BTreeMap<String, Row>>);

impl Board {
    pub(crate) fn set(&self, server: &str, state: State) {
        self.change(server, |row| row.state = state);
    }

    pub(crate) fn set_tools(
        &self,
        server: &str,
        state: State,
        tools: Vec<ShownTool>,
        hashes: BTreeMap<String, String>,
    ) {
        self.change(server, |row| {
            let goes_on = matches!((&row.state, &state), (State::Connected { .. }, State::Connected { .. }));
            if !goes_on {
                row.state = state;
            }
            row.tools = tools;
            row.hashes = hashes;
        });
    }

    fn change(&self, server: &str, change: impl FnOnce(&mut Row)) {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.get_mut(server) {
            change(row);
        }
    }
}

/// The servers of the configuration, each kept connected by a task of its own. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    board: Arc<Board>,
    pins: Arc<dyn Pins>,
    allowed: Arc<BTreeMap<String, Arc<Notify>>>,
}

impl Servers {
    /// Begins to connect to every server, and waits for none. `tasks` are to be stopped after everything that calls tools:
    /// the connections end with them.
    pub fn start(
        launches: Vec<Launch>,
        shelf: &Shelf,
        pins: Arc<dyn Pins>,
        clock: &Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> Self {
        let row = |launch: &Launch| Row {
            place: launch.place(),
            state: State::Starting,
            tools: Vec::new(),
            hashes: BTreeMap::new(),
        };
        let rows = launches.iter().map(|launch| (launch.name.clone(), row(launch)));
        let board = Arc::new(Board(RwLock::new(rows.collect())));
        let names = launches.iter().map(|launch| launch.name.clone());
        let allowed: BTreeMap<String, Arc<Notify>> = names.map(|name| (name, Arc::default())).collect();
        for launch in launches {
            let door = Arc::new(Door {
                server: launch.name.clone(),
                line: RwLock::new(Err("it is starting".to_owned())),
                call_limit: launch.call_limit(),
                stays_here: launch.server.stays_here,
                doubt: Notify::new(),
            });
            let keeper = Keeper {
                door,
                shelf: shelf.clone(),
                pins: Arc::clone(&pins),
                board: Arc::clone(&board),
                clock: Arc::clone(clock),
                tasks: tasks.clone(),
                allowed: allowed.get(&launch.name).cloned().unwrap_or_default(),
                launch,
            };
            tasks.spawn("MCP server", keeper.run());
        }
        Self {
            board,
            pins,
            allowed: Arc::new(allowed),
        }
    }

    pub fn shown(&self) -> Vec<Shown> {
        let rows = self.board.0.read().unwrap_or_else(PoisonError::into_inner);
        let shown = rows.iter().map(|(server, row)| {
            let (state, says, since) = match &row.state {
                State::Starting => ("starting", String::new(), None),
                State::Connected { about, since } => ("connected", about.clone(), Some(*since)),
                State::Away(why) => ("away", why.clone(), None),
            };
            Shown {
                server: server.clone(),
                place: row.place.clone(),
                state,
                says,
                since,
                tools: row.tools.clone(),
            }
        });
        shown.collect()
    }

    /// Allows a tool of a server as it is now, or all of them. Returns the names of those that were allowed by it, which
    /// were not before; `None` when there is no such server, or no such tool of it.
    pub async fn allow(&self, server: &str, tool: Option<&str>) -> Result<Option<Vec<String>>, Unwritten> {
        let listed: BTreeMap<String, String> = {
            let rows = self.board.0.read().unwrap_or_else(PoisonError::into_inner);
            let Some(row) = rows.get(server) else { return Ok(None) };
            let is_meant = |name: &str| tool.is_none_or(|tool| tool == name);
            let meant = row.hashes.iter().filter(|(name, _)| is_meant(name));
            meant.map(|(name, hash)| (name.clone(), hash.clone())).collect()
        };
        if listed.is_empty() && tool.is_some() {
            return Ok(None);
        }
        let before = self.pins.of(server).await?;
        let is_allowed = |name: &String, hash: &String| {
            let pin = before.get(name);
            pin.is_some_and(|pin| pin.allowed.as_ref() == Some(hash))
        };
        let new: BTreeMap<String, Pin> = listed
            .iter()
            .filter(|(name, hash)| !is_allowed(name, hash))
            .map(|(name, hash)| (name.clone(), Pin::allowing(hash)))
            .collect();
        self.pins.keep(server, &new).await?;
        if let Some(allowed) = self.allowed.get(server) {
            allowed.notify_one();
        }
        Ok(Some(new.keys().map(|name| words::line(name, 64)).collect()))
    }
}

/// Connects once, lists the tools, and lets go again. The tools are shown as they would be when all were allowed.
pub async fn test(launch: &Launch, tasks: &Tasks) -> Result<(String, Vec<ShownTool>), String> {
    let connection = Connection::open(launch, tasks).await?;
    let offers = connection.offers(launch.server.start_limit()).await;
    let about = connection.about.clone();
    connection.close().await;
    let listing = offered::read(&launch.name, &launch.server, &offers?);
    let judged = crate::pin::judge(
        &BTreeMap::new(),
        &listing
            .usable
            .iter()
            .map(|tool| (tool.own_name.clone(), tool.hash.clone()))
            .collect(),
    );
    Ok((about, crate::keeper::shown(&listing, &judged)))
}
