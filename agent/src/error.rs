//! What can go wrong in front of the agent, by what the caller has to do about it.

use jarvis_memory::jobs::JobStatus;
use jarvis_memory::records::ApprovalStatus;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no conversation `{0}` here")]
    NoConversation(String),
    #[error("there is no approval `{0}`; `jarvis approve` lists the open ones")]
    NoApproval(String),
    #[error(
        "there is no turn whose id begins with `{0}`; messages and `jarvis audit --json` name it as `run_id`, and `last` \
         is the latest"
    )]
    NoRun(String),
    #[error("several turns have an id that begins with `{id}`, such as {ids}; give more of it")]
    ManyRuns { id: String, ids: String },
    #[error("there is no job `{0}` here; `/jobs` lists them")]
    NoJob(String),
    /// It is not in a state from which this change leads anywhere.
    #[error("job {id} is {}; there is nothing to {change}", .status.as_str())]
    JobStays {
        id: String,
        status: JobStatus,
        change: &'static str,
    },
    #[error("there is no memory `{0}` of yours here; `/memory` lists them")]
    NoMemory(String),
    #[error("nothing was remembered: {0}")]
    NotRemembered(String),
    #[error("you may not decide this: it takes a key with the scope `approve`")]
    MayNotApprove,
    #[error("{}", already(id, *.status, by.as_deref()))]
    AlreadyDecided {
        id: String,
        status: ApprovalStatus,
        /// Who decided, for people.
        by: Option<String>,
    },
    #[error("approval {0} has expired; ask for the act again")]
    ApprovalExpired(String),
    #[error("{id} is not allowed for a while: {why}")]
    NotGrantable { id: String, why: String },
    #[error("there is no grant `{0}`; `/grants` lists those that hold")]
    NoGrant(String),
    #[error("there is no tool `{name}`; the tools are: {tools}")]
    NoTool { name: String, tools: String },
    #[error("there is no MCP server or tool `{0}`; `jarvis mcp list` shows them")]
    NoMcp(String),
    #[error("the database does not answer, so nothing was allowed")]
    NotKept,
    #[error("`{0}` is not frozen")]
    NotFrozen(String),
    #[error("acts of `{0}` are frozen; unfreeze them first")]
    Frozen(String),
    #[error("no new card was raised: {0}")]
    NotRaised(String),
    #[error("this needs a key with the scope `ops`")]
    Forbidden,
    #[error("a message may have at most {limit} characters; this one has {got}")]
    TooLong { limit: usize, got: usize },
    #[error("the message is empty")]
    Empty,
    #[error("too many messages wait in this conversation; let the running turn finish or stop it")]
    Busy,
    #[error(
        "this broke off by a fault of Jarvis, which its log tells of; look whether it was done before you try again"
    )]
    BrokeOff,
    #[error("Jarvis is shutting down; send the message again after the restart")]
    Stopping,
    #[error("the database does not answer, so nothing was done")]
    Store(#[from] jarvis_memory::Error),
}

fn already(id: &str, status: ApprovalStatus, by: Option<&str>) -> String {
    match by {
        Some(by) => format!("approval {id} was already decided by {by}; it is {}", word(status)),
        None => format!("approval {id} is {} already", word(status)),
    }
}

pub(crate) fn word(status: ApprovalStatus) -> &'static str {
    match status {
        ApprovalStatus::Pending => "pending",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Executing => "executing",
        ApprovalStatus::Done => "done",
        ApprovalStatus::Failed => "failed",
        ApprovalStatus::Stale => "stale",
    }
}
