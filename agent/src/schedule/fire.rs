//! One due time that was claimed: its words are said or its prompt asked, and its end is written.

use std::time::Duration;

use jarvis_memory::jobs::{Job, JobEnd, JobKind, JobRun, JobRunState, JobStatus};
use jarvis_memory::records::{Message, MessageRole};
use serde_json::json;
use tokio::sync::Semaphore;

use super::prompt::{self, Left};
use super::tell::{audit, trouble};
use super::when::say;
use super::wish::rule_of;
use crate::agent::Agent;
use crate::conversations;
use crate::parts::Parts;

/// A claim is kept up while its work goes on; without that another may take it over.
pub(super) const LEASE: Duration = Duration::from_mins(1);
const RENEWED_EVERY: Duration = Duration::from_secs(20);
/// What is later than this did not run at its time.
pub(super) const GRACE: Duration = Duration::from_mins(2);
/// A job that failed so often in a row is paused.
const PAUSE_AFTER: i64 = 5;

/// Says the words of a due time, once, however often it is tried. When the database does not answer, the claim is left to
/// whoever takes it over.
pub(super) async fn say_message(parts: &Parts, job: &Job, claim: &JobRun) {
    let end = match said(parts, job, claim).await {
        Ok(()) => JobEnd {
            state: JobRunState::Done,
            delivered_at: Some(parts.now()),
            says: None,
        },
        Err(Some(why)) => JobEnd {
            state: JobRunState::Failed,
            delivered_at: None,
            says: Some(why),
        },
        Err(None) => return,
    };
    finish(parts, job, claim, end, PAUSE_AFTER).await;
}

async fn said(parts: &Parts, job: &Job, claim: &JobRun) -> Result<(), Option<String>> {
    let Some(conversation_id) = job.conversation_id.clone() else {
        return Err(Some("the conversation that it was made in is gone".into()));
    };
    let late = late_words(parts, job, claim).map_or_else(String::new, |words| format!("\n\n*{words}*"));
    let message = Message {
        id: parts.fresh_id(),
        conversation_id,
        run_id: None,
        // Their words: they go with them.
        person_id: Some(job.person_id.clone()),
        trust: 0,
        role: MessageRole::Event,
        text: format!("**Reminder**: {}{late}", job.text),
        detail: json!({ "via": "schedule", "job": job.id, "due": claim.due, "tainted": job.tainted }),
        external_id: Some(key(claim)),
        created_at: parts.now(),
    };
    match conversations::add(parts, message).await {
        // `false`: it was said before the process that said it could write so.
        Ok(_) => Ok(()),
        Err(jarvis_memory::Error::Missing { .. }) => Err(Some("its conversation is gone".into())),
        Err(error) => {
            tracing::warn!(job.id = job.id, %error, "a reminder waits, because it could not be stored");
            Err(None)
        }
    }
}

/// Asks a prompt when a hand is free, and keeps the claim up meanwhile.
pub(super) async fn ask_prompt(agent: &Agent, job: &Job, claim: &JobRun, hands: &Semaphore) {
    let parts = agent.parts();
    let work = async {
        let _hand = hands.acquire().await.map_err(|_| Left::Behind)?;
        prompt::ask(agent, job, claim).await
    };
    tokio::pin!(work);
    let end = loop {
        tokio::select! {
            end = &mut work => break end,
            () = tokio::time::sleep(RENEWED_EVERY) => {
                let kept = parts.store.renew_job_lease(claim, parts.now().plus(LEASE)).await;
                if matches!(kept, Ok(false)) {
                    tracing::warn!(job.id = job.id, "another process has taken over a job that is still at work here");
                }
            }
        }
    };
    match end {
        Ok(end) => finish(parts, job, claim, end, PAUSE_AFTER).await,
        Err(Left::Behind) => {}
        Err(Left::Orphaned(why)) => {
            let end = JobEnd {
                state: JobRunState::Failed,
                delivered_at: None,
                says: Some(why),
            };
            // Trying again would not help.
            finish(parts, job, claim, end, 1).await;
        }
    }
}

/// Writes the end, unless somebody else holds the claim by now, and tells of what did not work.
pub(super) async fn finish(parts: &Parts, job: &Job, claim: &JobRun, end: JobEnd, pause_after: i64) {
    // A message that cannot be delivered will not be the next time either.
    let pause_after = if job.conversation_id.is_none() { 1 } else { pause_after };
    let status = match parts.store.finish_job_run(claim, &end, pause_after, parts.now()).await {
        Ok(Some(status)) => status,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(job.id = job.id, %error, "the end of a job could not be written; it is looked at again");
            return;
        }
    };
    audit(
        parts,
        job,
        claim,
        "job.ended",
        Some(end.state.as_str()),
        end.says.as_deref(),
    )
    .await;
    let bad = match end.state {
        JobRunState::Failed | JobRunState::Unknown => true,
        JobRunState::Claimed | JobRunState::Done | JobRunState::Skipped => false,
    };
    if !bad {
        return;
    }
    let why = end.says.unwrap_or_default();
    let due = rule_of(job).map_or_else(String::new, |(_, zone)| format!(" of {}", say(claim.due, &zone)));
    let outcome = if end.state == JobRunState::Unknown {
        "has an unknown outcome"
    } else {
        "did not work"
    };
    let mut text = format!("Job **{}**{due} {outcome}: {why}.", job.id);
    // It was active when this due time was taken.
    if status == JobStatus::Paused {
        text += &format!(" It is paused now. `/jobs resume {}` starts it again.", job.id);
    }
    trouble(parts, job, &text).await;
}

/// What a former holder left: words that were not said are said; a prompt is asked only when it was never begun.
pub(super) async fn take_up(agent: &Agent, job: &Job, claim: &JobRun, hands: &Semaphore) {
    match job.kind {
        JobKind::Message => say_message(agent.parts(), job, claim).await,
        JobKind::Prompt => ask_prompt(agent, job, claim, hands).await,
    }
}

/// The id of what a due time says, unique in its conversation.
pub(super) fn key(claim: &JobRun) -> String {
    format!("schedule/{}/{}", claim.job_id, claim.due.0)
}

/// `Due Fri 2026-11-20 10:00, late, and 3 more times since.`, when it is late.
pub(super) fn late_words(parts: &Parts, job: &Job, claim: &JobRun) -> Option<String> {
    if parts.now().since(claim.due) <= GRACE {
        return None;
    }
    let (_, zone) = rule_of(job)?;
    let more = match claim.missed {
        0 => String::new(),
        1 => ", and once more since".to_owned(),
        missed => format!(", and {missed} more times since"),
    };
    Some(format!("Late: this was due {}{more}.", say(claim.due, &zone)))
}
