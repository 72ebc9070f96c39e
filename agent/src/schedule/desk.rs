//! Looking at jobs and changing them, for whoever may.

use jarvis_memory::jobs::Job;
use jarvis_memory::records::AuditEvent;
use jarvis_tools::risk::Trust;
use serde::Deserialize;
use serde_json::json;

use super::view::JobView;
use super::wish::rule_of;
use crate::agent::Agent;
use crate::error::Error;
use crate::principal::Principal;

/// Jobs that a list shows.
const LISTED: i64 = 500;

/// What is done to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Cancel,
    Pause,
    /// Goes on at its next time from now.
    Resume,
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

impl Agent {
    /// Open jobs with their last run, the next due first: everybody's for who may see everything, else their own.
    pub async fn jobs(&self, principal: &Principal) -> Result<Vec<JobView>, Error> {
        let store = &self.parts().store;
        let mut views = Vec::new();
        for job in self.open_jobs(principal).await? {
            let last = store.job_runs(&job.id, 1).await?.pop();
            views.push(JobView::new(job, last));
        }
        Ok(views)
    }

    pub(super) async fn open_jobs(&self, principal: &Principal) -> Result<Vec<Job>, Error> {
        let of = (!sees_all(principal)).then_some(principal.person_id.as_str());
        Ok(self.parts().store.open_jobs(of, LISTED).await?)
    }

    /// Cancels, pauses or resumes a job: one's own, or anybody's for who may see everything.
    pub async fn change_job(&self, principal: &Principal, id: &str, change: Change) -> Result<JobView, Error> {
        let (agent, principal, id) = (self.clone(), principal.clone(), id.to_owned());
        self.to_its_end(async move { agent.change_whole(&principal, &id, change).await })
            .await
    }

    async fn change_whole(&self, principal: &Principal, id: &str, change: Change) -> Result<JobView, Error> {
        let parts = self.parts();
        let job = parts.store.job(id).await?;
        let theirs = |job: &Job| sees_all(principal) || job.person_id == principal.person_id;
        let missing = || Error::NoJob(id.chars().take(16).collect());
        let job = job.filter(theirs).ok_or_else(missing)?;
        let changed = match change {
            Change::Cancel => parts.store.cancel_job(&job.id).await?,
            Change::Pause => parts.store.pause_job(&job.id).await?,
            Change::Resume => {
                let next = rule_of(&job).and_then(|(rule, zone)| rule.next(&zone, parts.now()));
                match next {
                    Some(next) => parts.store.resume_job(&job.id, next).await?,
                    None => None,
                }
            }
        };
        let Some(changed) = changed else {
            // What it is by now, when somebody else was faster.
            let status = parts.store.job(&job.id).await?.map_or(job.status, |job| job.status);
            return Err(Error::JobStays {
                id: job.id,
                status,
                change: change.as_str(),
            });
        };
        let event = AuditEvent {
            kind: format!("job.{}", change.as_str()),
            person_id: Some(principal.person_id.clone()),
            via: principal.surface.as_str().to_owned(),
            conversation_id: changed.conversation_id.clone(),
            outcome: Some(changed.status.as_str().to_owned()),
            detail: Some(json!({ "job": changed.id })),
            ..AuditEvent::default()
        };
        parts.store.append_audit(&event, parts.now()).await?;
        let last = parts.store.job_runs(&changed.id, 1).await?.pop();
        Ok(JobView::new(changed, last))
    }
}

/// In the owner's own place; elsewhere a list would show strangers what others were reminded of.
fn sees_all(principal: &Principal) -> bool {
    principal.trust >= Trust::Operator && principal.is_at_home()
}
