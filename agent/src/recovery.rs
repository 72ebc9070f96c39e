//! What a start does about what the last process left behind.

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{ApprovalStatus, AuditEvent, Message, Run, RunStatus};
use serde_json::json;

use crate::approvals;
use crate::conversations;
use crate::execute::Origin;
use crate::parts::Parts;
use crate::quarantine::one_line;

/// How many cards of one status a start looks at. More than a few would be a fault by itself.
const CARDS: i64 = 1_000;
/// The same of commands.
const COMMANDS: i64 = 1_000;
/// The outcome of a call of which nobody knows more.
const INTERRUPTED: &str = "interrupted";

/// Closes broken-off runs, reports acts with an unknown outcome, tells what was not told, and carries out what was approved
/// and not begun. Each step leaves rows by which the next start goes on, when this one is killed in between.
pub(crate) async fn recover(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    approvals::expire(parts).await?;
    for run in parts.store.unfinished_runs().await? {
        close_run(parts, run).await?;
    }
    for command in parts.store.unanswered_commands(COMMANDS).await? {
        close_command(parts, &command).await?;
    }
    for approval in parts.store.approvals(Some(ApprovalStatus::Executing), CARDS).await? {
        close_begun(parts, &approvals::origin(&approval, "restart")).await?;
        approvals::settle(parts, approval).await?;
    }
    approvals::tell_those_untold(parts).await?;
    for approval in parts.store.approvals(Some(ApprovalStatus::Approved), CARDS).await? {
        let (parts, id) = (parts.clone(), approval.id);
        let tasks = parts.tasks.clone();
        tasks.spawn("approved act", async move { approvals::carry_out(&parts, &id).await });
    }
    Ok(())
}

/// Ends a run without an answer and says so.
async fn close_run(parts: &Parts, mut run: Run) -> Result<(), jarvis_memory::Error> {
    let origin = Origin {
        person_id: run.person_id.clone(),
        via: "restart".to_owned(),
        conversation_id: Some(run.conversation_id.clone()),
        run_id: run.id.clone(),
        approval_id: None,
        tainted: false,
        trace: None,
    };
    close_begun(parts, &origin).await?;
    run.status = RunStatus::Failed;
    run.ended_at = Some(parts.now());
    run.stop_reason = Some("restarted".to_owned());
    // The turn that asked is one of these too, and tells.
    if run.nested_in.is_some() {
        return parts.store.update_run(&run).await;
    }
    // A start that was killed here may have closed the calls already.
    let calls = parts.store.tool_calls(&run.id).await?;
    let unknown: Vec<String> = calls
        .iter()
        .filter(|call| call.effect != "read" && call.outcome == INTERRUPTED)
        .map(|call| format!("`{}` {}", call.tool, call.arguments))
        .collect();
    let mut text = if approvals::is_follow_up(parts, &run).await? {
        "Jarvis was restarted before a model had looked at what came of this.".to_owned()
    } else {
        "Jarvis was restarted during this turn, so it has no answer. Ask again.".to_owned()
    };
    if !unknown.is_empty() {
        text += &format!(
            " The outcome of {} is unknown: look at the state first.",
            unknown.join(", ")
        );
    }
    let message = Message {
        run_id: Some(run.id.clone()),
        detail: json!({ "why": "restarted" }),
        ..conversations::event(parts, &run.conversation_id, text)
    };
    let message = conversations::gated(parts, message);
    parts.store.end_runs(&[run], &message).await?;
    conversations::publish(parts, message);
    Ok(())
}

/// Says that nobody knows whether a command was carried out: it is kept before that, and answered afterwards.
async fn close_command(parts: &Parts, command: &Message) -> Result<(), jarvis_memory::Error> {
    let said = one_line(&command.text).replace('`', "'");
    let text = format!(
        "Jarvis was restarted before it had answered `{said}`. Look whether it was done, and say it again if it was not."
    );
    let event = Message {
        detail: json!({ "why": "restarted" }),
        ..conversations::event(parts, &command.conversation_id, text)
    };
    conversations::answer(parts, &command.id, Some(event)).await
}

/// Gives every call of a run that has an intent and no outcome the only true one: unknown.
async fn close_begun(parts: &Parts, origin: &Origin) -> Result<(), jarvis_memory::Error> {
    let result = ToolResult::Interrupted {
        says: "Outcome unknown: Jarvis was stopped during this call.".to_owned(),
    };
    let value = serde_json::to_value(&result).unwrap_or_default();
    let mut begun = parts.store.tool_calls(&origin.run_id).await?;
    begun.retain(|call| call.outcome == "started");
    for call in begun {
        let took = i64::try_from(parts.now().since(call.at).as_millis()).unwrap_or(i64::MAX);
        let event = AuditEvent {
            tool: Some(call.tool),
            outcome: Some(INTERRUPTED.to_owned()),
            ..origin.event("tool.outcome")
        };
        parts
            .store
            .finish_tool_call(&call.id, (INTERRUPTED, &value), took, &event, parts.now())
            .await?;
    }
    Ok(())
}
