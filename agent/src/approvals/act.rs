//! Doing what was approved: once, on the state it was approved for, and with the truth told afterwards.

use std::time::Duration;

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{Approval, ApprovalStatus, AuditEvent};
use jarvis_tools::Prepared;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{again, args_hash, card, ended, follow_up, publish, tell};
use crate::execute::{Allowed, Origin, execute, of_error};
use crate::instances::Insist;
use crate::parts::Parts;
use crate::policy::Decision;

/// How long a database that does not answer is left alone.
const CLAIMED_AGAIN: Duration = Duration::from_secs(1);

/// Claims and carries out an approved card. Whoever comes second finds it claimed and does nothing.
pub(crate) async fn carry_out(parts: &Parts, id: &str) {
    // Begun now, it could be cut off in the middle. The next start carries it out.
    if parts.tasks.stopping().is_cancelled() {
        return;
    }
    let claimed = loop {
        match claim(parts, id).await {
            Ok(Some(claimed)) => break claimed,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(approval.id = id, %error, "an approved act could not be claimed; it is tried until its card expires");
                let pause = tokio::time::sleep(CLAIMED_AGAIN);
                if parts.tasks.stopping().run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
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
    (status(&result), result)
}

fn status(result: &ToolResult) -> ApprovalStatus {
    if matches!(result, ToolResult::Ok { .. }) {
        ApprovalStatus::Done
    } else {
        ApprovalStatus::Failed
    }
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
    let event = AuditEvent {
        tool: Some(approval.tool.clone()),
        outcome: Some(status.as_str().to_owned()),
        ..origin(&approval, "approval").event("approval.finished")
    };
    let mut insist = Insist::on(parts, "the outcome of an approved act");
    let finished = loop {
        let finished = parts
            .store
            .finish_approval(&approval.id, (status, &value), &event, parts.now())
            .await;
        if !insist.again(finished.as_ref().err()).await {
            break finished;
        }
    };
    match finished {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            tracing::error!(approval.id = approval.id, %error, "the outcome of an approved act could not be written; the next start reports it as unknown");
            return;
        }
    }
    approval.status = status;
    approval.result = Some(value);
    let follow_up = Box::pin(follow_up::planned(parts, &approval)).await;
    let event = ended::tell(parts, &approval, follow_up.as_ref()).await;
    if let (Some(follow_up), Some(event)) = (follow_up, event) {
        Box::pin(follow_up::start(parts, &approval, follow_up, event)).await;
    }
    match parts.store.approval(&approval.id).await {
        Ok(Some(stored)) => publish(parts, stored),
        Ok(None) | Err(_) => publish(parts, approval),
    }
}

/// For a card that a former process left executing: it is never run again. What the call came to is told when it was
/// written down; otherwise nobody knows it, and the state is told as it is now.
pub(crate) async fn settle(parts: &Parts, approval: Approval) -> Result<(), jarvis_memory::Error> {
    let calls = match &approval.run_id {
        Some(run_id) => parts.store.tool_calls(run_id).await?,
        None => Vec::new(),
    };
    let call = calls.into_iter().find(|call| call.call_id == approval.id);
    let written = call.and_then(|call| serde_json::from_value(call.result?).ok());
    let result = match written {
        Some(known @ (ToolResult::Ok { .. } | ToolResult::Error { .. })) => known,
        _ => outcome_unknown(parts, &approval).await,
    };
    finish(parts, approval, status(&result), result).await;
    Ok(())
}

async fn outcome_unknown(parts: &Parts, approval: &Approval) -> ToolResult {
    let now = match prepare(parts, approval) {
        Ok(prepared) => card::plan(parts, &approval.tool, &prepared)
            .await
            .map(|plan| plan.before),
        Err(result) => Err(result),
    };
    let state = match now {
        Ok(state) => state,
        // Refused because there is nothing to do any more: its words are the state.
        Err(ToolResult::Error {
            error, retry: false, ..
        }) => error,
        Err(_) => "it cannot be read at the moment".to_owned(),
    };
    ToolResult::Interrupted {
        says: format!("Outcome unknown: Jarvis was stopped while it did this. The state now: {state}."),
    }
}
