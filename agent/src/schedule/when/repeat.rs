//! What comes again, in words: `every 2h`, `daily 08:30`, `every monday and thursday at 9:00`, `monthly on the 1st at 9:00`.

use jarvis_gateway::clock::Millis;
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::rule::Rule;
use super::words::{Unit, day_of_month, digits_apart, month, number, time, unit, weekday};
use super::{Unclear, local};

/// Longer than a year is a date.
const LONGEST_SECONDS: u32 = 366 * 24 * 3600;

/// How often, before the time of the day is known.
enum Often {
    Days(u32),
    Weekdays(Vec<Weekday>),
    Weeks(u32, Weekday),
    /// A day of every month, 0 for the last.
    Month(i8),
    Year {
        month: i8,
        day: i8,
    },
}

/// `None` when the words do not begin like something that comes again.
pub(super) fn read(words: &[String], now: Millis, zone: &TimeZone) -> Option<Result<Rule, Unclear>> {
    let (first, rest) = words.split_first()?;
    Some(match first.as_str() {
        "every" | "each" => every(rest, now, zone),
        "hourly" if rest.is_empty() => Rule::cron("0 * * * *"),
        "daily" => at_time(&Often::Days(1), rest, now, zone),
        "weekdays" | "workdays" => at_time(&workdays(), rest, now, zone),
        "weekly" => weekly(1, rest, now, zone),
        "monthly" => monthly(rest, now, zone),
        "yearly" | "annually" => yearly(rest, now, zone),
        _ => return None,
    })
}

fn every(words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let apart: Vec<String> = match words.split_first() {
        Some((first, rest)) => digits_apart_of_count(first)
            .into_iter()
            .chain(rest.iter().cloned())
            .collect(),
        None => Vec::new(),
    };
    let (count, rest) = match apart.split_first() {
        Some((first, rest)) if number::<u32>(first).is_some() => (number(first).unwrap_or(0), rest),
        Some((first, rest)) if first == "other" => (2, rest),
        Some(_) | None => (1, apart.as_slice()),
    };
    let Some((word, rest)) = rest.split_first() else {
        return Err(Unclear(
            "`every` what? Write it like `every 2h` or `every monday at 9:00`".into(),
        ));
    };
    if count == 0 {
        return Err(Unclear("`every 0` is no rule".into()));
    }
    match unit(word) {
        Some(unit @ (Unit::Second | Unit::Minute | Unit::Hour)) if rest.is_empty() => elapsed(count, unit, now),
        Some(Unit::Second | Unit::Minute | Unit::Hour) => Err(Unclear(
            "`every` with minutes or hours begins now and takes no time of the day".into(),
        )),
        Some(Unit::Day) => at_time(&Often::Days(count), rest, now, zone),
        Some(Unit::Week) => weekly(count, rest, now, zone),
        Some(Unit::Month) if count == 1 => monthly(rest, now, zone),
        Some(Unit::Year) if count == 1 => yearly(rest, now, zone),
        Some(Unit::Month | Unit::Year) => Err(Unclear(
            "more than one month or year apart is written as cron: `cron 0 9 1 */3 *`".into(),
        )),
        None if count > 1 => Err(Unclear(format!(
            "`every {count}` what? Write it like `every 2 weeks on monday at 9:00`"
        ))),
        None if matches!(word.as_str(), "weekday" | "workday") => at_time(&workdays(), rest, now, zone),
        None if word == "weekend" => Err(Unclear(
            "`every weekend` can be saturday, sunday or both; write `every saturday at 9:00` or `every saturday and \
             sunday at 9:00`"
                .into(),
        )),
        None => {
            let (days, rest) = weekdays(&apart);
            if days.is_empty() {
                let word: String = word.chars().take(30).collect();
                return Err(Unclear(format!(
                    "`every {word}` was not understood; {}",
                    super::read::FORMS
                )));
            }
            at_time(&Often::Weekdays(days), rest, now, zone)
        }
    }
}

/// `20min` is a count and a unit; `1h30m` is several and stays whole, which no rule understands.
fn digits_apart_of_count(word: &str) -> Vec<String> {
    let parts = digits_apart(word);
    if parts.len() == 2 { parts } else { vec![word.to_owned()] }
}

fn elapsed(count: u32, unit: Unit, now: Millis) -> Result<Rule, Unclear> {
    let of_one = match unit {
        Unit::Minute => 60,
        Unit::Hour => 3600,
        Unit::Second | Unit::Day | Unit::Week | Unit::Month | Unit::Year => 1,
    };
    match count.checked_mul(of_one) {
        Some(seconds @ 60..=LONGEST_SECONDS) => Ok(Rule::Every {
            seconds,
            from: Millis(now.0.div_euclid(1000) * 1000),
        }),
        Some(0..60) => Err(Unclear("a job runs once a minute at most".into())),
        Some(_) | None => Err(Unclear("that is more than a year apart; write a date".into())),
    }
}

