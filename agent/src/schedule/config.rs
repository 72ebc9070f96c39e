//! The section `[schedule]` of the configuration.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::when;

/// How jobs are read and run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// IANA name of the zone of times that name none: `Europe/Berlin`. Without it the zone of this machine, or UTC when
    /// that has no name.
    pub timezone: Option<String>,
}

impl Config {
    /// The zone of times that name none, or why there is no such zone.
    pub fn zone(&self) -> Result<TimeZone, String> {
        match &self.timezone {
            Some(name) => when::zone(name).map_err(|unclear| unclear.to_string()),
            // A zone without a name cannot be written down with a job.
            None => Ok(TimeZone::try_system()
                .ok()
                .filter(|zone| zone.iana_name().is_some())
                .unwrap_or(TimeZone::UTC)),
        }
    }
}
