//! The only folder that knows bollard. Outside it there are [`Engine`] and the plain records below.

mod connect;
mod engine;
mod fault;
mod log;
mod record;

pub use connect::Client;
pub(super) use engine::{Engine, Unsettled};
pub(super) use log::{LogLine, LogQuery, Source};
#[cfg(test)]
pub(super) use record::Check;
pub(super) use record::{Details, Health, HealthStatus, Listed, Mount, State, Usage};
