//! Cron expressions of five fields: minute, hour, day of the month, month, day of the week.
//!
//! 1. When both day fields are restricted, a day that fits either of them fits, as in every cron since Vixie's.
//! 2. A time that a change of the clocks leaves out runs as much later as the clocks went forward.
//! 3. A time that the clocks show twice runs the first time only, unless the expression names every hour.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::Unclear;

/// From one 29 February to the next are at most eight years.
const DAYS_AHEAD: usize = 366 * 9;
const ALL_HOURS: u64 = (1 << 24) - 1;
/// The bit of `days` that stands for the last day of a month, whichever that is.
const LAST: u64 = 1;
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A parsed expression. Each field is a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

struct Field {
    name: &'static str,
    lowest: u32,
    highest: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day of the month", 1, 31, &[]),
    field("month", 1, 12, &MONTHS),
    field("day of the week", 0, 7, &WEEKDAYS),
];

const fn field(name: &'static str, lowest: u32, highest: u32, names: &'static [&'static str]) -> Field {
    Field {
        name,
        lowest,
        highest,
        names,
    }
}

impl Cron {
    pub(super) fn parse(expression: &str) -> Result<Self, Unclear> {
        let words: Vec<&str> = expression.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = words.as_slice() else {
            return Err(Unclear(format!(
                "a cron expression has five fields (minute, hour, day, month, weekday); this one has {}",
                words.len()
            )));
        };
        let [minutes, hours, days, months, weekdays] = FIELDS;
        let mut cron = Self {
            minutes: minutes.read(minute)?,
            hours: hours.read(hour)?,
            days: if day.eq_ignore_ascii_case("l") {
                LAST
            } else {
                days.read(day)?
            },
            months: months.read(month)?,
            weekdays: weekdays.read(weekday)?,
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        };
        // Sunday is 0 and 7.
        if cron.weekdays & (1 << 7) != 0 {
            cron.weekdays |= 1;
        }
        if !cron.ever_fits() {
            return Err(Unclear(format!("`{}` names a day that no month has", words.join(" "))));
        }
        Ok(cron)
    }

    /// 2024 has every day that a year can have.
    fn ever_fits(&self) -> bool {
        let days = jiff::civil::date(2024, 1, 1).series(1.day()).take(366);
        // A day of the week comes in every month.
        !self.any_weekday || days.into_iter().any(|date| self.has(date))
    }

    /// The first time after `after`.
    pub(super) fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        // A day before: what fell into a gap then may run on this day.
        let mut date = zone.to_datetime(after).date().yesterday().ok()?;
        for _ in 0..DAYS_AHEAD {
            let tomorrow = date.tomorrow().ok()?;
            if let Some(found) = self.first_of(date, zone, after) {
                // A gap over midnight can put a time of this day behind one of the next.
                let other = self.first_of(tomorrow, zone, after);
                return Some(other.map_or(found, |other| other.min(found)));
            }
            date = tomorrow;
        }
        None
    }

    fn first_of(&self, date: Date, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        if !self.has(date) {
            return None;
        }
        let hours = (0..24_i8).filter(|hour| self.hours & (1 << hour) != 0);
        let times = hours.flat_map(|hour| {
            let minutes = (0..60_i8).filter(|minute| self.minutes & (1 << minute) != 0);
            minutes.flat_map(move |minute| self.instants(date, hour, minute, zone))
        });
        times.filter(|instant| *instant > after).min()
    }

    /// The instants of one wall-clock time: one, or two when the clocks show it twice and every hour is meant.
    fn instants(&self, date: Date, hour: i8, minute: i8, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        let ambiguous = zone.to_ambiguous_timestamp(date.at(hour, minute, 0, 0));
        let twice = matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. }) && self.hours == ALL_HOURS;
        let second = if twice { ambiguous.later().ok() } else { None };
        ambiguous.compatible().ok().into_iter().chain(second)
    }

    fn has(&self, date: Date) -> bool {
        let bit = |number: i8| 1_u64 << number;
        let is_last = self.days & LAST != 0 && date.day() == date.days_in_month();
        let day = is_last || self.days & bit(date.day()) != 0;
        let weekday = self.weekdays & bit(date.weekday().to_sunday_zero_offset()) != 0;
        let fits = match (self.any_day, self.any_weekday) {
            (false, false) => day || weekday,
            (true, _) | (_, true) => day && weekday,
        };
        fits && self.months & bit(date.month()) != 0
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, Unclear> {
        text.split(',').try_fold(0, |bits, item| Ok(bits | self.item(item)?))
    }

    /// `*`, `7`, `1-5`, each with `/2` for every second one.
    fn item(&self, item: &str) -> Result<u64, Unclear> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.lowest, self.highest),
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            // `5/15` goes on to the end.
            None if step.is_some() => (self.number(range)?, self.highest),
            None => (self.number(range)?, self.number(range)?),
        };
        if from > to {
            return Err(self.wrong(item, "goes backwards; write it as two ranges with a comma"));
        }
        let step: usize = match step {
            None => 1,
            Some(step) => step
                .parse()
                .ok()
                .filter(|step| (1..=59).contains(step))
                .ok_or_else(|| self.wrong(item, "has a step that is not from 1 to 59"))?,
        };
        Ok((from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number))
    }

    fn number(&self, text: &str) -> Result<u32, Unclear> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some(index) => u32::try_from(index).ok().map(|index| index + self.lowest),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        number
            .filter(|number| (self.lowest..=self.highest).contains(number))
            .ok_or_else(|| self.wrong(text, &format!("is not from {} to {}", self.lowest, self.highest)))
    }

    fn wrong(&self, text: &str, why: &str) -> Unclear {
        let text: String = text.chars().take(30).collect();
        Unclear(format!(
            "`{text}` in the field {} of the cron expression {why}",
            self.name
        ))
    }
}