fn workdays() -> Often {
    Often::Weekdays(vec![
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ])
}

/// The weekdays at the front, with `and` between them.
fn weekdays(words: &[String]) -> (Vec<Weekday>, &[String]) {
    let mut days = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        match weekday(word) {
            Some(day) => days.push(day),
            None if word == "and" && !days.is_empty() => {}
            None => break,
        }
        rest = after;
    }
    (days, rest)
}

fn weekly(weeks: u32, words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let words = skip(words, &["on"]);
    let (days, rest) = weekdays(words);
    match (weeks, days.as_slice()) {
        (_, []) => Err(Unclear(
            "on which day of the week? Write it like `weekly on monday at 9:00`".into(),
        )),
        (1, _) => at_time(&Often::Weekdays(days), rest, now, zone),
        (_, [day]) => at_time(&Often::Weeks(weeks, *day), rest, now, zone),
        (_, _) => Err(Unclear(
            "several days with weeks between them are several jobs; write one".into(),
        )),
    }
}

fn monthly(words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let words = skip(skip(words, &["on"]), &["the"]);
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    if word(0) == "last" && word(1) == "day" {
        return at_time(&Often::Month(0), words.get(2..).unwrap_or_default(), now, zone);
    }
    match day_of_month(word(0)) {
        Some(day @ 29..) => Err(Unclear(format!(
            "not every month has a day {day}: write `monthly on the last day at 9:00`, or `cron 0 9 {day} * *` for only \
             those months that have it"
        ))),
        Some(day) => at_time(&Often::Month(day), words.get(1..).unwrap_or_default(), now, zone),
        None => Err(Unclear(
            "on which day of the month? Write it like `monthly on the 1st at 9:00`".into(),
        )),
    }
}

fn yearly(words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let words = skip(skip(words, &["on"]), &["the"]);
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let of = usize::from(word(1) == "of");
    let found = match (day_of_month(word(0)), month(word(1 + of))) {
        (Some(day), Some(month)) => Some((month, day, 2 + of)),
        _ => month(word(0))
            .zip(day_of_month(word(1)))
            .map(|(month, day)| (month, day, 2)),
    };
    let Some((month, day, taken)) = found else {
        return Err(Unclear("on which day? Write it like `yearly on 24 dec at 9:00`".into()));
    };
    at_time(
        &Often::Year { month, day },
        words.get(taken..).unwrap_or_default(),
        now,
        zone,
    )
}

fn skip<'a>(words: &'a [String], fillers: &[&str]) -> &'a [String] {
    match words.split_first() {
        Some((first, rest)) if fillers.contains(&first.as_str()) => rest,
        Some(_) | None => words,
    }
}

/// The time of the day that ends the rule.
fn at_time(often: &Often, words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let words = skip(words, &["at"]);
    let at = match words {
        [] => return Err(Unclear("at what time of the day? Add one, like `at 9:00`".into())),
        // As the time of a rule it has one meaning.
        [word] if word == "midnight" => Time::midnight(),
        words => match time(words)? {
            Some((at, taken)) if taken == words.len() => at,
            Some(_) | None => {
                let words: String = words.join(" ").chars().take(40).collect();
                return Err(Unclear(format!("`{words}` is no time of the day; write it like 9:00")));
            }
        },
    };
    let (minute, hour) = (at.minute(), at.hour());
    let today = local(now, zone).date();
    match often {
        Often::Days(every) if *every > 366 => Err(Unclear("that is more than a year apart; write a date".into())),
        Often::Days(every) => Ok(Rule::Days {
            every: *every,
            from: today,
            at,
        }),
        Often::Weeks(weeks, _) if *weeks > 52 => Err(Unclear("that is more than a year apart; write a date".into())),
        Often::Weeks(weeks, day) => Ok(Rule::Days {
            every: weeks * 7,
            from: first(*day, today).ok_or_else(|| Unclear("that is too far ahead".into()))?,
            at,
        }),
        Often::Weekdays(days) => {
            let mut numbers: Vec<i8> = days.iter().map(|day| day.to_sunday_zero_offset()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let numbers: Vec<String> = numbers.iter().map(i8::to_string).collect();
            Rule::cron(&format!("{minute} {hour} * * {}", numbers.join(",")))
        }
        Often::Month(0) => Rule::cron(&format!("{minute} {hour} L * *")),
        Often::Month(day) => Rule::cron(&format!("{minute} {hour} {day} * *")),
        Often::Year { month, day } => Rule::cron(&format!("{minute} {hour} {day} {month} *")),
    }
}

fn first(weekday: Weekday, today: Date) -> Option<Date> {
    today.series(1.day()).take(7).find(|date| date.weekday() == weekday)
}
