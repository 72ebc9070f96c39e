//! The section `[tools]`, with one part per area.

use serde::Deserialize;

/// How the tools reach the outside world. Everything has a default that suits a machine with Docker on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub docker: crate::docker::Config,
    pub server_status: crate::server_status::Config,
}
