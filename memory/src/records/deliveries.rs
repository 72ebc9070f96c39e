//! The outbox: what a platform shows, or is to show.

use jarvis_gateway::clock::Millis;

/// What a delivery shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// A message of a conversation.
    Message,
    /// An approval card, as it stands when it is sent.
    Card,
    /// Words of its own.
    Words,
}

impl DeliveryKind {
    pub const ALL: [Self; 3] = [Self::Message, Self::Card, Self::Words];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Card => "card",
            Self::Words => "words",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be sent at [`Delivery::next_at`].
    Waiting,
    /// Being sent. After a restart: nobody knows.
    Sending,
    Sent,
    /// The platform does not take it, or did not for too long.
    Failed,
    /// It may have been shown, and is not sent again.
    Unknown,
    /// Not worth showing any more.
    Dropped,
}

impl DeliveryState {
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Unknown,
        Self::Dropped,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Dropped => "dropped",
        }
    }
}

/// Something that a platform shows, or is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// A `UUIDv7`: the order of ids is the order in which a place gets them. A message's delivery has the message's id.
    pub id: String,
    pub kind: DeliveryKind,
    pub platform: String,
    /// The platform's id of the room; with `opens`, of an account whose direct conversation is opened first.
    pub room: String,
    pub server: Option<String>,
    pub direct: bool,
    pub opens: bool,
    pub message_id: Option<String>,
    pub approval_id: Option<String>,
    /// Strangers can read along. Read, never written.
    pub public: bool,
    /// Read from the message, or its own words; empty for a card.
    pub text: String,
    /// The platform's id of the message that this one answers. Read, never written.
    pub answers: Option<String>,
    pub state: DeliveryState,
    pub attempts: i64,
    /// How often nobody knew whether it was shown.
    pub doubts: i64,
    pub next_at: Millis,
    pub created_at: Millis,
    pub shown_room: Option<String>,
    pub shown_message: Option<String>,
    /// What of a card it shows: [`Delivery::wanted`] at that time.
    pub shown: Option<String>,
    /// What a card's copy should show: its status and its votes. Read, never written.
    pub wanted: Option<String>,
    pub fault: Option<String>,
}

impl Delivery {
    /// Something new that waits to be shown, still without words, message or card. `place` is the platform with a room,
    /// or, when the direct conversation `opens` first, with an account.
    pub fn new(id: String, kind: DeliveryKind, place: (&str, &str), opens: bool, now: Millis) -> Self {
        Self {
            id,
            kind,
            platform: place.0.to_owned(),
            room: place.1.to_owned(),
            server: None,
            direct: opens,
            opens,
            message_id: None,
            approval_id: None,
            public: false,
            text: String::new(),
            answers: None,
            state: DeliveryState::Waiting,
            attempts: 0,
            doubts: 0,
            next_at: now,
            created_at: now,
            shown_room: None,
            shown_message: None,
            shown: None,
            wanted: None,
            fault: None,
        }
    }

    /// Words of our own for an account, in its direct conversation.
    pub fn to_account(id: String, platform: &str, account: &str, text: String, now: Millis) -> Self {
        Self {
            text,
            ..Self::new(id, DeliveryKind::Words, (platform, account), true, now)
        }
    }
}
