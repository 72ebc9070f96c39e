//! The rows, as the rest of Jarvis sees them.

mod deliveries;
mod trace;

use jarvis_gateway::caller::Allowance;
use jarvis_gateway::clock::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use deliveries::{Delivery, DeliveryKind, DeliveryState};
pub use trace::{AskedIn, CastVote, ModelCall, Shown};

/// Someone or something that has an identity here: the owner, a person, a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub display: String,
    /// 0 public to 4 owner, as last seen. What a person is trusted with is decided anew each time.
    pub trust: i64,
}

/// A place where people talk: the console, a terminal, a key, a room of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub id: String,
    /// `local`, `key`, `discord`, …
    pub platform: String,
    /// The platform's own id of the place; unique within the platform.
    pub external_id: String,
    /// The most trust that anybody has here, 0 to 4.
    pub ceiling: i64,
    /// Strangers can read along.
    pub public: bool,
    /// The platform's id of the server or channel that the place belongs to.
    pub server_id: Option<String>,
    /// One person and Jarvis alone.
    pub direct: bool,
}

/// A thread of messages in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conversation {
    pub id: String,
    #[serde(skip)]
    pub room_id: String,
    /// The first words of the first message; empty until then.
    pub title: String,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// A result of a tool that was too long for a model, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptResult {
    pub id: String,
    pub conversation_id: String,
    pub tool: String,
    pub text: String,
    /// The least trust that the call took, 0 to 4.
    pub min_trust: i64,
    /// The text holds what somebody else wrote.
    pub tainted: bool,
    /// The text does not belong in a public room.
    pub private: bool,
    pub expires_at: Millis,
}

/// What stands for the older part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub text: String,
    /// The id of the newest message that is in it.
    pub upto: String,
    /// One of the messages in it was written after outside text was read, or by somebody who is not trusted.
    pub tainted: bool,
    pub private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    User,
    Assistant,
    /// Something that happened: an approved act was done, a turn was interrupted by a restart.
    Event,
}

impl MessageRole {
    pub const ALL: [Self; 3] = [Self::User, Self::Assistant, Self::Event];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Event => "event",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// A `UUIDv7`: the order of ids is the order of messages.
    pub id: String,
    pub conversation_id: String,
    pub run_id: Option<String>,
    /// The author of a user message.
    pub person_id: Option<String>,
    /// The author's trust when it was written, 0 to 4.
    #[serde(skip)]
    pub trust: i64,
    pub role: MessageRole,
    pub text: String,
    /// What surfaces show beside the text: target, tool lines, notices. An object.
    pub detail: Value,
    /// The sender's own id of the message, unique within the conversation: a repeated delivery is one message.
    #[serde(skip)]
    pub external_id: Option<String>,
    pub created_at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    Running,
    Done,
    Stopped,
    Failed,
}

impl RunStatus {
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Stopped, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// One turn of the agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: String,
    pub conversation_id: String,
    pub person_id: Option<String>,
    pub status: RunStatus,
    /// `backend/model` of the last model call.
    pub target: Option<String>,
    pub model_calls: i64,
    pub tool_calls: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
    pub tainted: bool,
    pub saw_private: bool,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    pub stop_reason: Option<String>,
    /// Set when another turn asked a specialist, who did this one.
    pub nested_in: Option<NestedIn>,
    /// Its turn has not begun, and any instance may begin it.
    pub waits: bool,
}

impl Run {
    /// Before its first step.
    pub fn begun(id: String, conversation_id: String, person_id: Option<String>, now: Millis) -> Self {
        Self {
            id,
            conversation_id,
            person_id,
            status: RunStatus::Running,
            target: None,
            model_calls: 0,
            tool_calls: 0,
            tokens_in: 0,
            tokens_out: 0,
            tainted: false,
            saw_private: false,
            started_at: now,
            ended_at: None,
            stop_reason: None,
            nested_in: None,
            waits: false,
        }
    }
}

/// The call of a turn in which a specialist was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedIn {
    pub run_id: String,
    /// The model's id of the call.
    pub call_id: String,
    /// The name of the specialist.
    pub agent: String,
}

/// One call of a tool, written before it starts and completed afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub run_id: String,
    /// The model's id of the call.
    pub call_id: String,
    pub tool: String,
    pub arguments: Value,
    pub effect: String,
    /// `started`, then `ok`, `error`, `denied`, `pending`, `interrupted` or `skipped`.
    pub outcome: String,
    pub result: Option<Value>,
    pub at: Millis,
    pub took_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalStatus {
    Pending,
    Approved,
    Denied,
    Expired,
    Executing,
    Done,
    Failed,
    Stale,
}

impl ApprovalStatus {
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Executing,
        Self::Done,
        Self::Failed,
        Self::Stale,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Executing => "executing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stale => "stale",
        }
    }
}

