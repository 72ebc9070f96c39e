//! What the agent is built from.

use std::sync::{Arc, OnceLock};

use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::provider::Provider;
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::trace::Tracer;
use jarvis_mcp::{Launch, Servers};
use jarvis_memory::Store;
use jarvis_tools::catalog::Catalog;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::approvals;
use crate::bus::Bus;
use crate::go_on::GoOn;
use crate::limits::Config;
use crate::mcp;
use crate::memory;
use crate::outbox::Outbox;
use crate::output_gate::OutputGate;
use crate::people::{CurrentDirectory, Directory};
use crate::session::Sessions;
use crate::specialists::Roster;

/// The parts, made by the program and shared by everything in this crate. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    pub store: Store,
    /// Answers for Jarvis: the chain of the configured alias, with command mode as its last link.
    pub chain: Arc<dyn Provider>,
    pub catalog: Catalog,
    pub clock: Arc<dyn Clock>,
    pub tasks: Tasks,
    pub config: Config,
    pub approvals: approvals::Config,
    pub bus: Arc<Bus>,
    pub gate: Arc<OutputGate>,
    pub tracer: Tracer,
    /// The zone of times that name none.
    pub zone: TimeZone,
    /// What goes to platforms, and which are connected.
    pub outbox: Outbox,
    /// Who can be asked, and how the one who asks is told to be.
    pub(crate) roster: Arc<Roster>,
    /// The MCP servers whose tools are used, when there are any.
    pub(crate) mcp: Option<Servers>,
    /// The running conversations.
    pub(crate) sessions: Sessions,
    /// Rung for each message that is stored.
    pub(crate) said: Arc<Notify>,
    /// What is configured about people and places.
    pub(crate) directory: CurrentDirectory,
    /// The name of this installation, when other instances may be at work on the same database.
    pub(crate) shared: Option<Arc<str>>,
    /// Who makes vectors, where one is configured.
    pub(crate) embedder: Option<Arc<dyn memory::Embedder>>,
    /// Where messages go to be learned from, once somebody learns.
    pub(crate) lessons: Arc<OnceLock<mpsc::Sender<memory::Lesson>>>,
}

impl Parts {
    pub fn new(
        store: Store,
        chain: Arc<dyn Provider>,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
        config: Config,
    ) -> Self {
        Self {
            store,
            chain,
            catalog: catalog.with(GoOn),
            clock,
            tasks,
            config,
            approvals: approvals::Config::default(),
            bus: Arc::new(Bus::new(Arc::default())),
            gate: Arc::default(),
            tracer: Tracer::off(),
            zone: TimeZone::UTC,
            outbox: Outbox::default(),
            roster: Arc::new(Roster::built_in()),
            mcp: None,
            sessions: Sessions::default(),
            said: Arc::default(),
            directory: CurrentDirectory::default(),
            shared: None,
            embedder: None,
            lessons: Arc::default(),
        }
    }

    /// The same parts, telling what they do as spans.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// The same parts, which never say what `gate` knows. Before the agent starts: what was published goes by another bus.
    #[must_use]
    pub fn with_gate(self, gate: Arc<OutputGate>) -> Self {
        Self {
            bus: Arc::new(Bus::new(Arc::clone(&gate))),
            gate,
            ..self
        }
    }

    /// The same parts, with what is configured about people and places.
    #[must_use]
    pub fn with_directory(self, directory: impl Into<CurrentDirectory>) -> Self {
        Self {
            directory: directory.into(),
            ..self
        }
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.directory.now()
    }

    /// The same parts, with the section `[approvals]` of the configuration.
    #[must_use]
    pub fn with_approvals(self, approvals: approvals::Config) -> Self {
        Self { approvals, ..self }
    }

    /// The same parts, with somebody who makes vectors of what can be found.
    #[must_use]
    pub fn with_embedder(self, embedder: Option<Arc<dyn memory::Embedder>>) -> Self {
        Self { embedder, ..self }
    }

    /// The same parts, with times that name no zone in this one.
    #[must_use]
    pub fn with_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// The same parts, of which other instances may be at work on the same database. `name` is the same for each start of
    /// this one, and no other that lives has it.
    #[must_use]
    pub fn with_others(self, name: &str) -> Self {
        Self {
            shared: Some(name.into()),
            ..self
        }
    }

    /// The same parts, for closing what instances have left that are dead.
    pub(crate) fn as_nobody(&self) -> Self {
        Self {
            store: self.store.as_nobody(),
            ..self.clone()
        }
    }

    /// The same parts, with these profiles.
    #[must_use]
    pub fn with_roster(self, roster: Roster) -> Self {
        Self {
            roster: Arc::new(roster),
            ..self
        }
    }

    /// The same parts, with the tools of these MCP servers. It begins to connect to them and waits for none: the last thing
    /// before the agent starts, because what is told of them goes by the bus and the gate that there are now. `servers` are
    /// stopped after all other tasks: an act that has begun needs its server to its end.
    #[must_use]
    pub fn with_mcp(self, launches: Vec<Launch>, servers: &Tasks) -> Self {
        if launches.is_empty() {
            return self;
        }
        Self {
            mcp: Some(mcp::start(&self, launches, servers)),
            ..self
        }
    }

    /// The same parts, with another chain and the alias that it is of.
    pub(crate) fn asking(&self, other: Option<(Arc<dyn Provider>, String)>) -> Self {
        let mut parts = self.clone();
        if let Some((chain, alias)) = other {
            parts.chain = chain;
            parts.config.alias = alias;
        }
        parts
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// A fresh id: a UUID of version 7, so that the order of ids is the order of their making, also among instances that
    /// follow one clock.
    pub(crate) fn fresh_id(&self) -> String {
        fresh_id(self.clock.as_ref())
    }
}

/// The same for who has no more than the clock.
pub(crate) fn fresh_id(clock: &dyn Clock) -> String {
    moved(Uuid::now_v7(), clock.ahead()).to_string()
}

/// Moves the time that a UUID of version 7 begins with: 48 bits of milliseconds.
fn moved(id: Uuid, millis: i64) -> Uuid {
    let (time, random) = id.as_u64_pair();
    Uuid::from_u64_pair(time.wrapping_add_signed(millis << 16), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_id_is_moved_and_nothing_else() {
        let id: Uuid = "019a0000-0001-7abc-8def-0123456789ab".parse().unwrap();
        let check = |millis: i64, expect: &str| assert_eq!(moved(id, millis).to_string(), expect, "{millis}");
        check(0, "019a0000-0001-7abc-8def-0123456789ab");
        check(1, "019a0000-0002-7abc-8def-0123456789ab");
        check(-2, "0199ffff-ffff-7abc-8def-0123456789ab");
        check(3_600_000, "019a0036-ee81-7abc-8def-0123456789ab");
    }
}
