//! The task that looks for due jobs and hands them on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_memory::jobs::{Job, JobKind, JobRun, JobRunState, Misfire};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fire::{self, GRACE, LEASE};
use super::tell::{audit, trouble};
use super::wish::rule_of;
use crate::agent::Agent;
use crate::guard::guarded;
use crate::parts::Parts;

/// How often the table is looked into. It is one read of an index, and a clock that jumps is noticed within it.
const LOOK: Duration = Duration::from_secs(1);
/// What of several instances one holds, which looks.
const LEASE_OF_ALL: &str = "schedule";
/// Rows that are looked at together.
const BATCH: i64 = 100;
/// Prompts that are asked at the same time.
const HANDS: usize = 4;
/// Prompts that are claimed and wait for a hand. More of them stay due.
const WAITING: usize = 256;

/// Starts to look for due jobs.
pub(crate) fn start(agent: &Agent) {
    let parts = agent.parts();
    let (stopping, tasks) = (parts.tasks.stopping().clone(), parts.tasks.clone());
    let mut clockwork = Clockwork {
        agent: agent.clone(),
        awake_since: parts.now(),
        looked_at: parts.now(),
        hands: Arc::new(Semaphore::new(HANDS)),
        places: Arc::new(Semaphore::new(WAITING)),
        mine: Mine::default(),
    };
    tasks.spawn("schedule", async move {
        let mut is_down = false;
        while tokio::time::timeout(LOOK, stopping.cancelled()).await.is_err() {
            match guarded(clockwork.look()).await {
                Some(Ok(())) => is_down = false,
                Some(Err(error)) if !is_down => {
                    is_down = true;
                    tracing::warn!(%error, "due jobs cannot be looked for; they run when the database answers");
                }
                Some(Err(_)) => {}
                None => tracing::error!("looking for due jobs broke off by a fault"),
            }
        }
    });
}

struct Clockwork {
    agent: Agent,
    /// Since then every due time was seen as it came.
    awake_since: Millis,
    looked_at: Millis,
    hands: Arc<Semaphore>,
    places: Arc<Semaphore>,
    mine: Mine,
}

/// The claims that this process is at work on. A clock that jumps makes leases look old, and one's own work is not taken
/// over.
#[derive(Clone, Default)]
struct Mine(Arc<Mutex<HashSet<String>>>);

/// One of them, until it is dropped.
struct Held {
    mine: Mine,
    holder: String,
}

impl Mine {
    fn hold(&self, holder: &str) -> Held {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(holder.to_owned());
        Held {
            mine: self.clone(),
            holder: holder.to_owned(),
        }
    }

    fn has(&self, holder: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(holder)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.mine.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.holder);
    }
}

impl Clockwork {
    fn parts(&self) -> &Parts {
        self.agent.parts()
    }

