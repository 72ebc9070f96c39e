//! Asking again for an act whose card came to nothing.

use jarvis_gateway::chat::{ToolCall, ToolResult};
use jarvis_memory::records::{Approval, ApprovalStatus};
use jarvis_tools::Prepared;
use jarvis_tools::risk::Trust;

use super::{act, args_hash, card, publish, tell, title};
use crate::error::Error;
use crate::execute::Origin;
use crate::freeze;
use crate::parts::Parts;
use crate::policy::Decision;
use crate::principal::Principal;
use crate::turn::{ReadyCall, Standing};

/// Raises a new card with a new plan for the same act. Only for cards that expired, went stale, were denied or failed:
/// an act that was done is not repeated by a click.
pub(crate) async fn ask_again(parts: &Parts, principal: &Principal, id: &str) -> Result<Approval, Error> {
    let Some(old) = parts.store.approval(id).await? else {
        return Err(Error::NoApproval(id.chars().take(16).collect()));
    };
    if principal.trust < Trust::from_level(old.min_trust) {
        return Err(Error::Forbidden);
    }
    match old.status {
        ApprovalStatus::Expired | ApprovalStatus::Stale | ApprovalStatus::Denied | ApprovalStatus::Failed => {}
        ApprovalStatus::Pending | ApprovalStatus::Approved | ApprovalStatus::Executing | ApprovalStatus::Done => {
            return Err(Error::AlreadyDecided {
                id: old.id,
                status: old.status,
                by: old.decided_by,
            });
        }
    }
    if args_hash(&old.tool, &old.arguments) != old.args_hash {
        tracing::error!(
            approval.id = old.id,
            "a card is not what was asked for; somebody changed its row"
        );
        return Err(Error::NotRaised(format!(
            "what is stored of {} is not what was asked for; look at who can write to the database",
            old.id
        )));
    }
    let ready = ready(parts, &old, act::prepare(parts, &old).map_err(said)?);
    // The card refers to whoever asks, who may never have spoken here.
    parts.store.put_person(&principal.person()).await?;
    let origin = Origin {
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        conversation_id: old.conversation_id.clone(),
        run_id: old.run_id.clone().unwrap_or_default(),
        approval_id: None,
        tainted: false,
        trace: None,
    };
    let new = match card::raised(parts, &origin, &ready, Decision::Ask("asked_again")).await {
        Ok(new) => new,
        // Somebody was faster: theirs is the card.
        Err(ToolResult::Pending { approval, .. }) => {
            let open = parts.store.approval(&approval).await?;
            return open.ok_or(Error::NoApproval(approval));
        }
        Err(result) => return Err(said(result)),
    };
    publish(parts, new.clone());
    let text = format!("**{}** was asked for again as **{}**: {}.", old.id, new.id, title(&new));
    tell(parts, &new, text).await;
    Ok(new)
}

/// The rule of a card that was raised because the one before it went stale.
const STATE_CHANGED: &str = "state_changed";

/// Asks anew for an act that was approved for a state that is gone: its id. Nobody said yes to the new card. When that goes
/// stale too, a person has to ask, so that a state that keeps changing makes no endless row of cards.
pub(super) async fn after_change(parts: &Parts, old: &Approval, prepared: Prepared) -> Option<String> {
    if old.rule == STATE_CHANGED || freeze::holds(parts, &old.tool, prepared.risk.effect).await {
        return None;
    }
    let origin = Origin {
        approval_id: None,
        ..act::origin(old, "approval")
    };
    match card::raised(
        parts,
        &origin,
        &ready(parts, old, prepared),
        Decision::Ask(STATE_CHANGED),
    )
    .await
    {
        Ok(new) => {
            let id = new.id.clone();
            publish(parts, new);
            Some(id)
        }
        // It waits already.
        Err(ToolResult::Pending { approval, .. }) => Some(approval),
        Err(result) => {
            tracing::warn!(approval.id = old.id, ?result, "an act is not asked for anew");
            None
        }
    }
}

fn ready(parts: &Parts, old: &Approval, prepared: Prepared) -> ReadyCall {
    ReadyCall {
        call: ToolCall {
            id: format!("again_{}", parts.fresh_id()),
            name: old.tool.clone(),
            arguments: old.arguments.to_string(),
        },
        prepared: Ok(prepared),
        untrusted_output: false,
        listed: true,
        standing: Standing::default(),
    }
}

fn said(result: ToolResult) -> Error {
    Error::NotRaised(match result {
        ToolResult::Error {
            error,
            hint: Some(hint),
            ..
        } => format!("{error}; {hint}"),
        ToolResult::Error { error, .. } => error,
        ToolResult::Denied { reason } => reason,
        ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } | ToolResult::Skipped { says } => says,
        ToolResult::Ok { summary, .. } => summary,
    })
}
