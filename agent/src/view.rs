//! What watchers and clients are shown: the JSON of `docs/api.md`.

use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{Approval, ApprovalStatus, Message};
use serde::Serialize;
use serde_json::{Value, json};

pub use jarvis_memory::records::ApprovalStatus as CardStatus;

use crate::freeze::Frozen;

/// One event on the bus.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Happening {
    Message {
        message: Message,
    },
    Run {
        conversation_id: String,
        run_id: String,
        state: RunState,
        why: Option<&'static str>,
    },
    Delta {
        conversation_id: String,
        run_id: String,
        text: String,
    },
    Reset {
        conversation_id: String,
        run_id: String,
    },
    Tool(ToolLine),
    Approval {
        approval: Box<ApprovalView>,
    },
    /// What is frozen from now on.
    Frozen {
        frozen: Vec<Frozen>,
    },
    /// The configuration was read anew: what holds from now on, or why nothing changes.
    Config {
        changes: Vec<String>,
        fault: Option<String>,
    },
    /// A target changed; the object is made by the gateway.
    Target {
        target: Value,
    },
    Reload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    Started,
    Finished,
}

/// One tool call as surfaces show it: never its arguments or its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolLine {
    pub conversation_id: String,
    pub run_id: String,
    pub call_id: String,
    pub name: String,
    pub target: Option<String>,
    pub status: &'static str,
    /// The card that a `pending` call waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

/// An approval card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalView {
    pub id: String,
    pub tool: String,
    pub arguments: Value,
    pub effect: String,
    pub rule: String,
    pub plan: Value,
    pub status: ApprovalStatus,
    pub requested_by: Option<String>,
    pub conversation_id: Option<String>,
    pub need: i64,
    pub created_at: Millis,
    pub expires_at: Millis,
    pub decided_by: Option<String>,
    pub decided_at: Option<Millis>,
    pub executed_at: Option<Millis>,
    pub outcome: Option<Value>,
}

impl From<Approval> for ApprovalView {
    fn from(row: Approval) -> Self {
        Self {
            id: row.id,
            tool: row.tool,
            arguments: row.arguments,
            effect: row.effect,
            rule: row.rule,
            plan: row.plan,
            status: row.status,
            requested_by: row.requester_id,
            conversation_id: row.conversation_id,
            need: row.need,
            created_at: row.created_at,
            expires_at: row.expires_at,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            executed_at: row.executed_at,
            outcome: row.result,
        }
    }
}

impl Happening {
    /// Serialising these types cannot fail; a failure would show as an empty object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| json!({}).to_string())
    }
}
