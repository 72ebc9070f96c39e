//! What people and the audit are told of a job.

use jarvis_memory::jobs::{Job, JobRun};
use jarvis_memory::records::AuditEvent;
use serde_json::json;

use crate::conversations;
use crate::parts::Parts;
use crate::principal::Surface;

/// Tells the conversation of the job, and the operators in their own room when that is another or cannot be told.
pub(super) async fn trouble(parts: &Parts, job: &Job, text: &str) {
    tracing::warn!(job.id = job.id, "{text}");
    let mut told = None;
    if let Some(id) = &job.conversation_id {
        match event(parts, id, job, text).await {
            Ok(()) => told = Some(id.clone()),
            Err(error) => tracing::warn!(job.id = job.id, %error, "a conversation could not be told of its job"),
        }
    }
    if let Err(error) = operators(parts, job, text, told.as_deref()).await {
        tracing::error!(job.id = job.id, %error, "the operators could not be told: {text}");
    }
}

async fn event(parts: &Parts, conversation_id: &str, job: &Job, text: &str) -> Result<(), jarvis_memory::Error> {
    let detail = json!({ "job": job.id });
    conversations::add_event(parts, conversation_id, None, text.to_owned(), detail).await
}

async fn operators(parts: &Parts, job: &Job, text: &str, told: Option<&str>) -> Result<(), crate::Error> {
    let conversation = conversations::of_operators(parts).await?;
    if let Some(told) = told
        && let Some(told) = parts.store.conversation(told).await?
        && told.room_id == conversation.room_id
    {
        return Ok(());
    }
    Ok(event(parts, &conversation.id, job, text).await?)
}

/// Writes down what became of a due time. `job.fired` stands before a prompt is asked, `job.ended` after everything.
pub(super) async fn audit(
    parts: &Parts,
    job: &Job,
    run: &JobRun,
    kind: &str,
    outcome: Option<&str>,
    says: Option<&str>,
) {
    let is_turn = job.kind == jarvis_memory::jobs::JobKind::Prompt;
    let event = AuditEvent {
        kind: kind.to_owned(),
        person_id: Some(job.person_id.clone()),
        via: Surface::Schedule.as_str().to_owned(),
        conversation_id: job.conversation_id.clone(),
        run_id: is_turn.then(|| run.run_id.clone()),
        outcome: outcome.map(str::to_owned),
        detail: Some(json!({ "job": job.id, "due": run.due, "missed": run.missed, "says": says })),
        ..AuditEvent::default()
    };
    if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
        tracing::error!(job.id = job.id, %error, "what a job did is not in the audit");
    }
}
