//! The JSON of `docs/api.md`, as far as a terminal shows it. Unknown fields and kinds are passed over, so that an older
//! client can talk to a newer server.

use serde::Deserialize;

/// One event of `GET /v1/jarvis/events`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Happening {
    Message {
        message: Message,
    },
    Run(RunChange),
    Delta(Delta),
    Reset(Reset),
    Tool(Tool),
    Approval {
        approval: Card,
    },
    Reload,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) conversation_id: String,
    #[serde(default)]
    pub(super) run_id: Option<String>,
    pub(super) role: Role,
    pub(super) text: String,
    #[serde(default)]
    pub(super) detail: Option<Detail>,
}

impl Message {
    pub(super) fn why(&self) -> Option<&str> {
        self.detail.as_ref()?.why.as_deref()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
    #[default]
    #[serde(other)]
    Event,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Detail {
    #[serde(default)]
    pub(super) why: Option<String>,
    /// The card that an event is about.
    #[serde(default)]
    pub(super) approval: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RunChange {
    pub(super) conversation_id: String,
    pub(super) run_id: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) why: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Delta {
    pub(super) run_id: String,
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Reset {
    pub(super) run_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Tool {
    pub(super) run_id: String,
    pub(super) call_id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) target: Option<String>,
    pub(super) status: String,
    #[serde(default)]
    pub(super) approval: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) conversation_id: Option<String>,
    #[serde(default)]
    pub(super) plan: Plan,
    #[serde(default)]
    pub(super) outcome: Option<Outcome>,
}

impl Card {
    /// Nothing more will happen to it.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "denied" | "expired" | "done" | "failed" | "stale")
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Plan {
    #[serde(default)]
    pub(super) title: String,
}

/// A tool result; which field is there depends on its status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Outcome {
    #[serde(default)]
    pub(super) summary: Option<String>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) hint: Option<String>,
    #[serde(default)]
    pub(super) says: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Conversations {
    pub(super) conversations: Vec<Conversation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Conversation {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Messages {
    pub(super) messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) message: Message,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    pub(super) error: FaultBody,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FaultBody {
    pub(super) message: String,
    #[serde(default)]
    pub(super) code: Option<String>,
}
