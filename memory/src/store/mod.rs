//! Signatures agreed on; the bodies come with the store.
#![allow(
    clippy::todo,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes,
    unused_variables,
    clippy::unused_async
)]
use crate::records::*;
use jarvis_gateway::clock::Millis;
use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Todo(String),
}
type Result<T> = std::result::Result<T, Error>;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store;

impl Store {
    /// `sqlite:PATH` (created if missing, with its folder private to the user), later `postgres://…`. Migrates under a lock.
    pub async fn open(url: &str) -> Result<Self> {
        todo!()
    }
    pub async fn close(&self) {}
    /// The database answers a trivial query.
    pub async fn ping(&self) -> Result<()> {
        todo!()
    }

    // people and places
    /// Inserts or updates display and trust.
    pub async fn put_person(&self, person: &Person) -> Result<()> {
        todo!()
    }
    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        todo!()
    }
    /// Finds the room by platform and external id, or makes it with the given id.
    pub async fn room(&self, wanted: &Room) -> Result<Room> {
        todo!()
    }
    pub async fn room_by_id(&self, id: &str) -> Result<Option<Room>> {
        todo!()
    }

    // conversations
    pub async fn create_conversation(&self, conversation: &Conversation) -> Result<()> {
        todo!()
    }
    pub async fn conversation(&self, id: &str) -> Result<Option<Conversation>> {
        todo!()
    }
    /// Newest first.
    pub async fn conversations(&self, room_ids: &[String], limit: i64) -> Result<Vec<Conversation>> {
        todo!()
    }
    /// Appends; touches `updated_at` and sets the title from the first user message. `false` when `external_id` was there already.
    pub async fn add_message(&self, message: &Message) -> Result<bool> {
        todo!()
    }
    /// Oldest first: the last `limit` messages before the message id `before` (or up to the newest).
    pub async fn messages(&self, conversation_id: &str, before: Option<&str>, limit: i64) -> Result<Vec<Message>> {
        todo!()
    }

    // runs
    pub async fn start_run(&self, run: &Run) -> Result<()> {
        todo!()
    }
    /// Writes every field but id, conversation, person and start.
    pub async fn update_run(&self, run: &Run) -> Result<()> {
        todo!()
    }
    pub async fn run(&self, id: &str) -> Result<Option<Run>> {
        todo!()
    }
    /// Runs that a former process left `running`.
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>> {
        todo!()
    }
    pub async fn start_tool_call(&self, call: &ToolCall) -> Result<()> {
        todo!()
    }
    pub async fn finish_tool_call(&self, id: &str, outcome: &str, result: &Value, took_ms: i64) -> Result<()> {
        todo!()
    }
    pub async fn tool_calls(&self, run_id: &str) -> Result<Vec<ToolCall>> {
        todo!()
    }

    // approvals
    pub async fn create_approval(&self, approval: &Approval) -> Result<()> {
        todo!()
    }
    /// Ids are matched without regard to case.
    pub async fn approval(&self, id: &str) -> Result<Option<Approval>> {
        todo!()
    }
    /// Newest first; all statuses when `status` is `None`.
    pub async fn approvals(&self, status: Option<ApprovalStatus>, limit: i64) -> Result<Vec<Approval>> {
        todo!()
    }
    /// An open card for the same act in the same conversation.
    pub async fn open_approval(
        &self,
        conversation_id: &str,
        tool: &str,
        args_hash: &str,
        now: Millis,
    ) -> Result<Option<Approval>> {
        todo!()
    }
    /// Votes and decides in one transaction.
    pub async fn vote(&self, vote: &Vote, now: Millis) -> Result<VoteOutcome> {
        todo!()
    }
    /// Takes an approved, unexpired act for execution, once: `None` when somebody else has it or it does not qualify.
    pub async fn claim_approval(&self, id: &str, args_hash: &str, now: Millis) -> Result<Option<Approval>> {
        todo!()
    }
    /// `executing` to `done`, `failed` or `stale`. `false` when it was not executing.
    pub async fn finish_approval(&self, id: &str, status: ApprovalStatus, result: &Value, now: Millis) -> Result<bool> {
        todo!()
    }
    /// Turns pending (and approved, unclaimed) cards whose time is over into `expired` and returns them.
    pub async fn expire_approvals(&self, now: Millis) -> Result<Vec<Approval>> {
        todo!()
    }

    // audit
    pub async fn append_audit(&self, event: &AuditEvent, at: Millis) -> Result<AuditEntry> {
        todo!()
    }
    /// Newest first, entries with an id below `before`.
    pub async fn audit(&self, before: Option<i64>, limit: i64) -> Result<Vec<AuditEntry>> {
        todo!()
    }
    pub async fn check_audit(&self) -> Result<AuditCheck> {
        todo!()
    }

    // keys
    pub async fn add_key(&self, key: &KeyRow) -> Result<()> {
        todo!()
    }
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        todo!()
    }
    /// `false` when there is no such key or it was revoked before.
    pub async fn revoke_key(&self, id: &str, now: Millis) -> Result<bool> {
        todo!()
    }
    /// A key that is not revoked.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<KeyRow>> {
        todo!()
    }
    /// Whether any key was ever made, revoked or not: then loopback needs a key too.
    pub async fn any_key(&self) -> Result<bool> {
        todo!()
    }
    pub async fn touch_key(&self, id: &str, now: Millis) -> Result<()> {
        todo!()
    }
}
