//! What a start does about what the last process left behind.

use jarvis_memory::records::{ApprovalStatus, RunStatus};
use serde_json::json;

use crate::approvals;
use crate::conversations;
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
        let begun = parts.store.tool_calls(&run.id).await?;
        let unknown: Vec<String> = begun
            .iter()
            .filter(|call| call.outcome == "started" && call.effect != "read")
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
        approvals::outcome_unknown(parts, approval).await;
    }
    for approval in parts.store.approvals(Some(ApprovalStatus::Approved), CARDS).await? {
        let (parts, id) = (parts.clone(), approval.id);
        let tasks = parts.tasks.clone();
        tasks.spawn("approved act", async move { approvals::carry_out(&parts, &id).await });
    }
    Ok(())
}
