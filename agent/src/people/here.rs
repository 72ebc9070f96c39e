//! The room that somebody speaks in, and what holds there.

use std::collections::BTreeSet;
use std::sync::Arc;

use jarvis_tools::risk::Trust;

use super::config::{Directory, ToolList};
use crate::output_gate::Outlet;
use crate::platform::RoomId;

/// A room by its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    pub(crate) platform: String,
    pub(crate) external_id: String,
    pub(crate) server_id: Option<String>,
    /// One person and Jarvis alone.
    pub(crate) direct: bool,
    pub(crate) ceiling: Trust,
    pub(crate) public: bool,
    pub(crate) tools: Tools,
}

/// The tools of a room. What of them somebody is offered is also bounded by that person's trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tools {
    /// Those that this trust may use.
    UpTo(Trust),
    Only(Arc<BTreeSet<String>>),
}

impl Tools {
    fn none() -> Self {
        Self::Only(Arc::default())
    }

    /// Whether the room has the tool `name`, which nobody below `least` may use.
    pub(crate) fn list(&self, name: &str, least: Trust) -> bool {
        match self {
            Self::UpTo(most) => least <= *most,
            Self::Only(names) => names.contains(name),
        }
    }
}

impl Here {
    /// The owner's own place: console, terminal, keys with `ops`.
    pub(crate) fn home() -> Self {
        Self {
            platform: "local".into(),
            external_id: "home".into(),
            server_id: None,
            direct: false,
            ceiling: Trust::Owner,
            public: false,
            tools: Tools::UpTo(Trust::Owner),
        }
    }

    /// The place of a key without `ops`: it talks, and nothing acts for it.
    pub(crate) fn of_key(id: &str) -> Self {
        Self {
            platform: "key".into(),
            external_id: id.to_owned(),
            server_id: None,
            direct: false,
            ceiling: Trust::Member,
            public: false,
            tools: Tools::none(),
        }
    }

    /// A room of a platform, for somebody of this trust.
    ///
    /// 1. A direct room is private. Its ceiling is owner for the owner, operator for everybody else, so that what somebody
    ///    may do there is bounded by their own trust. It is not configured.
    /// 2. A configured room is as its section says. Without a ceiling it has moderator, or operator when it is not public;
    ///    without a list it has the tools that its ceiling may use.
    /// 3. Every other room is public, with the ceiling moderator and the tools that a moderator may use.
    pub(crate) fn of(room: &RoomId, trust: Trust, directory: &Directory) -> Self {
        let rules = directory.rules(&room.platform, &room.room).filter(|_| !room.direct);
        let public = !room.direct && rules.and_then(|rules| rules.public).unwrap_or(true);
        let by_kind = match (room.direct, public) {
            (true, _) if trust == Trust::Owner => Trust::Owner,
            (true, _) | (false, false) => Trust::Operator,
            (false, true) => Trust::Moderator,
        };
        let ceiling = rules.and_then(|rules| rules.ceiling).unwrap_or(by_kind);
        let tools = match rules.and_then(|rules| rules.tools.as_ref()) {
            Some(ToolList::Names(names)) => Tools::Only(Arc::new(names.clone())),
            Some(ToolList::Word(_)) => Tools::UpTo(Trust::Owner),
            None => Tools::UpTo(ceiling),
        };
        Self {
            platform: room.platform.clone(),
            external_id: room.room.clone(),
            server_id: room.server.clone(),
            direct: room.direct,
            ceiling,
            public,
            tools,
        }
    }

    /// A place of this machine, and not of a platform.
    pub(crate) fn is_own(&self) -> bool {
        self.platform == "local" || self.platform == "key"
    }

    /// How what is said here leaves.
    pub(crate) fn outlet(&self) -> Outlet {
        outlet(&self.platform, self.public)
    }

    /// What is said here is read by the one who asks alone.
    pub(crate) fn is_confidential(&self) -> bool {
        self.direct || self.platform == "local"
    }
}

/// Streams take a leading `/`, `.` or `!` of a chat message for a command.
const STREAMS: [&str; 3] = ["twitch", "kick", "youtube"];

/// How what is said in a room of this platform leaves.
pub(crate) fn outlet(platform: &str, public: bool) -> Outlet {
    Outlet {
        public,
        stream_chat: STREAMS.contains(&platform),
    }
}
