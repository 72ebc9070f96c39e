//! The rule of a job: when it runs next, and how that is said.

use jarvis_gateway::clock::Millis;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::cron::Cron;
use super::{Unclear, say};

/// When a job runs, as it is stored. Civil times are times of the job's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Rule {
    Once {
        at: Millis,
    },
    /// By elapsed time, whatever the clocks on the wall do.
    Every {
        seconds: u32,
        from: Millis,
    },
    /// Every so many days at the same time of the day.
    Days {
        every: u32,
        from: Date,
        at: Time,
    },
    Cron {
        expression: String,
    },
}

impl Rule {
    pub(super) fn cron(expression: &str) -> Result<Self, Unclear> {
        Cron::parse(expression)?;
        let words: Vec<&str> = expression.split_whitespace().collect();
        Ok(Self::Cron {
            expression: words.join(" "),
        })
    }

    pub(crate) fn is_once(&self) -> bool {
        matches!(self, Self::Once { .. })
    }

    /// The first due time after `after`; `None` when there is no other.
    pub(crate) fn next(&self, zone: &TimeZone, after: Millis) -> Option<Millis> {
        match self {
            Self::Once { at } => Some(*at).filter(|at| *at > after),
            Self::Every { seconds, from } => {
                let step = i64::from(*seconds).checked_mul(1000).filter(|step| *step > 0)?;
                let passed = after.0.checked_sub(from.0)?.max(-1).div_euclid(step);
                let due = from.0.checked_add(passed.checked_add(1)?.checked_mul(step)?)?;
                // The anchor itself is no due time: `every 2h` begins in two hours.
                Some(Millis(due.max(from.0.checked_add(step)?)))
            }
            Self::Days { every, from, at } => days(*every, *from, *at, zone, instant(after)?).map(millis),
            Self::Cron { expression } => {
                let cron = Cron::parse(expression).ok()?;
                cron.next(zone, instant(after)?).map(millis)
            }
        }
    }

    /// The next `count` due times.
    pub(crate) fn upcoming(&self, zone: &TimeZone, after: Millis, count: usize) -> Vec<Millis> {
        let next = |at: &Millis| self.next(zone, *at);
        std::iter::successors(self.next(zone, after), next)
            .take(count)
            .collect()
    }

    /// How many due times lie after `after` and up to `until`, counted up to a thousand.
    pub(crate) fn count(&self, zone: &TimeZone, after: Millis, until: Millis) -> usize {
        let next = |at: &Millis| self.next(zone, *at);
        std::iter::successors(self.next(zone, after), next)
            .take_while(|at| *at <= until)
            .take(1000)
            .count()
    }

    /// For people: `once, Sat 2026-11-21 09:00`, `every 2 h`, `every day at 08:30`, ``by cron `30 8 * * 1-5` ``.
    pub(crate) fn words(&self, zone: &TimeZone) -> String {
        match self {
            Self::Once { at } => format!("once, {}", say(*at, zone)),
            Self::Every { seconds, .. } => format!("every {}", span(*seconds)),
            Self::Days { every: 1, at, .. } => format!("every day at {}", at.strftime("%H:%M")),
            Self::Days { every, at, .. } => format!("every {every} days at {}", at.strftime("%H:%M")),
            Self::Cron { expression } => format!("by cron `{expression}`"),
        }
    }
}

fn days(every: u32, from: Date, at: Time, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let every = i64::from(every.max(1));
    let since = zone.to_datetime(after).date().yesterday().ok()?;
    let passed = i64::from(from.until(since).ok()?.get_days());
    let first = passed.max(0).div_euclid(every);
    // A day of the calendar that a zone left out can put a time a day later: a few steps find it.
    for index in first..first.saturating_add(5) {
        let date = from.checked_add(index.checked_mul(every)?.days()).ok()?;
        let due = zone.to_ambiguous_timestamp(date.to_datetime(at)).compatible().ok()?;
        if due > after {
            return Some(due);
        }
    }
    None
}

fn span(seconds: u32) -> String {
    let in_units = |unit: u32, name: &str| {
        seconds
            .is_multiple_of(unit)
            .then(|| format!("{} {name}", seconds / unit))
    };
    in_units(3600, "h")
        .or_else(|| in_units(60, "min"))
        .unwrap_or_else(|| format!("{seconds} s"))
}

fn instant(at: Millis) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.0).ok()
}

fn millis(at: Timestamp) -> Millis {
    Millis(at.as_millisecond())
}
