//! The sections `[people]`, `[servers]` and `[rooms]` of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jarvis_tools::risk::Trust;
use serde::Deserialize;

/// An account, a server or a room by its platform's own id: `discord:123456789`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PlatformId {
    pub platform: String,
    pub id: String,
}

/// Where ids are numbers, so that a name in their place is a mistake that can be told.
const NUMBERED: [&str; 3] = ["discord", "twitch", "kick"];
/// An id or the word for a platform is not longer.
const LONGEST: usize = 200;

impl TryFrom<String> for PlatformId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (platform, id) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` names no platform; write `discord:` and the id"))?;
        let is_word = !platform.is_empty() && platform.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !is_word {
            return Err(format!(
                "`{text}` does not begin with a platform in lower case, such as `discord:`"
            ));
        }
        if id.is_empty() || text.len() > LONGEST || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("`{text}` has no id after `{platform}:`"));
        }
        if NUMBERED.contains(&platform) && !id.chars().all(|c| c.is_ascii_digit()) {
            return Err(format!(
                "`{text}` is a name; anybody can take a name, so write the id, which is a number on {platform}"
            ));
        }
        Ok(Self {
            platform: platform.to_owned(),
            id: id.to_owned(),
        })
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.id)
    }
}

/// The section `[people]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// The owner's accounts. Nothing else makes an account of a platform the owner's.
    pub owners: BTreeSet<PlatformId>,
}

/// A section `[servers."PLATFORM:ID"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// What a role or a badge is trusted with, by the platform's id of it; moderator at most.
    pub roles: BTreeMap<String, Trust>,
}

/// The tools of a room: `"all"` that its ceiling allows, or a list of names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ToolList {
    Names(BTreeSet<String>),
    Word(String),
}

/// A section `[rooms."PLATFORM:ID"]`. What is left out is as for a room that is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomRules {
    /// The most trust that anybody has there: by default moderator, operator in a room that is not public.
    pub ceiling: Option<Trust>,
    /// Strangers can read along. By default they can.
    pub public: Option<bool>,
    pub tools: Option<ToolList>,
}

/// Everything that is configured about people and places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    pub people: People,
    pub servers: BTreeMap<PlatformId, Server>,
    pub rooms: BTreeMap<PlatformId, RoomRules>,
}

/// The directory as it is configured now; another when the configuration is read anew. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct CurrentDirectory(Arc<RwLock<Arc<Directory>>>);

impl CurrentDirectory {
    pub(crate) fn now(&self) -> Arc<Directory> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set(&self, directory: Directory) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }
}

impl From<Directory> for CurrentDirectory {
    fn from(directory: Directory) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(directory))))
    }
}

impl Directory {
    /// What the parser cannot know. `tools` are the names that there are. The error is a sentence for the owner.
    pub fn check<'a>(&self, tools: impl Iterator<Item = &'a str>) -> Result<(), String> {
        for (server, Server { roles }) in &self.servers {
            if let Some((role, trust)) = roles.iter().find(|(_, trust)| **trust > Trust::Moderator) {
                return Err(format!(
                    "[servers.\"{server}\"] makes the role {role} {}; a role is moderator at most, because whoever runs \
                     the server gives it. Operators are granted one by one, with `/trust`",
                    word(*trust)
                ));
            }
        }
        let tools: BTreeSet<&str> = tools.collect();
        for (room, rules) in &self.rooms {
            let public = rules.public.unwrap_or(true);
            if public && rules.ceiling.is_some_and(|ceiling| ceiling > Trust::Moderator) {
                return Err(format!(
                    "[rooms.\"{room}\"] has a ceiling above moderator, and strangers read along there; set public = false \
                     if they do not"
                ));
            }
            match &rules.tools {
                None => {}
                Some(ToolList::Word(word)) if word == "all" => {}
                Some(ToolList::Word(word)) => {
                    return Err(format!(
                        "[rooms.\"{room}\"] has tools = \"{word}\"; write \"all\" or a list of names"
                    ));
                }
                Some(ToolList::Names(names)) => {
                    if let Some(name) = names.iter().find(|name| !tools.contains(name.as_str())) {
                        let known: Vec<&str> = tools.iter().copied().collect();
                        return Err(format!(
                            "[rooms.\"{room}\"] lists the tool {name}, which there is not; there are: {}",
                            known.join(", ")
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn owns(&self, platform: &str, account: &str) -> bool {
        self.people
            .owners
            .iter()
            .any(|owner| owner.platform == platform && owner.id == account)
    }

    pub(crate) fn rules(&self, platform: &str, room: &str) -> Option<&RoomRules> {
        self.rooms.get(&PlatformId {
            platform: platform.to_owned(),
            id: room.to_owned(),
        })
    }

    pub(crate) fn server(&self, platform: &str, server: &str) -> Option<&Server> {
        self.servers.get(&PlatformId {
            platform: platform.to_owned(),
            id: server.to_owned(),
        })
    }
}

/// The word for a level of trust, as it is configured and shown.
pub(crate) fn word(trust: Trust) -> &'static str {
    match trust {
        Trust::Public => "public",
        Trust::Member => "member",
        Trust::Moderator => "moderator",
        Trust::Operator => "operator",
        Trust::Owner => "owner",
    }
}

pub(crate) fn trust_of_word(text: &str) -> Option<Trust> {
    Trust::ALL.into_iter().find(|trust| word(*trust) == text)
}
