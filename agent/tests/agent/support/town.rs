//! Discord and Twitch with people in them, and an agent that hears them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_agent::ApprovalsConfig;
use jarvis_agent::people::{Directory, Heard, PlatformId, RoomRules, Server, ToolList};
use jarvis_agent::platform::{Adapter, Author, Caps, Delivered, Incoming, Outgoing, RoomId, SendError};
use jarvis_gateway::provider::Provider;
use jarvis_gateway::providers::scripted::Turn;
use jarvis_memory::records::{Message, MessageRole};
use jarvis_tools::risk::Trust;

use super::house::NOW;
use super::{House, World, until};

/// Rooms of the town. `tools` has the tools of the world in public, `ops` is not public.
pub(crate) const GENERAL: &str = "500";
pub(crate) const TOOLS: &str = "501";
pub(crate) const OPS: &str = "900";
pub(crate) const SERVER: &str = "100";
/// The id of the role that the configuration makes a moderator.
pub(crate) const MODERATORS: &str = "77";

#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    pub(crate) platform: &'static str,
    pub(crate) account: &'static str,
    pub(crate) handle: &'static str,
    pub(crate) roles: Vec<&'static str>,
    pub(crate) is_bot: bool,
}

pub(crate) fn discord(account: &'static str, handle: &'static str, roles: &[&'static str]) -> Somebody {
    Somebody {
        platform: "discord",
        account,
        handle,
        roles: roles.to_vec(),
        is_bot: false,
    }
}

pub(crate) fn twitch(account: &'static str, handle: &'static str, badges: &[&'static str]) -> Somebody {
    Somebody {
        platform: "twitch",
        ..discord(account, handle, badges)
    }
}

/// The owner's account by the configuration.
pub(crate) fn owner() -> Somebody {
    discord("1", "sam", &[])
}

#[derive(Default)]
struct Shown {
    rooms: BTreeSet<String>,
    lines: Vec<(String, String)>,
    refused: Vec<String>,
}

/// One platform as its adapter sees it. It refuses rooms that it does not have.
#[derive(Clone)]
struct Platform {
    name: &'static str,
    shown: Arc<Mutex<Shown>>,
}

impl Platform {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Adapter for Platform {
    fn platform(&self) -> &str {
        self.name
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
        let mut shown = self.shown();
        let is_dm = room.room.starts_with("dm-");
        if room.platform != self.name || !(shown.rooms.contains(&room.room) || is_dm) || room.direct != is_dm {
            shown.refused.push(format!("{room:?}"));
            return Err(SendError::Refused("unknown room".into()));
        }
        shown.lines.push((room.room.clone(), what.text.clone()));
        Ok(Delivered {
            room: room.clone(),
            message: format!("m{}", shown.lines.len()),
        })
    }

    async fn edit(&self, _shown: &Delivered, _what: &Outgoing) -> Result<(), SendError> {
        Ok(())
    }

    async fn direct(&self, account: &str) -> Result<RoomId, SendError> {
        Ok(dm_of(self.name, account))
    }
}

fn dm_of(platform: &str, account: &str) -> RoomId {
    RoomId {
        platform: platform.to_owned(),
        room: format!("dm-{account}"),
        server: None,
        direct: true,
    }
}

pub(crate) struct Town {
    pub(crate) house: House,
    platforms: [Platform; 2],
    next: AtomicUsize,
}

pub(crate) fn directory() -> Directory {
    let id = |text: &str| PlatformId::try_from(text.to_owned()).expect("an id");
    let mut directory = Directory::default();
    directory.people.owners.insert(id("discord:1"));
    let roles = [(MODERATORS.to_owned(), Trust::Moderator)].into();
    directory.servers.insert(id("discord:100"), Server { roles });
    let names = ["read_state".to_owned(), "act".to_owned()];
    let public_tools = RoomRules {
        tools: Some(ToolList::Names(names.into())),
        ..RoomRules::default()
    };
    directory.rooms.insert(id("discord:501"), public_tools);
    let ops = RoomRules {
        public: Some(false),
        ..RoomRules::default()
    };
    directory.rooms.insert(id("discord:900"), ops);
    directory
}

impl Town {
    pub(crate) async fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::around(House::new(turns).await)
    }

    pub(crate) async fn with_chain(chain: Arc<dyn Provider>) -> Self {
        Self::around(House::with_chain(chain, World::new()).await)
    }

    /// With the tools of the schedule.
    pub(crate) async fn with_jobs(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::around(House::with_jobs(turns).await)
    }

    /// With the tools of memory.
    pub(crate) async fn with_memory(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::around(House::with_memory(turns).await)
    }

    /// With the section `[approvals]`.
    pub(crate) async fn with_approvals(approvals: ApprovalsConfig, turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::around(House::with_approvals(approvals, turns).await)
    }

    fn around(house: House) -> Self {
        house.agent.set_directory(directory());
        let platform = |name, rooms: &[&str]| Platform {
            name,
            shown: Arc::new(Mutex::new(Shown {
                rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
                ..Shown::default()
            })),
        };
        let platforms = [
            platform("discord", &[GENERAL, TOOLS, OPS]),
            platform("twitch", &["chat"]),
        ];
        for platform in &platforms {
            house.agent.connect(Arc::new(platform.clone()));
        }
        Self {
            house,
            platforms,
            next: AtomicUsize::new(1),
        }
    }

    /// Adds a channel to Discord.
    pub(crate) fn build(&self, room: &str) {
        self.platforms[0].shown().rooms.insert(room.to_owned());
    }

    /// An event as an adapter makes it. The room `dm` is the author's direct one.
    pub(crate) fn event(&self, who: &Somebody, room: &str, text: &str) -> Incoming {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let room = match (room, who.platform) {
            ("dm", platform) => dm_of(platform, who.account),
            (room, platform) => RoomId {
                platform: platform.to_owned(),
                room: room.to_owned(),
                server: Some(if platform == "discord" { SERVER } else { room }.to_owned()),
                direct: false,
            },
        };
        Incoming {
            room,
            author: Author {
                account: who.account.to_owned(),
                handle: who.handle.to_owned(),
                roles: who.roles.iter().map(|role| (*role).to_owned()).collect(),
                is_bot: who.is_bot,
            },
            id: format!("event-{number}"),
            text: text.to_owned(),
            addressed: true,
            at: NOW,
        }
    }

    pub(crate) async fn hears(&self, event: Incoming) -> Heard {
        self.house.agent.hear(event).await.expect("heard")
    }

    /// Says something to Jarvis; what it answers, wherever the adapter gets it from.
    pub(crate) async fn asks(&self, who: &Somebody, room: &str, text: &str) -> String {
        let event = self.event(who, room, text);
        let name = event.room.room.clone();
        let platform = self.platform(who.platform);
        let before = self.lines(who.platform, &name).len();
        match self.hears(event).await {
            Heard::Says(words) => {
                platform.shown().lines.push((name, words.clone()));
                words
            }
            Heard::Taken(_) => self.line(who.platform, &name, before).await,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// The line of this number in a room, once it is there.
    pub(crate) async fn line(&self, platform: &str, room: &str, number: usize) -> String {
        until(&format!("line {number} of {platform} {room}"), async {
            loop {
                let lines = self.lines(platform, room);
                assert_eq!(self.refused(), Vec::<String>::new());
                if let Some(line) = lines.get(number) {
                    return line.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    fn platform(&self, name: &str) -> &Platform {
        let found = self.platforms.iter().find(|platform| platform.name == name);
        found.expect("a platform of the town")
    }

    /// Everything that a room was shown.
    pub(crate) fn lines(&self, platform: &str, room: &str) -> Vec<String> {
        let shown = self.platform(platform).shown();
        let here = shown.lines.iter().filter(|(name, _)| name == room);
        here.map(|(_, text)| text.clone()).collect()
    }

    fn refused(&self) -> Vec<String> {
        self.platforms
            .iter()
            .flat_map(|platform| platform.shown().refused.clone())
            .collect()
    }

    /// The messages of the conversation in which `heard` was taken.
    pub(crate) async fn messages(&self, conversation: &str) -> Vec<Message> {
        self.house
            .store
            .messages(conversation, None, 100)
            .await
            .expect("a store")
    }

    /// The id of the person behind an account, if it was ever met.
    pub(crate) async fn person(&self, who: &Somebody) -> Option<String> {
        let known = self.house.store.person_of_account(who.platform, who.account).await;
        known.expect("a store").map(|known| known.person_id)
    }

    /// The trust with which somebody is heard, read from their stored message.
    pub(crate) async fn trust(&self, who: &Somebody, room: &str) -> i64 {
        let event = self.event(who, room, "/stop");
        let Heard::Taken(said) = self.hears(event).await else {
            panic!("not taken");
        };
        let messages = self.messages(&said.message.conversation_id).await;
        let stored = messages.iter().find(|message| message.id == said.message.id);
        let stored = stored.expect("stored");
        assert_eq!(stored.role, MessageRole::User);
        stored.trust
    }
}
