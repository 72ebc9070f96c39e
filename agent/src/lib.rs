//! Decides: turns, policy, approvals, audit.
//!
//! A message becomes a run of the turn machine ([`turn`]), every tool call passes [`policy::decide`], what policy wants
//! a person to see becomes an approval, and everything that must survive is a row before it happens.

mod agent;
mod answer;
mod approvals;
mod ask;
mod asked_for;
mod big_result;
mod bus;
mod coerce;
mod compaction;
mod context;
mod conversations;
mod direct;
mod error;
mod execute;
mod freeze;
mod go_on;
mod guard;
mod instances;
mod limits;
mod mcp;
pub mod memory;
mod operate;
mod outbox;
pub mod output_gate;
mod parts;
pub mod people;
mod plain;
pub mod platform;
pub mod policy;
mod principal;
mod provider;
pub mod quarantine;
pub mod recall;
mod recovery;
pub mod schedule;
mod session;
mod spans;
pub mod specialists;
pub mod trace;
pub mod turn;
pub mod view;
mod watch;

pub use agent::{Agent, Said};
pub use approvals::{Config as ApprovalsConfig, GrantView};
pub use ask::Answer;
pub use bus::{Position, Published, Subscription};
pub use direct::{Called, Listed};
pub use error::Error;
pub use freeze::Frozen;
pub use limits::{Config, Limits};
pub use outbox::Outbox;
pub use parts::Parts;
pub use principal::{Principal, Surface};
