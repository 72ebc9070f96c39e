//! Keeps one server connected, and the shelf at what of it may be used.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::clock::Clock;
use jarvis_gateway::tasks::Tasks;
use jarvis_tools::AnyTool;
use jarvis_tools::catalog::Shelf;
use rand::RngExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::launch::Launch;
use crate::offered::{self, Listing};
use crate::pin::{Judged, Pins, Standing, judge};
use crate::servers::{Board, ShownTool, State};
use crate::tool::{Door, McpTool};
use crate::words;

/// How long a server is left alone after it failed: twice as long each time, up to a limit.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// A connection that lasted this long was a good one.
const GOOD: Duration = Duration::from_mins(1);
/// A server that says all the time that its tools changed is listened to this often.
const LIST_PAUSE: Duration = Duration::from_secs(1);
/// How long a server that did not answer a call may take to list its tools, to be left as it is.
const DOUBT_LIMIT: Duration = Duration::from_secs(10);

/// One server's keeper.
pub(crate) struct Keeper {
    pub(crate) launch: Launch,
    pub(crate) door: Arc<Door>,
    pub(crate) shelf: Shelf,
    pub(crate) pins: Arc<dyn Pins>,
    pub(crate) board: Arc<Board>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
    /// Told when the owner allowed something.
    pub(crate) allowed: Arc<Notify>,
}

impl Keeper {
    /// Until the process stops.
    pub(crate) async fn run(self) {
        let stopping = self.tasks.stopping().clone();
        let mut wait = FIRST_WAIT;
        while !stopping.is_cancelled() {
            let began = Instant::now();
            let opening = Connection::open(&self.launch, &self.tasks);
            let why = match stopping.run_until_cancelled(opening).await {
                None => return,
                Some(Ok(connection)) => match self.serve(&connection).await {
                    None => {
                        connection.close().await;
                        return;
                    }
                    Some(why) => {
                        connection.close().await;
                        why
                    }
                },
                Some(Err(why)) => why,
            };
            if began.elapsed() >= GOOD {
                wait = FIRST_WAIT;
            }
            tracing::warn!(
                mcp.server = self.launch.name,
                "an MCP server is away, and is tried again: {why}"
            );
            self.door.set(Err(why.clone()));
            self.board.set(&self.launch.name, State::Away(why));
            let jittered = wait.mul_f64(rand::rng().random_range(0.75..1.25));
            if stopping.run_until_cancelled(sleep(jittered)).await.is_none() {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Uses a connection to its end. Returns why it ended, or nothing when the process stops.
    async fn serve(&self, connection: &Connection) -> Option<String> {
        let stopping = self.tasks.stopping();
        let mut limit = self.launch.server.start_limit();
        loop {
            match stopping.run_until_cancelled(self.look(connection, limit)).await? {
                Ok(()) => {}
                // What it said last says more than what failed by its end.
                Err(_) if connection.ended.is_cancelled() => return Some(connection.last_words().await),
                Err(why) => return Some(why),
            }
            tokio::select! {
                () = stopping.cancelled() => return None,
                () = connection.ended.cancelled() => return Some(connection.last_words().await),
                () = connection.changed.notified() => sleep(LIST_PAUSE).await,
                () = self.allowed.notified() => {}
                () = self.door.doubt.notified() => limit = DOUBT_LIMIT,
            }
        }
    }

    /// Lists the tools, and puts those on the shelf that are as they were allowed.
    async fn look(&self, connection: &Connection, limit: Duration) -> Result<(), String> {
        let name = &self.launch.name;
        let offers = connection.offers(limit).await?;
        let listing = offered::read(name, &self.launch.server, &offers);
        let hashes: BTreeMap<String, String> = listing
            .usable
            .iter()
            .map(|tool| (tool.own_name.clone(), tool.hash.clone()))
            .collect();
        let judged = match self.judged(&hashes).await {
            Ok(judged) => judged,
            // Nobody can say what was allowed, so nothing is.
            Err(why) => {
                self.shelf.put(name, Vec::new());
                return Err(format!("its pins cannot be read or written: {why}"));
            }
        };
        self.door.set(Ok(connection.line()));
        let shown = shown(&listing, &judged);
        let usable = listing
            .usable
            .into_iter()
            .filter(|tool| judged.standings.get(&tool.own_name) == Some(&Standing::Allowed));
        let usable: Vec<Arc<dyn AnyTool>> = usable
            .map(|offered| {
                let door = Arc::clone(&self.door);
                Arc::new(McpTool { offered, door }) as Arc<dyn AnyTool>
            })
            .collect();
        tracing::info!(
            mcp.server = name,
            mcp.tools = usable.len(),
            "an MCP server is connected"
        );
        self.shelf.put(name, usable);
        let state = State::Connected {
            about: connection.about.clone(),
            since: self.clock.now(),
        };
        self.board.set_tools(name, state, shown, hashes);
        if !judged.changed.is_empty() || !judged.new.is_empty() {
            let shown = |names: &[String]| names.iter().map(|name| words::line(name, 64)).collect::<Vec<_>>();
            self.pins.tell(name, &shown(&judged.changed), &shown(&judged.new)).await;
        }
        Ok(())
    }

    async fn judged(&self, hashes: &BTreeMap<String, String>) -> Result<Judged, String> {
        let name = &self.launch.name;
        let pins = self.pins.of(name).await.map_err(|error| error.to_string())?;
        let judged = judge(&pins, hashes);
        if !judged.to_keep.is_empty() {
            let kept = self.pins.keep(name, &judged.to_keep).await;
            kept.map_err(|error| error.to_string())?;
        }
        Ok(judged)
    }
}

pub(crate) fn shown(listing: &Listing, judged: &Judged) -> Vec<ShownTool> {
    let usable = listing.usable.iter().map(|tool| ShownTool {
        tool: words::line(&tool.own_name, 64),
        name: tool.name.clone(),
        state: match judged.standings.get(&tool.own_name) {
            Some(Standing::Allowed) if tool.reads => "reads",
            Some(Standing::Allowed) => "asks",
            Some(Standing::Changed) => "changed",
            Some(Standing::New) | None => "new",
        },
        says: tool.description.clone(),
    });
    let unusable = listing.unusable.iter().map(|(name, why)| ShownTool {
        tool: words::line(name, 64),
        name: String::new(),
        state: "unusable",
        says: why.clone(),
    });
    usable.chain(unusable).collect()
}
