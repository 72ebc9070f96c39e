//! What a start does about what the last process left behind.

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{ApprovalStatus, AuditEvent, RunStatus, ToolCall};
use serde_json::json;

use crate::approvals;
use crate::conversations;
use crate::execute::{self, Origin};
use crate::parts::Parts;

/// How many cards of one status a start looks at. More than a few would be a fault by itself.
const CARDS: i64 = 1_000;

/// Closes broken-off runs, reports acts with an unknown outcome, and carries out what was approved and not begun.
pub(crate) async fn recover(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    approvals::expire(parts).await?;
    for mut run in parts.store.unfinished_runs().await? {
        run.status = RunStatus::Failed;
        run.ended_at = Some(parts.now());
        run.stop_reason = Some("restarted".to_owned());
        parts.store.update_run(&run).await?;
        let origin = Origin {
            person_id: run.person_id.clone(),
            via: "restart".to_owned(),
            conversation_id: Some(run.conversation_id.clone()),
            run_id: run.id.clone(),
            approval_id: None,
            tainted: false,
            trace: None,
        };
        let begun = close_begun(parts, &origin).await?;
        let unknown: Vec<String> = begun
            .iter()
            .filter(|call| call.effect != "read")
            .map(|call| format!("`{}` {}", call.tool, call.arguments))
            .collect();
        let mut text = "Jarvis was restarted during this turn, so it has no answer. Ask again.".to_owned();
        if !unknown.is_empty() {
            text += &format!(
                " The outcome of {} is unknown: look at the state first.",
                unknown.join(", ")
            );
        }
        let (conversation_id, run_id) = (run.conversation_id.clone(), run.id.clone());
        conversations::add_event(
            parts,
            &conversation_id,
            Some(run_id),
            text,
            json!({ "why": "restarted" }),
        )
        .await?;
    }
    for approval in parts.store.approvals(Some(ApprovalStatus::Executing), CARDS).await? {
        close_begun(parts, &approvals::origin(&approval, "restart")).await?;
        approvals::outcome_unknown(parts, approval).await;
    }
    for approval in parts.store.approvals(Some(ApprovalStatus::Approved), CARDS).await? {
        let (parts, id) = (parts.clone(), approval.id);
        let tasks = parts.tasks.clone();
        tasks.spawn("approved act", async move { approvals::carry_out(&parts, &id).await });
    }
    Ok(())
}

/// Gives every call of a run that has an intent and no outcome the only true one: unknown. Returns these calls.
async fn close_begun(parts: &Parts, origin: &Origin) -> Result<Vec<ToolCall>, jarvis_memory::Error> {
    let mut begun = parts.store.tool_calls(&origin.run_id).await?;
    begun.retain(|call| call.outcome == "started");
    let result = ToolResult::Interrupted {
        says: "Outcome unknown: Jarvis was stopped during this call.".to_owned(),
    };
    for call in &begun {
        let took = i64::try_from(parts.now().since(call.at).as_millis()).unwrap_or(i64::MAX);
        let value = serde_json::to_value(&result).unwrap_or_default();
        let outcome = execute::outcome(&result);
        parts.store.finish_tool_call(&call.id, outcome, &value, took).await?;
        let event = AuditEvent {
            tool: Some(call.tool.clone()),
            outcome: Some(outcome.to_owned()),
            ..origin.event("tool.outcome")
        };
        parts.store.append_audit(&event, parts.now()).await?;
    }
    Ok(begun)
}
