//! Asking a due prompt: a turn like any other, with less trust and on a shorter leash.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::usage::MicroUsd;
use jarvis_memory::jobs::{Job, JobEnd, JobRun, JobRunState};
use jarvis_memory::records::{Message, MessageRole, Run, RunStatus};
use jarvis_tools::risk::Trust;
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::fire::{key, late_words};
use super::standing;
use super::tell::audit;
use crate::agent::Agent;
use crate::answer;
use crate::conversations;
use crate::error::Error;
use crate::principal::Principal;
use crate::session::{Api, Inbound, Place};
use crate::turn::{Brought, Outcome, Why};
use crate::watch::Watch;

/// What a turn that nobody asked for just now may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    /// Tools that may act; with every other one it only reads.
    pub(crate) may_use: Vec<String>,
    /// The prompt is a person's own words, or was approved by one, so that what it names is asked for by them.
    pub(crate) grounded: bool,
    /// The prompt was written after outside text had been read.
    pub(crate) tainted: bool,
    /// Set when it looks at what came of an approved act.
    pub(crate) after: Option<After>,
}

/// What an approved act leaves to the turn after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct After {
    /// What asked for the act; empty when nobody who may ask for acts wrote it.
    pub(crate) words: String,
    pub(crate) saw_private: bool,
    /// It goes on with an answer that had cost what it may cost, and may cost so much more.
    pub(crate) more: Option<MicroUsd>,
}

impl Errand {
    pub(crate) fn may_act_with(&self, tool: &str) -> bool {
        self.after.is_some() || self.may_use.iter().any(|name| name == tool)
    }
}

/// How long a full queue of a conversation is waited for, again and again, as long as the lease is kept.
const QUEUE_WAIT: Duration = Duration::from_secs(2);
/// Messages among which the answer of a turn that has just ended is looked for.
const LOOKED_AT: i64 = 50;

/// Why a prompt came to no end that can be written.
pub(super) enum Left {
    /// The database does not answer, or Jarvis stops: whoever takes it over looks at what there is.
    Behind,
    /// Its maker may not ask for it any more: the job ends here.
    Orphaned(String),
}

impl From<jarvis_memory::Error> for Left {
    fn from(error: jarvis_memory::Error) -> Self {
        tracing::warn!(%error, "a job waits, because the database does not answer");
        Self::Behind
    }
}

/// Asks, and waits for the answer. A run that began before is not begun again.
pub(super) async fn ask(agent: &Agent, job: &Job, claim: &JobRun) -> Result<JobEnd, Left> {
    let parts = agent.parts();
    if let Some(begun) = parts.store.run(&claim.run_id).await? {
        return of_begun(agent, &begun).await;
    }
    let Some(conversation_id) = &job.conversation_id else {
        return Err(Left::Orphaned("the conversation that it was made in is gone".into()));
    };
    let directory = parts.directory();
    let known = (&parts.store, directory.as_ref());
    let principal = standing::here(known, &job.person_id, conversation_id, parts.now()).await?;
    // Whoever may not schedule a prompt any more asks none.
    let still = principal.filter(|principal| principal.trust >= Trust::Operator);
    let Some(principal) = still.map(|principal| standing::bounded(principal, job.max_trust)) else {
        return Err(Left::Orphaned("whoever made it may not ask for it any more".into()));
    };
    match conversations::find(parts, &principal, conversation_id).await {
        Ok(_) => {}
        Err(Error::Store(error)) => return Err(error.into()),
        Err(_) => return Err(Left::Orphaned("its conversation is not its maker's any more".into())),
    }
    let place = place(agent, conversation_id).await?;
    audit(parts, job, claim, "job.fired", None, None).await;
    let run = Run {
        id: claim.run_id.clone(),
        ..answer::queued_run(parts, &principal, conversation_id)
    };
    let message = message(agent, job, claim, &principal, conversation_id);
    if !conversations::take(parts, &principal, Some(&run), &message).await? {
        return Ok(failed("this due time was asked before".into(), None));
    }
    let (done, outcome) = oneshot::channel();
    let watch = Watch::Bus {
        bus: Arc::clone(&parts.bus),
        conversation_id: conversation_id.clone(),
        run_id: run.id.clone(),
    };
    place.fill(Inbound {
        principal,
        message,
        run: run.clone(),
        stop: CancellationToken::new(),
        api: Some(Api {
            watch,
            done,
            brought: Brought::default(),
        }),
        steer: None,
        errand: Some(Errand {
            may_use: job.may_use.clone(),
            grounded: job.grounded,
            tainted: job.tainted,
            after: None,
        }),
    });
    match outcome.await {
        Ok(outcome) => ended(agent, &run, &outcome).await,
        // The turn's task is gone; a start closes its run.
        Err(_) => Err(Left::Behind),
    }
}

