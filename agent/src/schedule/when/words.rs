//! The words that times are made of: numbers, units, days, months, times of the day.

use jiff::Span;
use jiff::civil::{Time, Weekday};

use super::Unclear;

/// More than this is no time.
const LONGEST: usize = 200;
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Lower case, split at blanks and commas, without the full stop of a sentence.
pub(super) fn split(text: &str) -> Result<Vec<String>, Unclear> {
    if text.len() > LONGEST {
        return Err(Unclear("that is too long for a time".into()));
    }
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    if let Some(last) = words.last_mut()
        && !is_short_date(last)
    {
        last.truncate(last.trim_end_matches(['.', '!', '?']).len());
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// `24.12.`, whose last point belongs to it.
fn is_short_date(word: &str) -> bool {
    word.ends_with('.') && word.bytes().filter(|byte| *byte == b'.').count() == 2
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    let full = |(name, day): &(&str, Weekday)| {
        let fits = word == *name
            || (word.len() >= 3 && word.len() <= 5 && name.starts_with(word))
            || word.strip_suffix('s') == Some(name);
        fits.then_some(*day)
    };
    WEEKDAYS.iter().find_map(full)
}

pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    let fits = |name: &str| word == name || (matches!(word.len(), 3 | 4) && name.starts_with(word));
    let index = MONTHS.iter().position(|name| fits(name))?;
    i8::try_from(index + 1).ok()
}

/// `24`, `24.`, `24th`, `1st`: a day of a month.
pub(super) fn day_of_month(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (_, rest) = word.split_at_checked(digits.len())?;
    let known = matches!(rest, "" | "." | "st" | "nd" | "rd" | "th");
    let day: i8 = number(digits)?;
    (known && (1..=31).contains(&day)).then_some(day)
}

/// Digits only: no sign, no blank.
pub(super) fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if digits { word.parse().ok() } else { None }
}

/// A time of the day, and how many words it took. `None` when there is none at the front.
pub(super) fn time(words: &[String]) -> Result<Option<(Time, usize)>, Unclear> {
    let Some(first) = words.first() else { return Ok(None) };
    if first == "noon" {
        return Ok(Some((Time::constant(12, 0, 0, 0), 1)));
    }
    let second = words.get(1).map(String::as_str);
    let (digits, half, taken) = match (half_of_day(first), second) {
        (Some((digits, half)), _) => (digits, Some(half), 1),
        (None, Some("am")) => (first.as_str(), Some(Half::Am), 2),
        (None, Some("pm")) => (first.as_str(), Some(Half::Pm), 2),
        (None, Some("o'clock" | "oclock" | "uhr")) => (first.as_str(), None, 2),
        (None, _) => (first.as_str(), None, 1),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (number::<i8>(hour), number::<i8>(minute)),
        Some(_) => return Ok(None),
        None => (number::<i8>(digits), Some(0)),
    };
    let (Some(hour), Some(minute)) = (hour, minute) else {
        return Ok(None);
    };
    let hour = match half {
        Some(half) => half.hour(hour),
        None if !digits.contains(':') && (1..=12).contains(&hour) => {
            let other = (hour + 12) % 24;
            return Err(Unclear(format!(
                "`{hour}` can be {hour:02}:00 or {other:02}:00; write one of them"
            )));
        }
        None => Some(hour),
    };
    let time = hour.and_then(|hour| Time::new(hour, minute, 0, 0).ok());
    let no_time = || {
        let word: String = first.chars().take(30).collect();
        Unclear(format!("`{word}` is no time of the day; write it like 18:30"))
    };
    time.map(|time| Some((time, taken))).ok_or_else(no_time)
}

#[derive(Debug, Clone, Copy)]
enum Half {
    Am,
    Pm,
}

impl Half {
    /// 12 am is midnight and 12 pm is noon.
    fn hour(self, hour: i8) -> Option<i8> {
        let hour = (1..=12).contains(&hour).then_some(hour % 12)?;
        Some(match self {
            Self::Am => hour,
            Self::Pm => hour + 12,
        })
    }
}

fn half_of_day(word: &str) -> Option<(&str, Half)> {
    let am = word.strip_suffix("am").map(|digits| (digits, Half::Am));
    let found = am.or_else(|| word.strip_suffix("pm").map(|digits| (digits, Half::Pm)));
    found.filter(|(digits, _)| !digits.is_empty())
}

/// A length of time that is all of these words: `20 min`, `1h30m`, `an hour and 10 minutes`, `half an hour`.
pub(super) fn length(words: &[String]) -> Result<Option<Span>, Unclear> {
    let apart: Vec<String> = words.iter().flat_map(|word| digits_apart(word)).collect();
    let mut span = Span::new();
    let mut rest = apart.as_slice();
    while let Some((amount, unit, taken)) = amount(rest) {
        span = add(span, unit, amount).ok_or_else(|| Unclear("that is too far ahead".into()))?;
        rest = rest.get(taken..).unwrap_or_default();
        match rest.split_first() {
            None => return Ok(Some(span)),
            Some((word, after)) if word == "and" => rest = after,
            Some(_) => {}
        }
    }
    Ok(None)
}

fn amount(words: &[String]) -> Option<(i64, Unit, usize)> {
    let word = |index: usize| words.get(index).map(String::as_str);
    match (word(0)?, word(1)?) {
        ("half", "an") if word(2).and_then(unit) == Some(Unit::Hour) => Some((30, Unit::Minute, 3)),
        ("a" | "an" | "one", next) => unit(next).map(|unit| (1, unit, 2)),
        (first, next) => Some((number(first)?, unit(next)?, 2)),
    }
}

fn add(span: Span, unit: Unit, amount: i64) -> Option<Span> {
    match unit {
        Unit::Second => span.try_seconds(span.get_seconds().checked_add(amount)?),
        Unit::Minute => span.try_minutes(span.get_minutes().checked_add(amount)?),
        Unit::Hour => span.try_hours(i64::from(span.get_hours()).checked_add(amount)?),
        Unit::Day => span.try_days(i64::from(span.get_days()).checked_add(amount)?),
        Unit::Week => span.try_weeks(i64::from(span.get_weeks()).checked_add(amount)?),
        Unit::Month => span.try_months(i64::from(span.get_months()).checked_add(amount)?),
        Unit::Year => span.try_years(i64::from(span.get_years()).checked_add(amount)?),
    }
    .ok()
}

/// `1h30m` as `1 h 30 m`.
pub(super) fn digits_apart(word: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut in_digits = None;
    for c in word.chars() {
        match parts.last_mut() {
            Some(last) if in_digits == Some(c.is_ascii_digit()) => last.push(c),
            _ => parts.push(c.to_string()),
        }
        in_digits = Some(c.is_ascii_digit());
    }
    parts
}
