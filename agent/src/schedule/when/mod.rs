//! When a job runs: read from what a person says, computed in a time zone, said back.

mod cron;
mod moment;
mod read;
mod repeat;
mod rule;
mod words;

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod rule_tests;

pub(crate) use read::read;
pub(crate) use rule::Rule;

use jarvis_gateway::clock::Millis;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Why a time was not taken: a sentence for people and models, with the readings when there are several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unclear(pub(crate) String);

/// The zone of an IANA name such as `Europe/Berlin`.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Unclear> {
    let known = TimeZone::get(name).ok().filter(|_| name.len() <= 64);
    known.ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        Unclear(format!(
            "there is no time zone `{name}`; write one like Europe/Berlin, America/New_York or UTC"
        ))
    })
}

/// The name of a zone, as jobs keep it and people read it.
pub(crate) fn name(zone: &TimeZone) -> &str {
    match zone.iana_name() {
        // Many machines without a zone of their own call it so.
        None | Some("Etc/UTC") => "UTC",
        Some(name) => name,
    }
}

/// `Sat 2026-11-21 09:00`, in the zone; with seconds when there are any.
pub(crate) fn say(at: Millis, zone: &TimeZone) -> String {
    let local = local(at, zone);
    let format = if local.second() == 0 {
        "%a %Y-%m-%d %H:%M"
    } else {
        "%a %Y-%m-%d %H:%M:%S"
    };
    local.strftime(format).to_string()
}

/// An instant that the calendar does not reach is its nearest end.
pub(crate) fn local(at: Millis, zone: &TimeZone) -> Zoned {
    let nearest = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.0)
        .unwrap_or(nearest)
        .to_zoned(zone.clone())
}
