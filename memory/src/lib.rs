//! Everything durable, and the only SQL; and what replicas share that need not be durable.
//!
//! [`Store`] holds what must survive a restart: conversations, messages, runs, tool calls, approvals with their votes,
//! the audit, people and their accounts, keys, what was used, responses of the API. Ids are made by the caller and times come as arguments, so the
//! database invents nothing.

pub mod jobs;
mod keys;
pub mod people;
pub mod recall;
pub mod records;
mod responses;
pub mod shared;
mod store;
mod usage;

pub use keys::Keys;
pub use responses::Responses;
pub use store::{Beat, Begun, Error, Meaning, Migration, MigrationState, Moved, Others, Places, Store};
#[cfg(any(test, feature = "test-support"))]
pub use store::{
    connect_to_postgres, drop_postgres_database, empty_postgres_database, hold_migration_lock, postgres_database,
};
