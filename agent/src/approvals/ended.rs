//! How a card ended, told to its conversation once. The end is a row first; what a crash left untold, the next start tells.

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{Approval, ApprovalStatus, Message};

use super::follow_up::FollowUp;
use super::{event, title};
use crate::conversations;
use crate::error::word;
use crate::instances::Insist;
use crate::parts::Parts;

/// Cards that a start tells of. More than a few would be a fault by itself.
const UNTOLD: i64 = 1_000;

/// Tells it, and opens the run of the turn that follows. The event, unless it was told before or cannot be now.
pub(super) async fn tell(parts: &Parts, approval: &Approval, follow_up: Option<&FollowUp>) -> Option<Message> {
    let message = event(parts, approval, words(approval), follow_up.map(FollowUp::detail)).await?;
    let message = conversations::gated(parts, message);
    let next = follow_up.map(FollowUp::run);
    let mut insist = Insist::on(parts, "how an approval ended");
    let told = loop {
        let told = parts.store.tell_approval(&approval.id, &message, next).await;
        if !insist.again(told.as_ref().err()).await {
            break told;
        }
    };
    match told {
        Ok(true) => {
            conversations::publish(parts, message.clone());
            Some(message)
        }
        Ok(false) => None,
        Err(error) => {
            tracing::error!(approval.id = approval.id, %error, "a conversation could not be told how its approval ended; the next start tells it");
            None
        }
    }
}

/// For cards that a former process ended and did not tell of.
pub(crate) async fn tell_those_untold(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    for approval in parts.store.untold_approvals(UNTOLD).await? {
        tell(parts, &approval, None).await;
    }
    Ok(())
}

/// Made of the row alone, so that whoever finds it says the same.
fn words(approval: &Approval) -> String {
    let (id, title) = (&approval.id, title(approval));
    let by = approval.decided_by.as_deref().unwrap_or("somebody");
    match approval.status {
        ApprovalStatus::Denied => format!("**{id}** was denied by {by}: {title}."),
        ApprovalStatus::Expired => {
            let how = match &approval.decided_by {
                Some(by) => format!("was approved by {by} and expired before it was begun"),
                None => "expired without a decision".to_owned(),
            };
            format!("**{id}** {how}: {title}. Say `again {id}` if it is still wanted.")
        }
        ApprovalStatus::Done | ApprovalStatus::Failed | ApprovalStatus::Stale => {
            let result = approval
                .result
                .clone()
                .and_then(|value| serde_json::from_value(value).ok());
            let outcome = result.map_or_else(|| format!("It is {}.", word(approval.status)), came_to);
            format!("**{id}** was approved by {by}: {title}.\n\n{outcome}")
        }
        ApprovalStatus::Pending | ApprovalStatus::Approved | ApprovalStatus::Executing => {
            format!("**{id}** is {}: {title}.", word(approval.status))
        }
    }
}

fn came_to(result: ToolResult) -> String {
    match result {
        ToolResult::Ok { summary, .. } => summary,
        ToolResult::Error {
            error,
            hint: Some(hint),
            ..
        } => format!("It failed: {error}; {hint}."),
        ToolResult::Error { error, hint: None, .. } => format!("It failed: {error}."),
        ToolResult::Denied { reason } => reason,
        ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } | ToolResult::Skipped { says } => says,
    }
}
