//! From when on sums are made: `24h`, `7d`, `today`, `month`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::budget::{day_of, month_of};
use crate::clock::Millis;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// A hundred years. More is a slip.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This long ago.
    Last(Duration),
    /// The day that it is, by UTC.
    Today,
    /// The month that it is, by UTC.
    Month,
}

impl Since {
    pub fn start(self, now: Millis) -> Millis {
        match self {
            Self::Last(span) => {
                let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                Millis(now.0.saturating_sub(span))
            }
            Self::Today => Millis(day_of(now) * DAY),
            Self::Month => Millis(month_of(day_of(now)) * DAY),
        }
    }
}

impl Default for Since {
    fn default() -> Self {
        Self::Last(Duration::from_hours(24))
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(span) => {
                let seconds = span.as_secs();
                let units = [(24 * 60 * 60, "days"), (60 * 60, "h"), (60, "min"), (1, "s")];
                // A day is told in hours, as it is asked for.
                let fits = |unit: u64| seconds % unit == 0 && seconds > unit || unit == 1;
                let (unit, name) = units.into_iter().find(|(unit, _)| fits(*unit)).unwrap_or((1, "s"));
                write!(f, "in the last {} {name}", seconds / unit)
            }
            Self::Today => f.write_str("today"),
            Self::Month => f.write_str("this month"),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "today" => Ok(Self::Today),
            "month" => Ok(Self::Month),
            span => span_of_time(span)
                .map(Self::Last)
                .map_err(|wrong| format!("{wrong}, or as today or month")),
        }
    }
}

/// `90s`, `15m`, `24h`, `30d`.
pub fn span_of_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time; write it like 24h, 7d, 15m or 90s");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        Some(_) | None => return Err(wrong()),
    };
    let number = text.get(..text.len() - 1).unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count: Option<u64> = number.parse().ok().filter(|_| is_number);
    let seconds = count.and_then(|count| count.checked_mul(unit));
    seconds
        .filter(|seconds| *seconds > 0 && *seconds <= LONGEST)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_own_unit() {
        let check = |text: &str, expect: &str| {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.to_string(), expect, "{text}");
        };
        check("1m", "in the last 60 s");
        check("90m", "in the last 90 min");
        check("90s", "in the last 90 s");
        check("24h", "in the last 24 h");
        check("7d", "in the last 7 days");
        check("2h", "in the last 2 h");
        check("today", "today");
    }

    #[test]
    fn times_to_begin_at() {
        // 2026-11-20 10:05:00 UTC.
        let now = Millis(1_795_169_100_000);
        let check = |text: &str, expect: Option<i64>| {
            let start = text.parse::<Since>().ok().map(|since| since.start(now).0);
            assert_eq!(start, expect, "{text}");
        };
        check("24h", Some(1_795_082_700_000));
        check("90s", Some(1_795_169_010_000));
        check("today", Some(1_795_132_800_000));
        check("month", Some(1_793_491_200_000));
        for wrong in [
            "",
            "h",
            "0h",
            "-1h",
            "+1h",
            "1.5h",
            "1w",
            "24",
            "h24",
            "99999999999999999999d",
            "7 d",
            "1é",
        ] {
            check(wrong, None);
        }
    }
}
