//! One moment in words: `tomorrow 9:00`, `friday at 18:00`, `24 dec 2026 18:00`, `18:30`.

use jarvis_gateway::clock::Millis;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use super::words::{day_of_month, month, number, time, weekday};
use super::{Unclear, local, say};

/// A day as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// So many days from today.
    In(i32),
    Weekday(Weekday),
    /// Without a year it is the next one.
    Date {
        year: Option<i16>,
        month: i8,
        day: i8,
    },
}

/// A day and a time in any order. Every word has to be understood.
pub(super) fn read(words: &[String], now: Millis, zone: &TimeZone) -> Result<Millis, Unclear> {
    let today = local(now, zone);
    let (mut day, mut at) = (None, None);
    let mut rest = words;
    while let Some(word) = rest.first() {
        let taken = if matches!(word.as_str(), "on" | "at" | "the" | "of" | "this") {
            1
        } else if let Some((found, taken)) = read_day(rest, &today)? {
            once(&mut day, found, "day")?;
            taken
        } else if word == "midnight" {
            return Err(midnight());
        } else if let Some((found, taken)) = time(rest)? {
            once(&mut at, found, "time")?;
            taken
        } else {
            let word: String = word.chars().take(30).collect();
            return Err(Unclear(format!(
                "`{word}` was not understood as a part of a time; {}",
                super::read::FORMS
            )));
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    match (day, at) {
        (_, None) => Err(Unclear(
            "there is no time of the day; write one, like `tomorrow 9:00`".into(),
        )),
        (None, Some(at)) => next_time(at, &today),
        (Some(day), Some(at)) => on_day(day, at, &today),
    }
}

fn once<T>(place: &mut Option<T>, found: T, what: &str) -> Result<(), Unclear> {
    match place.replace(found) {
        None => Ok(()),
        Some(_) => Err(Unclear(format!("there is more than one {what}; write one"))),
    }
}

fn midnight() -> Unclear {
    Unclear("`midnight` can be the beginning or the end of that day; write 00:00 and the day that begins then".into())
}

/// A day at the front, and how many words it took.
fn read_day(words: &[String], today: &Zoned) -> Result<Option<(Day, usize)>, Unclear> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    Ok(Some(match word(0) {
        "today" | "tonight" => (Day::In(0), 1),
        "tomorrow" => (Day::In(1), 1),
        "next" => match weekday(word(1)) {
            Some(weekday) => return Err(next_weekday(weekday, today)),
            None => return Ok(None),
        },
        first => {
            if let Some(weekday) = weekday(first) {
                (Day::Weekday(weekday), 1)
            } else if let Some(day) = written_date(first)? {
                (day, 1)
            } else {
                return Ok(named_date(words));
            }
        }
    }))
}

fn next_weekday(weekday: Weekday, today: &Zoned) -> Unclear {
    let coming = coming(weekday, today.date(), 1);
    let after = coming.and_then(|date| date.checked_add(7.days()).ok());
    let readings: Vec<String> = coming.into_iter().chain(after).map(|date| date.to_string()).collect();
    Unclear(format!("`next {weekday:?}` can be {}; write the date", readings.join(" or ")).to_lowercase())
}

/// The weekday on `from` days after `date`, or the first one after that.
fn coming(weekday: Weekday, date: Date, from: i32) -> Option<Date> {
    let mut days = date.checked_add(from.days()).ok()?.series(1.day());
    days.by_ref().take(7).find(|date| date.weekday() == weekday)
}

/// `2026-12-24`, `24.12.2026`, `24.12.`, `12/24/2026`.
fn written_date(word: &str) -> Result<Option<Day>, Unclear> {
    if let Ok(date) = word.parse::<Date>()
        && word.len() == 10
    {
        return Ok(Some(exact(date)));
    }
    let split = |mark: char| -> Option<(i8, i8, Option<i16>)> {
        let mut parts = word.split(mark);
        let (first, second) = (number(parts.next()?)?, number(parts.next()?)?);
        let year = match parts.next() {
            None | Some("") => None,
            Some(year) => Some(number::<i16>(year).filter(|year| *year >= 1000)?),
        };
        parts.next().is_none().then_some((first, second, year))
    };
    if let Some((day, month, year)) = split('.').filter(|_| word.matches('.').count() == 2) {
        return Ok(Some(Day::Date { year, month, day }));
    }
    match split('/') {
        None => Ok(None),
        Some((first, second, _)) if first <= 12 && second <= 12 && first != second => Err(Unclear(format!(
            "`{word}` can be the day {first} of month {second} or the day {second} of month {first}; write it like \
             2026-12-24"
        ))),
        Some((first, second, year)) if second > 12 => Ok(Some(Day::Date {
            year,
            month: first,
            day: second,
        })),
        Some((day, month, year)) => Ok(Some(Day::Date { year, month, day })),
    }
}

/// `24 dec`, `dec 24th 2026`, `24th of december`.
fn named_date(words: &[String]) -> Option<(Day, usize)> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let of = usize::from(word(1) == "of");
    let (month, day, taken) = match (day_of_month(word(0)), month(word(1 + of))) {
        (Some(day), Some(month)) => (month, day, 2 + of),
        _ => (month(word(0))?, day_of_month(word(1))?, 2),
    };
    let year = number::<i16>(word(taken)).filter(|year| (1000..=9999).contains(year));
    let taken = taken + usize::from(year.is_some());
    Some((Day::Date { year, month, day }, taken))
}

