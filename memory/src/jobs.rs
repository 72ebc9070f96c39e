//! Jobs: what runs by itself, and each time that it was due.

use jarvis_gateway::clock::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Its text is said.
    Message,
    /// Its text is asked, and the answer is said.
    Prompt,
}

impl JobKind {
    pub const ALL: [Self; 2] = [Self::Message, Self::Prompt];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Prompt => "prompt",
        }
    }
}

/// What becomes of a due time that passed while Jarvis was not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// It is written down, and nothing else.
    Skip,
    /// It runs once, late, however many due times passed.
    #[default]
    RunOnce,
}

impl Misfire {
    pub const ALL: [Self; 2] = [Self::Skip, Self::RunOnce];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::RunOnce => "run_once",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    Active,
    Paused,
    /// It has no further due time.
    Done,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Done, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Short and speakable, in upper case: `K7QXA`.
    pub id: String,
    /// Who made it.
    pub person_id: String,
    /// Where it was made and is delivered. `None` when that is gone.
    pub conversation_id: Option<String>,
    pub kind: JobKind,
    pub text: String,
    /// When it is due, as the agent writes it.
    pub rule: Value,
    /// IANA name of the zone of its times.
    pub zone: String,
    pub misfire: Misfire,
    /// Tools that may act when it runs; with none it only reads.
    pub may_use: Vec<String>,
    /// The text is a person's own words, or was approved by one.
    pub grounded: bool,
    /// The text was written after outside text had been read.
    pub tainted: bool,
    /// Trust of the creator at the making, 0 to 4.
    pub max_trust: i64,
    pub status: JobStatus,
    pub next_due: Option<Millis>,
    /// Runs in a row that failed.
    pub failures: i64,
    pub created_at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobRunState {
    Claimed,
    Done,
    Failed,
    /// Not done, on purpose.
    Skipped,
    /// Jarvis was stopped during it.
    Unknown,
}

impl JobRunState {
    pub const ALL: [Self; 5] = [Self::Claimed, Self::Done, Self::Failed, Self::Skipped, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }
}

/// A due time of a job, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    pub job_id: String,
    pub due: Millis,
    pub state: JobRunState,
    /// Made anew for every claim.
    pub holder: String,
    /// From then on another may take over what is claimed.
    pub lease_until: Millis,
    /// The run of the agent that it makes, chosen beforehand.
    pub run_id: String,
    /// Due times after this one that passed with it.
    pub missed: i64,
    pub claimed_at: Millis,
    pub ended_at: Option<Millis>,
    /// When its words were in its conversation.
    pub delivered_at: Option<Millis>,
    /// For people: why it failed or was skipped.
    pub says: Option<String>,
}

/// How a due time ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    pub state: JobRunState,
    pub delivered_at: Option<Millis>,
    pub says: Option<String>,
}
