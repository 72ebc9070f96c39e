//! `/jobs`, and reminders that need no model.

use jarvis_gateway::clock::Millis;
use jarvis_memory::jobs::{JobKind, Misfire};
use jiff::tz::TimeZone;

use super::desk::Change;
use super::view::{Reader, list};
use super::when;
use super::wish::{By, NotMade, Wish, make, read_back};
use crate::agent::Agent;
use crate::error::Error;
use crate::plain::{Asked, Plain};

/// What `/jobs` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobsWish {
    List,
    Change(Change, String),
}

/// Some moment, to tell a reminder from talk by whether its time can be read at all.
const ANY_TIME: Millis = Millis(1_795_168_000_000);

/// The words after `/jobs`.
pub(crate) fn jobs_wish(words: &[&str]) -> Option<JobsWish> {
    let id = |word: &str| word.trim_end_matches(['.', '!']).trim_matches('`').to_uppercase();
    let (change, word) = match words {
        [] => return Some(JobsWish::List),
        ["cancel" | "delete" | "remove", word] => (Change::Cancel, word),
        ["pause", word] => (Change::Pause, word),
        ["resume", word] => (Change::Resume, word),
        _ => return None,
    };
    let id = id(word);
    let fits = id.len() == 5 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(JobsWish::Change(change, id))
}

/// The words after `/reminder`: also those that cannot be read, to say why.
pub(crate) fn reminder(words: &[&str]) -> Option<Plain> {
    (words.len() >= 2).then(|| Plain::Remind(words.join(" ")))
}

/// The words after `remind`: a command when its time can be read, else talk for a model.
pub(crate) fn unmarked_reminder(words: &[&str]) -> Option<Plain> {
    let (first, rest) = words.split_first()?;
    let text = rest.join(" ");
    let fits = first.eq_ignore_ascii_case("me") && split(&text, ANY_TIME, &TimeZone::UTC).is_ok();
    fits.then_some(Plain::Remind(text))
}

/// When, and of what. Understands `in 20 min to …`, `tomorrow 9:00: …`, `to … in 20 min`, `of … on friday 18:00`.
fn split(text: &str, now: Millis, zone: &TimeZone) -> Result<(String, String), String> {
    let text = text.strip_prefix("me ").unwrap_or(text).trim();
    let is_time = |when: &str| when::read(when, now, zone).is_ok();
    let fronts = [" to ", ": ", " that ", " of ", " about "];
    for mark in fronts {
        if let Some((when, what)) = text.split_once(mark)
            && is_time(when)
            && !what.trim().is_empty()
        {
            return Ok((when.to_owned(), what.trim().to_owned()));
        }
    }
    // The time at the end: the longest end that is one.
    let what = ["to ", "of ", "that ", "about "]
        .iter()
        .find_map(|mark| text.strip_prefix(mark));
    if let Some(what) = what {
        let words: Vec<&str> = what.split_whitespace().collect();
        for at in 1..words.len() {
            let (text, when) = words.split_at(at);
            let when = when.join(" ");
            if is_time(&when) {
                return Ok((when, text.join(" ")));
            }
        }
    }
    let when = fronts
        .iter()
        .find_map(|mark| text.split_once(mark))
        .map_or(text, |(when, _)| when);
    match when::read(when, now, zone) {
        Err(unclear) => Err(unclear.to_string()),
        Ok(_) => Err("what should I remind you of? Say it like `/remind me in 20 min to turn the oven off`".to_owned()),
    }
}

impl Agent {
    pub(crate) async fn listed_or_changed(&self, asked: Asked<'_>, wish: JobsWish) -> Result<String, Error> {
        let JobsWish::Change(change, id) = wish else {
            let jobs = self.open_jobs(asked.principal).await?;
            let mut text = list(&jobs, Reader::Person);
            if !jobs.is_empty() {
                text += "\n\n`/jobs cancel ID` ends one, `/jobs pause ID` and `/jobs resume ID` hold it.";
            }
            return Ok(text);
        };
        match self.change_job(asked.principal, &id, change).await {
            Ok(view) => Ok(match change {
                Change::Cancel => format!("**{}** is cancelled.", view.id),
                Change::Pause => format!("**{}** is paused.", view.id),
                Change::Resume => format!("**{}** goes on; next {} ({}).", view.id, view.next, view.timezone),
            }),
            Err(Error::Store(error)) => Err(Error::Store(error)),
            Err(error) => Ok(format!("Not changed: {error}.")),
        }
    }

    /// A reminder in the person's own words, made without a model.
    pub(crate) async fn remind(&self, asked: Asked<'_>, text: &str) -> Result<String, Error> {
        let parts = self.parts();
        let now = parts.now();
        let (when, what) = match split(text, now, &parts.zone) {
            Ok(found) => found,
            Err(why) => return Ok(format!("No reminder was set: {why}.")),
        };
        let wish = Wish {
            kind: JobKind::Message,
            text: what,
            when,
            zone: None,
            misfire: Misfire::RunOnce,
            may_use: Vec::new(),
        };
        let by = By {
            person_id: asked.principal.person_id.clone(),
            conversation_id: asked.conversation_id.to_owned(),
            trust: asked.principal.trust,
            grounded: true,
            tainted: false,
        };
        match make(&parts.store, &parts.zone, now, wish, by).await {
            Ok(job) => Ok(read_back(&job, now)),
            Err(NotMade::Refused(why)) => Ok(format!("No reminder was set: {why}.")),
            Err(NotMade::Store(error)) => Err(Error::Store(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_is_a_time_and_a_text() {
        let check = |text: &str, when: &str, what: &str| {
            let expect = Ok((when.to_owned(), what.to_owned()));
            assert_eq!(split(text, ANY_TIME, &TimeZone::UTC), expect, "{text:?}");
        };
        check("me in 20 min to turn the oven off", "in 20 min", "turn the oven off");
        check("in 20 min to talk to Anna", "in 20 min", "talk to Anna");
        check("tomorrow 9:00: bins", "tomorrow 9:00", "bins");
        check(
            "every monday at 9:00 to water the plants",
            "every monday at 9:00",
            "water the plants",
        );
        check("to call the bank tomorrow at 9:00", "tomorrow at 9:00", "call the bank");
        check("to be on time on monday 18:00", "on monday 18:00", "be on time");
        check("of the meeting in 2h", "in 2h", "the meeting");
    }

    #[test]
    fn talk_is_no_reminder() {
        let read = |text: &str| unmarked_reminder(&text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            read("me in 20 min to go"),
            Some(Plain::Remind("in 20 min to go".into()))
        );
        assert_eq!(read("me how containers work"), None);
        assert_eq!(read("me tomorrow at 9 to go"), None, "a model asks which nine");
        assert_eq!(read("him in 20 min to go"), None);
        assert_eq!(read("me"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn jobs_are_changed_by_their_id_alone() {
        let check = |text: &str, expect: Option<JobsWish>| {
            assert_eq!(
                jobs_wish(&text.split_whitespace().collect::<Vec<_>>()),
                expect,
                "{text:?}"
            );
        };
        check("", Some(JobsWish::List));
        check("cancel k7qxa", Some(JobsWish::Change(Change::Cancel, "K7QXA".into())));
        check("pause `K7QXA`.", Some(JobsWish::Change(Change::Pause, "K7QXA".into())));
        check("resume K7QXA", Some(JobsWish::Change(Change::Resume, "K7QXA".into())));
        check("cancel", None);
        check("cancel all of them", None);
        check("cancel K7QX", None);
        check("cancel ../..", None);
    }
}