fn exact(date: Date) -> Day {
    Day::Date {
        year: Some(date.year()),
        month: date.month(),
        day: date.day(),
    }
}

/// Today when it is still to come, else tomorrow.
fn next_time(at: Time, now: &Zoned) -> Result<Millis, Unclear> {
    let today = instant(now.date(), at, now)?;
    if today > millis(now) {
        return Ok(today);
    }
    instant(now.date().tomorrow().map_err(too_far)?, at, now)
}

fn on_day(day: Day, at: Time, now: &Zoned) -> Result<Millis, Unclear> {
    let due = match day {
        Day::In(days) => instant(now.date().checked_add(days.days()).map_err(too_far)?, at, now)?,
        Day::Weekday(weekday) => return on_weekday(weekday, at, now),
        Day::Date {
            year: Some(year),
            month,
            day,
        } => {
            let no_day = |_| Unclear(format!("there is no {year:04}-{month:02}-{day:02}"));
            instant(Date::new(year, month, day).map_err(no_day)?, at, now)?
        }
        Day::Date { year: None, month, day } => {
            // From one 29 February to the next are at most eight years.
            let dates = (0..=8).filter_map(|years| Date::new(now.year().checked_add(years)?, month, day).ok());
            let due = dates
                .map(|date| instant(date, at, now))
                .find(|due| !matches!(due, Ok(due) if *due <= millis(now)));
            due.unwrap_or_else(|| Err(Unclear(format!("month {month} has no day {day}"))))?
        }
    };
    if due > millis(now) {
        return Ok(due);
    }
    Err(Unclear(format!(
        "{} is in the past; it is {} now",
        say(due, now.time_zone()),
        say(millis(now), now.time_zone())
    )))
}

fn on_weekday(weekday: Weekday, at: Time, now: &Zoned) -> Result<Millis, Unclear> {
    let far = || Unclear("that is too far ahead".into());
    let first = coming(weekday, now.date(), 0).ok_or_else(far)?;
    let due = instant(first, at, now)?;
    let later = instant(first.checked_add(7.days()).map_err(too_far)?, at, now)?;
    if due <= millis(now) {
        return Ok(later);
    }
    if first != now.date() {
        return Ok(due);
    }
    let zone = now.time_zone();
    Err(Unclear(format!(
        "today is that weekday: it can be {} or {}; write `today` or the date",
        say(due, zone),
        say(later, zone)
    )))
}

/// A time that the clocks leave out is as much later; one that they show twice is the first.
fn instant(date: Date, at: Time, now: &Zoned) -> Result<Millis, Unclear> {
    let wall = DateTime::from_parts(date, at);
    let due = now
        .time_zone()
        .to_ambiguous_timestamp(wall)
        .compatible()
        .map_err(too_far)?;
    Ok(Millis(due.as_millisecond()))
}

fn millis(at: &Zoned) -> Millis {
    Millis(at.timestamp().as_millisecond())
}

fn too_far(_: jiff::Error) -> Unclear {
    Unclear("that is too far ahead".into())
}
