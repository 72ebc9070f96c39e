//! The section `[memory]` of the configuration.

use std::num::NonZeroU32;

use serde::Deserialize;

/// What is kept for how long, and what is done with it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Days that messages of public rooms are kept.
    pub keep_public: NonZeroU32,
    /// Days that messages of other rooms are kept. Those of the owner's own places are kept until they are deleted, unless
    /// `keep_home` says otherwise: they are the owner's records, and nobody else is in them.
    pub keep: NonZeroU32,
    pub keep_home: Option<NonZeroU32>,
    /// The alias whose chain makes vectors, so that what was said is found by its meaning, too.
    pub embed: Option<String>,
    /// Whether lasting facts are learned from what people say of themselves. Every answer is then followed by a question to
    /// a local model, which on a machine without a GPU is the time of another answer: so it is off.
    pub extract: bool,
}

impl Default for Config {
    fn default() -> Self {
        const MONTH: NonZeroU32 = NonZeroU32::new(30).unwrap();
        const HALF_A_YEAR: NonZeroU32 = NonZeroU32::new(180).unwrap();
        Self {
            keep_public: MONTH,
            keep: HALF_A_YEAR,
            keep_home: None,
            embed: None,
            extract: false,
        }
    }
}
