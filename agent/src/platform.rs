//! Where people are beyond this machine: what an adapter brings in, and what it is asked to show.
//!
//! An adapter (Discord, Twitch, …) turns the platform's events into [`Incoming`] and gives them to the agent, which
//! answers by calling the adapter. Nothing here knows a platform: names of rooms and people are the platform's own
//! ids, and what somebody may do is decided from them by the agent alone.

use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::clock::Millis;

/// A room of a platform: a channel, a direct conversation, a stream's chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomId {
    /// `discord`, `twitch`, …: [`Adapter::platform`].
    pub platform: String,
    /// The platform's id of the room.
    pub room: String,
    /// The platform's id of the server or channel that the room belongs to, where roles are given.
    pub server: Option<String>,
    /// Only one person and Jarvis are in it.
    pub direct: bool,
}

/// Who wrote something, as the platform's event tells, never as its text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The platform's id of the account. Does not change when the handle does.
    pub account: String,
    /// The name that the platform shows now. Outside text: anybody chooses theirs.
    pub handle: String,
    /// The platform's ids of roles and badges that the account has in this room's server.
    pub roles: Vec<String>,
    /// Another program, or a webhook.
    pub is_bot: bool,
}

/// A message of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub room: RoomId,
    pub author: Author,
    /// The platform's id of the message: the same one twice is one message.
    pub id: String,
    pub text: String,
    /// It speaks to Jarvis: a mention, a command, a direct conversation.
    pub addressed: bool,
    pub at: Millis,
}

/// What an adapter is asked to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Ours, and the same when it is sent again because nobody knows whether it was shown. An adapter whose platform can
    /// tell by it (Discord's nonce) shows it once, and says so in [`Caps::knows_repeats`].
    pub key: String,
    /// Markdown. The adapter turns it into what its platform shows and splits it by [`Caps::max_chars`].
    pub text: String,
    /// Shown where the platform has buttons; the text says the same commands for those that have none.
    pub buttons: Vec<Button>,
    /// The platform's id of the message that this answers.
    pub answers: Option<String>,
}

/// A button holds no state: a click on it is its presser saying `says`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: String,
    /// A plain command: `approve K7QX`.
    pub says: String,
}

/// Where something was shown: enough to change it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub room: RoomId,
    /// The platform's id of the (last) message.
    pub message: String,
}

/// What a platform can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub max_chars: usize,
    pub edits: bool,
    pub buttons: bool,
    /// The same [`Outgoing::key`] twice is shown once.
    pub knows_repeats: bool,
}

/// Why something could not be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The platform will never take it: the room is gone, Jarvis may not write there.
    #[error("{0}")]
    Refused(String),
    /// It may work later; after `after`, when the platform said so.
    #[error("{says}")]
    Later { says: String, after: Option<Duration> },
    /// It may have been shown: the connection broke before the platform answered.
    #[error("{0}")]
    Unknown(String),
}

/// A connection to one platform.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// The word for it in rooms, identities and the audit.
    fn platform(&self) -> &str;

    fn caps(&self) -> Caps;

    /// Shows a new message.
    async fn send(&self, room: &RoomId, what: &Outgoing) -> Result<Delivered, SendError>;

    /// Changes one that was shown.
    async fn edit(&self, shown: &Delivered, what: &Outgoing) -> Result<(), SendError>;

    /// The direct conversation with an account, opened when there is none yet.
    async fn direct(&self, account: &str) -> Result<RoomId, SendError>;
}