/// A dangerous act that waits for, or had, a person's decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Short and speakable: `K7QX`.
    pub id: String,
    pub tool: String,
    pub arguments: Value,
    /// SHA-256 in hex over tool and canonical arguments.
    pub args_hash: String,
    pub effect: String,
    /// The policy rule that asked: `destructive`.
    pub rule: String,
    /// The plan as JSON (`jarvis_tools::Plan`).
    pub plan: Value,
    pub state_hash: String,
    pub requester_id: Option<String>,
    pub conversation_id: Option<String>,
    pub run_id: Option<String>,
    pub min_trust: i64,
    /// How many yes votes it takes.
    pub need: i64,
    pub status: ApprovalStatus,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub decided_at: Option<Millis>,
    /// Who decided, for people.
    pub decided_by: Option<String>,
    pub executed_at: Option<Millis>,
    /// What came of it, as `jarvis_gateway::chat::ToolResult` JSON.
    pub result: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    pub approval_id: String,
    pub person_id: String,
    pub yes: bool,
    /// What the voter's own account is trusted with now, 0 to 4: another account of the same person may have more.
    pub trust: i64,
    /// The surface it came from: `console`, `terminal`, `api`, or a platform.
    pub via: String,
    pub note: Option<String>,
}

/// What became of one vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoteOutcome {
    /// Counted, and this vote decided it.
    Decided(ApprovalStatus),
    /// Counted; more votes are needed.
    Waiting,
    /// Not counted: no such approval.
    Unknown,
    /// Not counted: the person's trust is below what the approval needs.
    NotAllowed,
    /// Not counted: the time is over.
    Expired,
    /// Not counted: it was decided before, or this person voted before. The present status.
    Already(ApprovalStatus),
}

/// Acts of one kind that a person allowed for a while: one person, one room, one tool, one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Short and speakable, like a card's: it is the id of the card that it came from.
    pub id: String,
    /// Who may act.
    pub person_id: String,
    #[serde(skip)]
    pub room_id: String,
    pub tool: String,
    pub target: String,
    pub uses_left: i64,
    pub created_at: Millis,
    pub expires_at: Millis,
    /// Who allowed it, for people.
    pub granted_by: String,
    #[serde(skip)]
    pub approval_id: String,
}

/// The call that a grant has to fit.
#[derive(Debug, Clone, Copy)]
pub struct GrantedCall<'a> {
    pub person_id: &'a str,
    pub conversation_id: &'a str,
    pub tool: &'a str,
    pub target: &'a str,
}

/// A freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// `all`, or `tool:NAME`.
    pub name: String,
    /// It holds until then, or until it is taken away.
    pub until: Option<Millis>,
    /// Who froze, for people.
    pub by_name: String,
    pub at: Millis,
}

/// What is written to the audit. The store adds number and hashes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditEvent {
    /// `tool.intent`, `tool.outcome`, `decision`, `approval.created`, `approval.vote`, `key.created`, …
    pub kind: String,
    pub person_id: Option<String>,
    pub via: String,
    pub conversation_id: Option<String>,
    pub run_id: Option<String>,
    pub approval_id: Option<String>,
    pub tool: Option<String>,
    pub arguments: Option<Value>,
    /// `allow`, `ask`, `deny`.
    pub decision: Option<String>,
    pub rule: Option<String>,
    pub outcome: Option<String>,
    pub detail: Option<Value>,
}

/// One audit row. `hash` covers every other field and the hash of the row before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    pub id: i64,
    pub at: Millis,
    pub kind: String,
    pub person_id: Option<String>,
    pub via: String,
    pub conversation_id: Option<String>,
    pub run_id: Option<String>,
    pub approval_id: Option<String>,
    pub tool: Option<String>,
    pub arguments: Option<Value>,
    pub decision: Option<String>,
    pub rule: Option<String>,
    pub outcome: Option<String>,
    pub detail: Option<Value>,
    pub prev: String,
    pub hash: String,
}

/// Whether the audit chain holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "chain", rename_all = "lowercase")]
pub enum AuditCheck {
    Intact {
        entries: i64,
    },
    /// The first entry whose hash or link does not fit.
    Broken {
        at: i64,
    },
}

/// An API key. The secret is not kept, only its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    /// SHA-256 of the whole secret, in hex.
    pub hash: String,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// `chat`, `ops`, `approve`, separated by blanks.
    pub scopes: String,
    pub created_at: Millis,
    pub last_used_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
    pub allowance: Allowance,
    /// From then on it is like a revoked one.
    pub expires_at: Option<Millis>,
}

/// What the owner allowed of one tool of an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpPin {
    /// The server's own name of it.
    pub tool: String,
    /// The hash of the tool as it may be called. None for one that nobody allowed yet.
    pub allowed: Option<String>,
    /// The hash that the owner was told of last.
    pub seen: String,
}
