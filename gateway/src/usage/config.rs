//! The section `[budget]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

use super::budget::Caps;
use super::money::Dollars;

/// How much may be spent by everybody together, and what things cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// US dollars a day, by UTC. Without it there is no end.
    day: Option<Dollars>,
    month: Option<Dollars>,
    /// A price list that is looked at before the one of the program.
    pub prices: Option<PathBuf>,
}

impl Config {
    pub fn caps(&self) -> Caps {
        Caps {
            day: self.day.map(|Dollars(cap)| cap),
            month: self.month.map(|Dollars(cap)| cap),
        }
    }
}
