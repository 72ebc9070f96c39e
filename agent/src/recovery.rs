//! What is done about what processes left behind that are gone.

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{ApprovalStatus, AuditEvent, Message, Run, RunStatus};
use serde_json::json;

use crate::approvals;
use crate::conversations;
use crate::execute::Origin;
use crate::instances::waiting;
use crate::parts::Parts;
use crate::quarantine::one_line;

/// How many cards of one status a start looks at. More than a few would be a fault by itself.
const CARDS: i64 = 1_000;
/// The same of commands.
const COMMANDS: i64 = 1_000;
/// The outcome of a call of which nobody knows more.
const INTERRUPTED: &str = "interrupted";

/// Closes broken-off runs, reports acts with an unknown outcome, tells what was not told, carries out what was approved and
/// not begun, and begins turns that waited: all that instances left which do not live any more. Each step leaves rows by
/// which it is gone on with, when this one ends in between, and several instances may do it at once: each end is written once.
pub(crate) async fn recover(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    parts.store.disown_the_dead().await?;
    approvals::expire(parts).await?;
    let nobody = parts.as_nobody();
    for run in parts.store.abandoned_runs().await? {
        if !waiting::begin(parts, &run).await? {
            close_run(&nobody, run).await?;
        }
    }
    for command in parts.store.unanswered_commands(COMMANDS).await? {
        close_command(parts, &command).await?;
    }
    for approval in parts
        .store
        .abandoned_approvals(ApprovalStatus::Executing, CARDS)
        .await?
    {
        close_begun(&nobody, &approvals::origin(&approval, "restart")).await?;
        if parts.store.adopt_approval(&approval.id).await? {
            approvals::settle(parts, approval).await?;
        }
    }
    approvals::tell_those_untold(parts).await?;
    for approval in parts.store.abandoned_approvals(ApprovalStatus::Approved, CARDS).await? {
        let (parts, id) = (parts.clone(), approval.id);
        let tasks = parts.tasks.clone();
        tasks.spawn("approved act", async move { approvals::carry_out(&parts, &id).await });
    }
    parts.outbox.settle();
    Ok(())
}

/// Ends a run without an answer and says so. `nobody` holds it.
async fn close_run(nobody: &Parts, mut run: Run) -> Result<(), jarvis_memory::Error> {
    let origin = Origin {
        person_id: run.person_id.clone(),
        via: "restart".to_owned(),
        conversation_id: Some(run.conversation_id.clone()),
        run_id: run.id.clone(),
        approval_id: None,
        tainted: false,
        trace: None,
    };
    close_begun(nobody, &origin).await?;
    run.status = RunStatus::Failed;
    run.ended_at = Some(nobody.now());
    run.stop_reason = Some("restarted".to_owned());
    // The turn that asked is one of these too, and tells.
    if run.nested_in.is_some() {
        return unless_closed(nobody.store.update_run(&run).await).map(drop);
    }
    // A start that was killed here may have closed the calls already.
    let calls = nobody.store.tool_calls(&run.id).await?;
    let unknown: Vec<String> = calls
        .iter()
        .filter(|call| call.effect != "read" && call.outcome == INTERRUPTED)
        .map(|call| format!("`{}` {}", call.tool, call.arguments))
        .collect();
    let mut text = if approvals::is_follow_up(nobody, &run).await? {
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
        ..conversations::event(nobody, &run.conversation_id, text)
    };
    let message = conversations::gated(nobody, message);
    if unless_closed(nobody.store.end_runs(&[run], &message).await)? {
        conversations::publish(nobody, message);
    }
    Ok(())
}

/// `false` when another instance, which looks at the same, was faster.
fn unless_closed(written: Result<(), jarvis_memory::Error>) -> Result<bool, jarvis_memory::Error> {
    match written {
        Ok(()) => Ok(true),
        Err(jarvis_memory::Error::Fenced { .. } | jarvis_memory::Error::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
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
        let written = parts
            .store
            .finish_tool_call(&call.id, (INTERRUPTED, &value), took, &event, parts.now())
            .await;
        unless_closed(written)?;
    }
    Ok(())
}
