//! From what a person says to a rule. What can mean two things is an error that names them.

use jarvis_gateway::clock::Millis;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::rule::Rule;
use super::words::{length, split};
use super::{Unclear, local, moment, repeat, say};

pub(super) const FORMS: &str = "write it like `in 20 min`, `tomorrow 9:00`, `fri 18:00`, `2026-12-24 18:00`, `every 2h`, \
                                `daily 08:30`, `every monday at 9:00`, `monthly on the 1st at 9:00` or \
                                `cron 30 8 * * 1-5`";
/// What lies further ahead is more likely a slip than a wish.
const YEARS_AHEAD: i64 = 10;

/// Reads a time or a rule, as of `now` in `zone`.
pub(crate) fn read(text: &str, now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let words = split(text)?;
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let rest = words.get(1..).unwrap_or_default();
    let rule = match word(0) {
        "" => return Err(Unclear(format!("there is no time; {FORMS}"))),
        "cron" => Rule::cron(&raw(text).split_whitespace().skip(1).collect::<Vec<_>>().join(" "))?,
        _ if is_cron(&raw(text)) => Rule::cron(&raw(text))?,
        "in" => after(rest, now, zone)?,
        _ => match repeat::read(&words, now, zone) {
            Some(rule) => rule?,
            None => Rule::Once {
                at: exactly(text, zone).map_or_else(|| moment::read(&midnight(&words), now, zone), Ok)?,
            },
        },
    };
    check(rule, now, zone)
}

/// Without the quotes that a model may put around an expression. Commas belong to it.
fn raw(text: &str) -> String {
    text.replace(['`', '"', '\''], " ")
}

fn is_cron(text: &str) -> bool {
    let is_field = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "*/,-".contains(c));
    text.split_whitespace().count() == 5 && text.split_whitespace().all(is_field) && text.contains('*')
}

fn after(words: &[String], now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    let far = || Unclear("that is too far ahead".into());
    let Some(span) = length(words)? else {
        let words: String = words.join(" ").chars().take(40).collect();
        return Err(Unclear(format!(
            "`in {words}` was not understood; write it like `in 20 min` or `in 1h30m`"
        )));
    };
    let due = local(now, zone).checked_add(span).map_err(|_| far())?;
    // Whole seconds, so that what is said back is what is meant.
    let seconds = due.timestamp().as_second();
    Ok(Rule::Once {
        at: Millis(seconds.checked_mul(1000).ok_or_else(far)?),
    })
}

/// `2026-12-24T18:00:00Z`, or the same without an offset in the zone.
fn exactly(text: &str, zone: &TimeZone) -> Option<Millis> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.len() < 16 {
        return None;
    }
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let wall = text.parse::<DateTime>().ok()?;
        zone.to_ambiguous_timestamp(wall).compatible().ok()
    })?;
    Some(Millis(instant.as_millisecond()))
}

/// Alone it has one meaning: the next one.
fn midnight(words: &[String]) -> Vec<String> {
    let only: Vec<&String> = words.iter().filter(|word| *word != "at").collect();
    match only.as_slice() {
        [word] if *word == "midnight" => vec!["00:00".to_owned()],
        _ => words.to_vec(),
    }
}

fn check(rule: Rule, now: Millis, zone: &TimeZone) -> Result<Rule, Unclear> {
    if let Rule::Once { at } = &rule
        && *at <= now
    {
        return Err(Unclear(format!(
            "{} is in the past; it is {} now",
            say(*at, zone),
            say(now, zone)
        )));
    }
    let latest = local(now, zone).checked_add(YEARS_AHEAD.years());
    let latest = latest.map_or(Millis(i64::MAX), |at| Millis(at.timestamp().as_millisecond()));
    match rule.next(zone, now) {
        Some(due) if due <= latest => Ok(rule),
        Some(due) => Err(Unclear(format!(
            "{} is more than {YEARS_AHEAD} years ahead",
            say(due, zone)
        ))),
        None => Err(Unclear("that time never comes".into())),
    }
}
