//! Doing what was approved: once, on the state it was approved for, and with the truth told afterwards.

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{Approval, ApprovalStatus, AuditEvent};
use jarvis_tools::Prepared;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{again, args_hash, card, follow_up, publish, tell, tell_with, title};
use crate::execute::{Allowed, Origin, execute, of_error};
use crate::parts::Parts;
use crate::policy::Decision;

/// Claims and carries out an approved card. Whoever comes second finds it claimed and does nothing.
pub(crate) async fn carry_out(parts: &Parts, id: &str) {
    // Begun now, it could be cut off in the middle. The next start carries it out.
    if parts.tasks.stopping().is_cancelled() {
        return;
    }
    let claimed = match claim(parts, id).await {
        Ok(Some(claimed)) => claimed,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(approval.id = id, %error, "an approved act could not be claimed; it stays approved until it expires");
            return;
        }
    };
    publish(parts, claimed.clone());
    let (status, result) = on_fresh_state(parts, &claimed).await;
    finish(parts, claimed, status, result).await;
}

async fn claim(parts: &Parts, id: &str) -> Result<Option<Approval>, jarvis_memory::Error> {
    let Some(approval) = parts.store.approval(id).await? else {
        return Ok(None);
    };
    // Recomputed from the stored arguments: a row whose arguments were changed is not claimed.
    let hash = args_hash(&approval.tool, &approval.arguments);
    if hash != approval.args_hash {
        tracing::error!(
            approval.id = id,
            "an approved act is not what was asked for; somebody changed its row"
        );
        let text = format!(
            "**{id}** is not carried out: what is stored of it is not what was asked for. Ask for it again, and look at \
             who can write to the database."
        );
        tell(parts, &approval, text).await;
        return Ok(None);
    }
    parts.store.claim_approval(id, &hash, parts.now()).await
}

/// Plans once more, and acts only when the world is as it was when the card was raised.
async fn on_fresh_state(parts: &Parts, approval: &Approval) -> (ApprovalStatus, ToolResult) {
    let prepared = match prepare(parts, approval) {
        Ok(prepared) => prepared,
        Err(result) => return (ApprovalStatus::Failed, result),
    };
    let plan = match card::plan(parts, &approval.tool, &prepared).await {
        Ok(plan) => plan,
        Err(result) => return (ApprovalStatus::Failed, result),
    };
    if plan.state_hash != approval.state_hash {
        let before = approval.plan.get("before").and_then(Value::as_str).unwrap_or("unknown");
        // What is hashed is more than the words say: a container that was restarted runs as before.
        let change = if plan.before == before {
            format!("then and now: {before}, but it was started anew or replaced meanwhile")
        } else {
            format!("then: {before}; now: {}", plan.before)
        };
        let error = format!("the state changed since the card was raised ({change}), so nothing was done");
        let anew = if plan.before == plan.after {
            None
        } else {
            again::after_change(parts, approval, prepared).await
        };
        let hint = Some(match anew {
            Some(new) => format!("asked again as {new}"),
            None => "ask for it again to get a card for the present state".to_owned(),
        });
        return (
            ApprovalStatus::Stale,
            ToolResult::Error {
                error,
                hint,
                retry: false,
            },
        );
    }
    let origin = origin(approval, "approval");
    let allowed = Allowed {
        call_id: approval.id.clone(),
        tool: approval.tool.clone(),
        prepared,
        decision: Decision::Allow("approved"),
    };
    let result = execute(parts, &origin, allowed, &CancellationToken::new()).await;
    let status = if matches!(result, ToolResult::Ok { .. }) {
        ApprovalStatus::Done
    } else {
        ApprovalStatus::Failed
    };
    (status, result)
}

/// The act is still on behalf of whoever asked for it.
pub(crate) fn origin(approval: &Approval, via: &str) -> Origin {
    Origin {
        person_id: approval.requester_id.clone(),
        via: via.to_owned(),
        conversation_id: approval.conversation_id.clone(),
        run_id: approval.run_id.clone().unwrap_or_default(),
        approval_id: Some(approval.id.clone()),
        tainted: false,
        trace: None,
    }
}

pub(super) fn prepare(parts: &Parts, approval: &Approval) -> Result<Prepared, ToolResult> {
    let missing = || ToolResult::Error {
        error: format!("there is no tool `{}` any more", approval.tool),
        hint: None,
        retry: false,
    };
    parts
        .catalog
        .get(&approval.tool)
        .ok_or_else(missing)?
        .prepare(&approval.arguments)
        .map_err(of_error)
}

async fn finish(parts: &Parts, mut approval: Approval, status: ApprovalStatus, result: ToolResult) {
    let value = serde_json::to_value(&result).unwrap_or_default();
    match parts
        .store
        .finish_approval(&approval.id, status, &value, parts.now())
        .await
    {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            tracing::error!(approval.id = approval.id, %error, "the outcome of an approved act could not be written; the next start reports it as unknown");
            return;
        }
    }
    approval.status = status;
    approval.result = Some(value);
    let event = AuditEvent {
        tool: Some(approval.tool.clone()),
        outcome: Some(status.as_str().to_owned()),
        ..origin(&approval, "approval").event("approval.finished")
    };
    if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
        tracing::error!(approval.id = approval.id, %error, "the end of an approval is not in the audit");
    }
    let follow_up = Box::pin(follow_up::planned(parts, &approval)).await;
    let detail = follow_up.as_ref().map(follow_up::FollowUp::detail);
    let event = tell_with(parts, &approval, told(&approval, &result), detail).await;
    if let (Some(follow_up), Some(event)) = (follow_up, event) {
        Box::pin(follow_up::start(parts, &approval, follow_up, event)).await;
    }
    match parts.store.approval(&approval.id).await {
        Ok(Some(stored)) => publish(parts, stored),
        Ok(None) | Err(_) => publish(parts, approval),
    }
}

fn told(approval: &Approval, result: &ToolResult) -> String {
    let by = approval.decided_by.as_deref().unwrap_or("somebody");
    let head = format!("**{}** was approved by {by}: {}.", approval.id, title(approval));
    let outcome = match result {
        ToolResult::Ok { summary, .. } => summary.clone(),
        ToolResult::Error {
            error,
            hint: Some(hint),
            ..
        } => format!("It failed: {error}; {hint}."),
        ToolResult::Error { error, hint: None, .. } => format!("It failed: {error}."),
        ToolResult::Denied { reason } => reason.clone(),
        ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } | ToolResult::Skipped { says } => {
            says.clone()
        }
    };
    format!("{head}\n\n{outcome}")
}

/// For a card that a former process left executing: never runs it again, reads the state and reports it.
pub(crate) async fn outcome_unknown(parts: &Parts, approval: Approval) {
    let now = match prepare(parts, &approval) {
        Ok(prepared) => card::plan(parts, &approval.tool, &prepared)
            .await
            .map(|plan| plan.before),
        Err(result) => Err(result),
    };
    let state = now.unwrap_or_else(|_| "it cannot be read at the moment".to_owned());
    let says = format!("Outcome unknown: Jarvis was stopped while it did this. The state now: {state}.");
    finish(
        parts,
        approval,
        ApprovalStatus::Failed,
        ToolResult::Interrupted { says },
    )
    .await;
}
