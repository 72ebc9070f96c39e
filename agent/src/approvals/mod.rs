//! Dangerous acts as cards: raised from a plan, decided by the right person, run once, verified, told.
//!
//! ```text
//! pending --vote--> approved --claim--> executing --run--> done | failed
//!    |                 |                    \--the state changed--> stale
//!    |--a no--> denied |
//!    \--time--> expired <--time--/
//! ```
//! Every arrow is one conditional statement in the store, so that two clicks, two processes or a restart cannot take it
//! twice.

mod act;
mod again;
mod card;
mod decide;
mod ended;
mod face;
mod follow_up;
pub(crate) mod grant;
mod routes;

pub(crate) use act::{carry_out, origin, settle};
pub(crate) use again::ask_again;
pub(crate) use card::raise;
pub(crate) use decide::{Verdict, decide, expire};
pub(crate) use ended::tell_those_untold;
pub(crate) use face::{is_open, shown};
pub(crate) use follow_up::is_follow_up;
pub use grant::GrantView;
pub use routes::Config;

use jarvis_memory::records::{Approval, ApprovalStatus, Message};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::conversations;
use crate::error::word;
use crate::parts::Parts;
use crate::view::Happening;

/// Binds a card to one tool and its exact arguments.
pub(crate) fn args_hash(tool: &str, arguments: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(tool);
    hash.update([0]);
    hash.update(canonical(arguments).to_string());
    hex::encode(hash.finalize())
}

/// The same object with its keys in order, so that the order in which a model wrote them does not matter.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort();
            keys.into_iter()
                .map(|key| (key.clone(), canonical(&object[key])))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn publish(parts: &Parts, approval: Approval) {
    parts.outbox.ring();
    parts.bus.publish(Happening::Approval {
        approval: Box::new(approval.into()),
    });
}

/// The plan's title, for sentences about the card.
pub(crate) fn title(approval: &Approval) -> &str {
    approval
        .plan
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or(&approval.tool)
}

/// Tells the conversation that the card came from. A tool's words in it taint later turns as they would have tainted
/// the one that asked.
async fn tell(parts: &Parts, approval: &Approval, text: String) {
    let Some(message) = event(parts, approval, text, None).await else {
        return;
    };
    if let Err(error) = conversations::add(parts, message).await {
        tracing::error!(approval.id = approval.id, %error, "a conversation could not be told of its approval");
    }
}

/// What is told, with what follows it, when there is a conversation to tell.
async fn event(parts: &Parts, approval: &Approval, text: String, follow_up: Option<Value>) -> Option<Message> {
    let conversation_id = approval.conversation_id.clone()?;
    // Strangers are told how it ended, and not what it was.
    let text = match routes::asking(parts, approval).await {
        routes::Asking::Public { .. } => format!("**{}** is {}.", approval.id, word(approval.status)),
        routes::Asking::Home | routes::Asking::Platform { .. } => text,
    };
    let quotes = parts
        .catalog
        .get(&approval.tool)
        .is_none_or(|tool| tool.untrusted_output());
    let private = parts
        .catalog
        .get(&approval.tool)
        .and_then(|tool| tool.prepare(&approval.arguments).ok())
        .is_none_or(|prepared| prepared.risk.reads_private)
        // An act that failed shows the log of what it acted on.
        || (quotes && approval.status == ApprovalStatus::Failed);
    let mut detail = serde_json::json!({
        "approval": approval.id, "status": approval.status, "tainted": quotes, "saw_private": private,
    });
    if let Some(follow_up) = follow_up {
        detail["follow_up"] = follow_up;
    }
    Some(Message {
        run_id: approval.run_id.clone(),
        detail,
        ..conversations::event(parts, &conversation_id, text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_binds_tool_and_arguments_but_not_their_order() {
        let hash = |tool: &str, arguments: Value| args_hash(tool, &arguments);
        let stop_web = hash("docker_action", json!({ "action": "stop", "container": "web" }));
        assert_eq!(
            stop_web,
            hash("docker_action", json!({ "container": "web", "action": "stop" }))
        );
        assert_ne!(
            stop_web,
            hash("docker_action", json!({ "action": "stop", "container": "db" }))
        );
        assert_ne!(
            stop_web,
            hash("docker_actio", json!({ "action": "stop", "container": "web" }))
        );
        assert_eq!(stop_web.len(), 64);
    }
}
