//! The store: one handle, its operations by subject, and one file with what only `SQLite` does.
//!
//! The statements are written once for every engine: `$1` parameters, no engine's own functions. A transaction that
//! writes begins with a write, so that it takes the write lock before it has read anything: `SQLite` refuses to turn a
//! reader into a writer when somebody else wrote in between, and `PostgreSQL` would decide on rows that have changed.

mod approvals;
mod audit;
mod audit_chain;
mod commands;
mod conversations;
mod deliveries;
mod error;
mod grants;
mod identities;
mod job_runs;
mod jobs;
mod keys;
mod links;
mod mcp_pins;
mod migrate;
mod open;
mod people;
mod recall;
mod responses;
mod results;
mod row;
mod runs;
mod sqlite;
mod switches;
mod traces;
mod usage;
mod votes;

pub use error::Error;
pub use migrate::{Migration, MigrationState};
pub use open::Store;
pub use recall::Meaning;

/// What every operation of the store answers.
type Result<T> = std::result::Result<T, Error>;