/// A place in the conversation's queue; people's own messages are not pushed out of it.
async fn place(agent: &Agent, conversation_id: &str) -> Result<Place, Left> {
    loop {
        match agent.sessions().reserve(agent.parts(), conversation_id) {
            Ok(place) => return Ok(place),
            Err(Error::Busy) => tokio::time::sleep(QUEUE_WAIT).await,
            Err(_) => return Err(Left::Behind),
        }
    }
}

fn message(agent: &Agent, job: &Job, claim: &JobRun, principal: &Principal, conversation_id: &str) -> Message {
    let late = late_words(agent.parts(), job, claim);
    Message {
        id: agent.parts().fresh_id(),
        conversation_id: conversation_id.to_owned(),
        run_id: Some(claim.run_id.clone()),
        person_id: Some(principal.person_id.clone()),
        trust: principal.trust.level(),
        role: MessageRole::User,
        text: job.text.clone(),
        detail: json!({
            "via": principal.surface.as_str(),
            "name": principal.name,
            "job": job.id,
            "due": claim.due,
            "late": late,
            "tainted": job.tainted,
        }),
        external_id: Some(key(claim)),
        created_at: agent.parts().now(),
    }
}

async fn ended(agent: &Agent, run: &Run, outcome: &Outcome) -> Result<JobEnd, Left> {
    let delivered_at = delivered_at(agent, run).await?;
    if delivered_at.is_none() {
        return Ok(failed("the answer could not be stored".into(), None));
    }
    let by_command_mode = outcome.served.as_ref().is_some_and(|served| served.target == "command");
    let why = match outcome.why {
        Why::Failed => Some("no model answered".to_owned()),
        Why::Shutdown => Some("Jarvis was shut down during it".to_owned()),
        _ if by_command_mode => Some("no model answered".to_owned()),
        _ => None,
    };
    Ok(match why {
        Some(why) => failed(why, delivered_at),
        None => JobEnd {
            state: JobRunState::Done,
            delivered_at,
            says: None,
        },
    })
}

/// What became of a turn that another process began. It is never begun again, because it may have acted.
async fn of_begun(agent: &Agent, run: &Run) -> Result<JobEnd, Left> {
    let delivered_at = delivered_at(agent, run).await?;
    match (run.status, delivered_at) {
        // Its process is at work, or the next start closes it.
        (RunStatus::Running, _) => Err(Left::Behind),
        (RunStatus::Done, Some(at)) => Ok(JobEnd {
            state: JobRunState::Done,
            delivered_at: Some(at),
            says: None,
        }),
        (RunStatus::Done | RunStatus::Stopped | RunStatus::Failed, delivered_at) => Ok(JobEnd {
            state: JobRunState::Unknown,
            delivered_at,
            says: Some("Jarvis was stopped while it ran; it is not run again for this time".into()),
        }),
    }
}

async fn delivered_at(agent: &Agent, run: &Run) -> Result<Option<jarvis_gateway::clock::Millis>, jarvis_memory::Error> {
    let messages = agent
        .parts()
        .store
        .messages(&run.conversation_id, None, LOOKED_AT)
        .await?;
    let is_answer = |message: &&Message| {
        message.role == MessageRole::Assistant && message.run_id.as_deref() == Some(run.id.as_str())
    };
    Ok(messages.iter().find(is_answer).map(|message| message.created_at))
}

fn failed(says: String, delivered_at: Option<jarvis_gateway::clock::Millis>) -> JobEnd {
    JobEnd {
        state: JobRunState::Failed,
        delivered_at,
        says: Some(says),
    }
}