    async fn look(&mut self) -> Result<(), jarvis_memory::Error> {
        let now = self.parts().now();
        // A due time is claimed once ever, whoever looks; that only one looks spares the others the work.
        if self.parts().shared.is_some() && !self.parts().store.hold_lease(LEASE_OF_ALL).await? {
            self.awake_since = now;
            self.looked_at = now;
            return Ok(());
        }
        // The machine slept, or its clock was set: what was due meanwhile was missed.
        if now.since(self.looked_at) > GRACE {
            self.awake_since = now;
        }
        self.looked_at = now;
        for run in self.parts().store.abandoned_job_runs(now, BATCH).await? {
            self.take_over(run, now).await?;
        }
        loop {
            let due = self.parts().store.due_jobs(now, BATCH).await?;
            let mut moved = false;
            for job in due {
                if self.parts().tasks.stopping().is_cancelled() {
                    return Ok(());
                }
                moved |= self.due(job, now).await?;
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// Claims a due time and hands it on. Returns whether the job moved on from it.
    async fn due(&self, job: Job, now: Millis) -> Result<bool, jarvis_memory::Error> {
        let parts = self.parts();
        let (Some(due), Some((rule, zone))) = (job.next_due, rule_of(&job)) else {
            parts.store.pause_job(&job.id).await?;
            let text = format!("Job **{}** is paused: its time cannot be read by this version.", job.id);
            trouble(parts, &job, &text).await;
            return Ok(true);
        };
        let place = match job.kind {
            JobKind::Message => None,
            JobKind::Prompt => match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => return Ok(false),
            },
        };
        let skipped = self.skipped(&job, due, now).await?;
        let run = JobRun {
            job_id: job.id.clone(),
            due,
            state: if skipped.is_some() {
                JobRunState::Skipped
            } else {
                JobRunState::Claimed
            },
            holder: self.parts().fresh_id(),
            lease_until: now.plus(LEASE),
            run_id: self.parts().fresh_id(),
            missed: i64::try_from(rule.count(&zone, due, now)).unwrap_or(i64::MAX),
            claimed_at: now,
            ended_at: skipped.as_ref().map(|_| now),
            delivered_at: None,
            says: skipped.clone(),
        };
        let held = self.mine.hold(&run.holder);
        // However many due times passed, the next one lies ahead.
        if !parts.store.claim_job(&run, rule.next(&zone, now.max(due))).await? {
            let moved = parts
                .store
                .job(&job.id)
                .await?
                .is_none_or(|now| now.next_due != job.next_due);
            return Ok(moved);
        }
        match skipped {
            Some(why) => audit(parts, &job, &run, "job.ended", Some(run.state.as_str()), Some(&why)).await,
            None => self.hand_on(job, run, held, place).await,
        }
        Ok(true)
    }

    /// Why this due time is not carried out, if it is not.
    async fn skipped(&self, job: &Job, due: Millis, now: Millis) -> Result<Option<String>, jarvis_memory::Error> {
        let was_missed = due < self.awake_since && now.since(due) > GRACE;
        if was_missed && job.misfire == Misfire::Skip {
            return Ok(Some("Jarvis was not running when it was due".into()));
        }
        if job.kind == JobKind::Prompt && self.parts().store.is_job_running(&job.id).await? {
            return Ok(Some("its last time is still at work".into()));
        }
        Ok(None)
    }

    async fn hand_on(&self, job: Job, run: JobRun, held: Held, place: Option<OwnedSemaphorePermit>) {
        match job.kind {
            JobKind::Message => fire::say_message(self.parts(), &job, &run).await,
            JobKind::Prompt => self.begin(job, run, held, place),
        }
    }

    /// Works on a claim in the background.
    fn begin(&self, job: Job, run: JobRun, held: Held, place: Option<OwnedSemaphorePermit>) {
        let (agent, hands) = (self.agent.clone(), Arc::clone(&self.hands));
        let stopping = self.parts().tasks.stopping().clone();
        self.parts().tasks.spawn("job", async move {
            let (_held, _place) = (held, place);
            let work = guarded(fire::take_up(&agent, &job, &run, &hands));
            tokio::pin!(work);
            let ended = tokio::select! {
                ended = &mut work => ended,
                // What waits for a hand is left to the next start; what is at work ends with its turn.
                () = stopping.cancelled() => match agent.parts().store.run(&run.run_id).await {
                    Ok(Some(_)) => work.await,
                    Ok(None) | Err(_) => return,
                },
            };
            if ended.is_none() {
                tracing::error!(job.id = job.id, "a job broke off by a fault; it is looked at again");
            }
        });
    }

    /// A claim whose holder is gone.
    async fn take_over(&self, run: JobRun, now: Millis) -> Result<(), jarvis_memory::Error> {
        if self.mine.has(&run.holder) {
            return Ok(());
        }
        let Some(job) = self.parts().store.job(&run.job_id).await? else {
            return Ok(());
        };
        let taken = JobRun {
            holder: self.parts().fresh_id(),
            lease_until: now.plus(LEASE),
            ..run.clone()
        };
        let held = self.mine.hold(&taken.holder);
        let store = &self.parts().store;
        if store
            .take_over_job_run(&run, &taken.holder, taken.lease_until, now)
            .await?
        {
            tracing::info!(job.id = job.id, "a due time that broke off is taken up");
            self.begin(job, taken, held, None);
        }
        Ok(())
    }
}
