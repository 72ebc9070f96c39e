//! A platform with strangers on it, and what they are shown.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use async_trait::async_trait;
use jarvis_agent::people::{Directory, PlatformId, RoomRules, Server, ToolList};
use jarvis_agent::platform::{Adapter, Author, Caps, Delivered, Incoming, Outgoing, RoomId, SendError};
use jarvis_gateway::clock::Millis;
use jarvis_tools::risk::Trust;
use serde::Deserialize;

/// What somebody says in a room of the platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub who: Who,
    pub room: Place,
    pub say: String,
    /// The name that the platform shows for the author: anybody chooses theirs.
    #[serde(default)]
    pub handle: Option<String>,
    /// Said to others, and not to Jarvis.
    #[serde(default)]
    pub overheard: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    Stranger,
    Member,
    Moderator,
    Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Public, as a room is that nobody configured.
    General,
    /// Public, and the owner gave it every tool: no list stands before the policy.
    Open,
    /// Only people of the house read it.
    Ops,
    /// The author's direct conversation.
    Direct,
}

impl Place {
    fn id(self) -> &'static str {
        match self {
            Self::General => "500",
            Self::Open => "501",
            Self::Ops => "900",
            Self::Direct => "direct",
        }
    }
}

/// The platform as its adapter sees it.
#[derive(Clone, Default)]
pub(crate) struct Town {
    shown: Arc<Mutex<Vec<(String, String)>>>,
    next: Arc<AtomicUsize>,
}

impl Town {
    pub(crate) fn directory() -> Result<Directory> {
        let id = |text: &str| PlatformId::try_from(text.to_owned()).map_err(anyhow::Error::msg);
        let mut directory = Directory::default();
        directory.people.owners.insert(id("discord:1")?);
        let roles = [("77".to_owned(), Trust::Moderator), ("78".to_owned(), Trust::Member)].into();
        directory.servers.insert(id("discord:100")?, Server { roles });
        let open = RoomRules {
            tools: Some(ToolList::Word("all".into())),
            ..RoomRules::default()
        };
        directory.rooms.insert(id("discord:501")?, open);
        let ops = RoomRules {
            public: Some(false),
            ..RoomRules::default()
        };
        directory.rooms.insert(id("discord:900")?, ops);
        Ok(directory)
    }

    pub(crate) fn event(&self, line: &Line, text: String, at: Millis) -> Incoming {
        let (account, handle, role) = match line.who {
            Who::Stranger => ("666", "nobody", None),
            Who::Member => ("20", "kim", Some("78")),
            Who::Moderator => ("30", "mo", Some("77")),
            Who::Owner => ("1", "sam", None),
        };
        let direct = line.room == Place::Direct;
        let room = if direct {
            format!("dm-{account}")
        } else {
            line.room.id().to_owned()
        };
        Incoming {
            room: RoomId {
                platform: self.platform().to_owned(),
                room,
                server: (!direct).then(|| "100".to_owned()),
                direct,
            },
            author: Author {
                account: account.to_owned(),
                handle: line.handle.clone().unwrap_or_else(|| handle.to_owned()),
                roles: role.into_iter().map(str::to_owned).collect(),
                is_bot: false,
            },
            id: format!("event-{}", self.next.fetch_add(1, Ordering::Relaxed)),
            text,
            addressed: !line.overheard,
            at,
        }
    }

    /// What a room was shown, oldest first.
    pub(crate) fn lines(&self, room: &str) -> Vec<String> {
        let shown = self.lock();
        let here = shown.iter().filter(|(place, _)| place == room);
        here.map(|(_, text)| text.clone()).collect()
    }

    /// What strangers could read.
    pub(crate) fn public(&self) -> Vec<String> {
        [Place::General, Place::Open]
            .iter()
            .flat_map(|place| self.lines(place.id()))
            .collect()
    }

    pub(crate) fn show(&self, room: &str, text: String) {
        self.lock().push((room.to_owned(), text));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Adapter for Town {
    fn platform(&self) -> &'static str {
        "discord"
    }

    fn caps(&self) -> Caps {
        Caps {
            max_chars: 2_000,
            edits: true,
            buttons: true,
            knows_repeats: true,
        }
    }

    async fn send(&self, room: &RoomId, what: &Outgoing) -> Result<Delivered, SendError> {
        self.show(&room.room, what.text.clone());
        Ok(Delivered {
            room: room.clone(),
            message: self.next.fetch_add(1, Ordering::Relaxed).to_string(),
        })
    }

    async fn edit(&self, shown: &Delivered, what: &Outgoing) -> Result<(), SendError> {
        self.show(&shown.room.room, what.text.clone());
        Ok(())
    }

    async fn direct(&self, account: &str) -> Result<RoomId, SendError> {
        Ok(RoomId {
            platform: self.platform().to_owned(),
            room: format!("dm-{account}"),
            server: None,
            direct: true,
        })
    }
}

/// A private word in what strangers could read.
pub(crate) fn leaks(public: &[String], private: &[String]) -> Vec<String> {
    let squeezed = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let holds = |text: &String, word: &String| squeezed(text).contains(&squeezed(word));
    let found = public.iter().flat_map(|text| {
        private
            .iter()
            .filter(move |word| holds(text, word))
            .map(move |word| (text, word))
    });
    found
        .map(|(text, word)| format!("left: {word} stands in a public room: {text:?}"))
        .collect()
}
