//! The sections `[budget]` and `[usage]` of the configuration.

use std::num::NonZeroU32;
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

/// For how long the ledger keeps its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keeping {
    /// Days. A year and a month, so that a month can be held against that of the year before.
    pub keep_days: NonZeroU32,
}

impl Default for Keeping {
    fn default() -> Self {
        const USUAL: NonZeroU32 = NonZeroU32::new(400).unwrap();
        Self { keep_days: USUAL }
    }
}

impl Config {
    pub fn caps(&self) -> Caps {
        Caps {
            day: self.day.map(|Dollars(cap)| cap),
            month: self.month.map(|Dollars(cap)| cap),
        }
    }
}
