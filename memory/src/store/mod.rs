//! The store: one handle, its operations by subject, and a file for each engine with what only it does.
//!
//! The statements are written once for every engine: `$1` parameters, no engine's own functions. A transaction that
//! writes begins with a write, so that it takes the write lock before it has read anything: `SQLite` refuses to turn a
//! reader into a writer when somebody else wrote in between, and `PostgreSQL` would decide on rows that have changed.
//!
//! On `PostgreSQL` many write at once, each statement seeing what was committed before it began. So a transaction that
//! decides by what it reads first writes a row that everybody who decides the same writes, and rows are locked in one order,
//! so that no two wait for each other: approval, person, link code, conversation, run, job; the head of the audit last.

mod approvals;
mod audit;
mod audit_chain;
mod commands;
mod conversations;
mod deliveries;
mod engine;
mod error;
mod forget;
mod grants;
mod identities;
mod instances;
mod job_runs;
mod jobs;
mod keys;
mod links;
mod mcp_pins;
mod migrate;
mod open;
mod people;
mod postgres;
mod recall;
mod responses;
mod results;
mod retention;
mod row;
mod runs;
mod sqlite;
mod switches;
#[cfg(any(test, feature = "test-support"))]
mod test_postgres;
mod traces;
mod transfer;
mod turns;
mod usage;
mod votes;

pub use error::Error;
pub use instances::{Beat, Others};
pub use migrate::{Migration, MigrationState};
pub use open::Store;
pub use recall::Meaning;
pub use retention::Places;
#[cfg(any(test, feature = "test-support"))]
pub use test_postgres::{
    connect_to_postgres, drop_postgres_database, empty_postgres_database, hold_migration_lock, postgres_database,
};
pub use transfer::Moved;
pub use turns::Begun;

/// What every operation of the store answers.
type Result<T> = std::result::Result<T, Error>;
