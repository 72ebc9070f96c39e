//! Jobs as people and programs are shown them.

use jarvis_gateway::clock::Millis;
use jarvis_memory::jobs::{Job, JobKind, JobRun, JobRunState, JobStatus, Misfire};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::when::{Rule, say};
use super::wish::{next_words, rule_of};
use crate::quarantine;

/// A job, as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    pub id: String,
    pub kind: JobKind,
    pub text: String,
    /// The rule in words: `every day at 08:30`.
    pub when: String,
    pub timezone: String,
    pub status: JobStatus,
    pub next_due: Option<Millis>,
    /// The same in the job's zone, for people.
    pub next: String,
    pub misfire: Misfire,
    pub may_use: Vec<String>,
    pub created_by: String,
    pub conversation_id: Option<String>,
    pub created_at: Millis,
    /// Runs in a row that failed.
    pub failures: i64,
    /// The last due time that was taken.
    pub last: Option<LastRun>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastRun {
    pub due: Millis,
    pub state: JobRunState,
    pub run_id: Option<String>,
    pub delivered_at: Option<Millis>,
    pub says: Option<String>,
}

impl JobView {
    pub(super) fn new(job: Job, last: Option<JobRun>) -> Self {
        let kind = job.kind;
        Self {
            when: rule_of(&job).map_or_else(|| "unreadable".to_owned(), |(rule, zone)| rule.words(&zone)),
            next: next_words(&job),
            id: job.id,
            kind,
            text: job.text,
            timezone: job.zone,
            status: job.status,
            next_due: job.next_due,
            misfire: job.misfire,
            may_use: job.may_use,
            created_by: job.person_id,
            conversation_id: job.conversation_id,
            created_at: job.created_at,
            failures: job.failures,
            last: last.map(|run| LastRun {
                due: run.due,
                state: run.state,
                run_id: (kind == JobKind::Prompt).then_some(run.run_id),
                delivered_at: run.delivered_at,
                says: run.says,
            }),
        }
    }
}

/// The next three times.
pub(super) fn upcoming(rule: &Rule, zone: &TimeZone, now: Millis) -> String {
    let next: Vec<String> = rule.upcoming(zone, now, 3).iter().map(|at| say(*at, zone)).collect();
    next.join(", ")
}

/// Where a job was made after outside text had been read, its words are not put in front of a model again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Person,
    Model,
}

/// One line a job.
pub(super) fn list(jobs: &[Job], reader: Reader) -> String {
    if jobs.is_empty() {
        return "There are no reminders and no recurring prompts.".to_owned();
    }
    let lines: Vec<String> = jobs.iter().map(|job| line(job, reader)).collect();
    lines.join("\n")
}

fn line(job: &Job, reader: Reader) -> String {
    let when = rule_of(job).map_or_else(|| "unreadable".to_owned(), |(rule, zone)| rule.words(&zone));
    let kind = match job.kind {
        JobKind::Message => "reminder",
        JobKind::Prompt => "prompt",
    };
    let text = if job.tainted && reader == Reader::Model {
        "(written after outside text was read; `/jobs` shows it)".to_owned()
    } else {
        quarantine::line(&job.text, 80)
    };
    let state = match job.status {
        JobStatus::Paused => "paused".to_owned(),
        JobStatus::Active | JobStatus::Done | JobStatus::Cancelled => format!("next {}", next_words(job)),
    };
    format!("- **{}** {kind}, {when} ({}), {state}: {text}", job.id, job.zone)
}
