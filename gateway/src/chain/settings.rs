//! What the configuration says of one target.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::limits::Limits;
use crate::health::{Ability, Facts};

/// The default leaves everything as the backend's class has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Tokens that the model is given to read.
    pub context: Option<u32>,
    /// Requests at the same time; more wait in the queue. Without it there is no bound.
    pub max_inflight: Option<u32>,
    /// Requests that wait at most.
    pub queue: Option<u32>,
    pub timeouts: Timeouts,
    pub capabilities: Claims,
}

/// Limits of time that differ from those of the backend's class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    #[serde(deserialize_with = "time")]
    pub first_token: Option<Duration>,
    /// For loading the model, whatever earlier loads took.
    #[serde(deserialize_with = "time")]
    pub load: Option<Duration>,
    #[serde(deserialize_with = "time")]
    pub idle: Option<Duration>,
    #[serde(deserialize_with = "time")]
    pub total: Option<Duration>,
    #[serde(deserialize_with = "time")]
    pub queue: Option<Duration>,
}

/// What a model can do as its owner says, which wins over what its server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    pub chat: Option<bool>,
    pub tools: Option<bool>,
    pub vision: Option<bool>,
    pub audio: Option<bool>,
    pub thinking: Option<bool>,
    pub embedding: Option<bool>,
    /// Answers by a schema (`response_format` of type `json_schema`).
    pub json_schema: Option<bool>,
    /// Calls a tool when `tool_choice` demands one.
    pub tool_choice: Option<bool>,
    /// Goes on with an answer that was begun for it.
    pub prefill: Option<bool>,
}

/// How many requests wait at a target that says how many it takes at once, but not how many may wait.
const QUEUE: u32 = 4;

impl Settings {
    /// Requests at once and in the queue, when they are bounded. One at a time is the least, because a target that takes
    /// none is not a target.
    pub(super) fn room(&self) -> Option<(usize, usize)> {
        let at_once = self.max_inflight?.max(1);
        let queue = self.queue.unwrap_or(QUEUE);
        Some((usize::try_from(at_once).ok()?, usize::try_from(queue).ok()?))
    }
}

impl Timeouts {
    pub(super) fn over(&self, limits: Limits) -> Limits {
        Limits {
            first_token: self.first_token.unwrap_or(limits.first_token),
            idle: self.idle.unwrap_or(limits.idle),
            total: self.total.unwrap_or(limits.total),
            queue: self.queue.unwrap_or(limits.queue),
            load: self.load.unwrap_or(limits.load),
            ..limits
        }
    }
}

impl Claims {
    /// Whether the model can do it: first by what its owner says, then by what is known; `None` when nobody knows.
    pub(super) fn can(&self, ability: Ability, facts: &Facts) -> Option<bool> {
        let claim = match ability {
            Ability::Completion => self.chat,
            Ability::Tools => self.tools,
            Ability::Vision => self.vision,
            Ability::Audio => self.audio,
            Ability::Thinking => self.thinking,
            Ability::Embedding => self.embedding,
        };
        claim.or_else(|| facts.can(ability))
    }
}

/// Reads a time with its unit: `500ms`, `20s`, `2m`, `1h 30m`.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = text.parse::<jiff::SignedDuration>().ok();
    let positive = read.and_then(|time| Duration::try_from(time).ok());
    let time = positive.filter(|time| !time.is_zero());
    time.map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a time such as \"500ms\", \"20s\" or \"2m\"")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let check = |given: &str, expect: Result<Duration, &str>| {
            let read = serde_json::from_value::<Timeouts>(json!({ "idle": given }));
            let read = read
                .map(|timeouts| timeouts.idle.unwrap())
                .map_err(|error| error.to_string());
            assert_eq!(read, expect.map_err(str::to_owned), "given {given}");
        };
        check("500ms", Ok(Duration::from_millis(500)));
        check("20s", Ok(Duration::from_secs(20)));
        check("1m 30s", Ok(Duration::from_secs(90)));
        let refuse = |given: &str| {
            let says = format!("`{given}` is not a time such as \"500ms\", \"20s\" or \"2m\"");
            check(given, Err(&says));
        };
        refuse("20");
        refuse("-1s");
        refuse("0s");
        refuse("soon");
    }
}
