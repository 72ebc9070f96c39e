//! What can go wrong in front of the agent, by what the caller has to do about it.

use jarvis_memory::records::ApprovalStatus;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no conversation `{0}` here")]
    NoConversation(String),
    #[error("there is no approval `{0}`; `jarvis approve` lists the open ones")]
    NoApproval(String),
    #[error("you may not decide this: it takes a key with the scope `approve`")]
    MayNotApprove,
    #[error("approval {id} is {} already", word(*.status))]
    AlreadyDecided { id: String, status: ApprovalStatus },
    #[error("approval {0} has expired; ask for the act again")]
    ApprovalExpired(String),
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
    #[error("Jarvis is shutting down; send the message again after the restart")]
    Stopping,
    #[error("the database does not answer, so nothing was done")]
    Store(#[from] jarvis_memory::Error),
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
