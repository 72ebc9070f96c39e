//! One handler per route: parse, call one function of the agent, map the answer.

mod caller;
mod handlers;
mod memory;
mod rows;

pub(crate) use caller::Who;
pub(crate) use handlers::{
    allow_mcp, approval, approvals, ask_again, audit, cancel, change_job, conversations, create_conversation, decide,
    force_backend, force_target, freeze, frozen, grants, jobs, mcp_servers, messages, people, revoke_grant, say,
    status, targets, trace, unfreeze, whoami,
};
pub(crate) use memory::{forget_memory, memories, recall, remember, set_learning};
