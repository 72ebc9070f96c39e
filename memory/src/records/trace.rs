//! What is read of a turn to show it step by step, beside its messages, tool calls, cards and audit entries.

use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;

/// Who asked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedIn {
    /// The person's name as last seen; none when the person was forgotten.
    pub name: Option<String>,
    pub platform: String,
    /// The platform's own id of the room.
    pub room: String,
}

/// One target that was asked in a turn, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCall {
    pub at: Millis,
    pub alias: String,
    /// `backend/model`.
    pub target: String,
    /// 1 for the first target of a call.
    pub attempt: i64,
    /// `answered`, `cached`, `cancelled` or `left`.
    pub outcome: String,
    /// Why it was left: a class of failure.
    pub fault: Option<String>,
    pub reason: Option<String>,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// The server reported no tokens.
    pub estimated: bool,
    /// `None` when nobody knows.
    pub cost: Option<MicroUsd>,
    pub took_ms: i64,
}

/// A vote that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastVote {
    pub at: Millis,
    pub approval_id: String,
    pub person_id: String,
    /// The person's name as last seen.
    pub name: Option<String>,
    pub yes: bool,
    pub via: String,
    pub note: Option<String>,
}

/// What the outbox says of a message or a card of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub created_at: Millis,
    pub sent_at: Option<Millis>,
    /// `message`, `card` or `words`.
    pub kind: String,
    pub platform: String,
    pub room: String,
    /// `waiting`, `sending`, `sent`, `failed`, `unknown` or `dropped`.
    pub state: String,
    pub attempts: i64,
    pub fault: Option<String>,
}
