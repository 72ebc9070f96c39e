//! From what somebody wants to a job.

use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::jobs::{Job, JobKind, JobStatus, Misfire};
use jarvis_tools::risk::Trust;
use jiff::tz::TimeZone;
use rand::RngExt;
use serde_json::Value;

use super::view::upcoming;
use super::when::{self, Rule, say};
use crate::quarantine;

/// Jobs that one person may have open. More than this is a program that makes jobs.
const OPEN_JOBS: i64 = 200;
/// The same below operator, where others read along.
const OPEN_JOBS_OF_MEMBERS: i64 = 20;
/// Below operator a reminder comes again at most this often, so that nobody floods a room with one.
const MEMBERS_GAP_SECONDS: u64 = 3600;
pub(super) const TEXT_CHARS: usize = 2_000;
/// A prompt asks a model, which costs time and money, also when nobody looks.
const PROMPT_GAP_SECONDS: u64 = 300;
/// Letters and digits that are not taken for one another. Five of them, so that no job is taken for a card, which has four.
const ALPHABET: &[u8] = b"ACDEFGHJKMNPQRTUVWXYZ34679";
const ID_TRIES: usize = 5;

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) kind: JobKind,
    pub(super) text: String,
    /// In words.
    pub(super) when: String,
    /// IANA name; without it the configured zone.
    pub(super) zone: Option<String>,
    pub(super) misfire: Misfire,
    pub(super) may_use: Vec<String>,
}

/// Who wants it, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct By {
    pub(super) person_id: String,
    pub(super) conversation_id: String,
    pub(super) trust: Trust,
    pub(super) grounded: bool,
    pub(super) tainted: bool,
}

/// A wish that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Understood {
    pub(super) rule: Rule,
    pub(super) zone: TimeZone,
    pub(super) zone_name: String,
    pub(super) next: Vec<Millis>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum NotMade {
    /// A sentence for people and models.
    #[error("{0}")]
    Refused(String),
    #[error("the database does not answer, so nothing was set")]
    Store(#[from] jarvis_memory::Error),
}

fn refused(why: impl Into<String>) -> NotMade {
    NotMade::Refused(why.into())
}

/// Reads a wish without keeping it.
pub(super) fn understand(wish: &Wish, default: &TimeZone, now: Millis) -> Result<Understood, NotMade> {
    let text = wish.text.trim();
    if text.is_empty() {
        return Err(refused("there is no text"));
    }
    if text.chars().count() > TEXT_CHARS {
        return Err(refused(format!(
            "the text of a job has at most {TEXT_CHARS} characters"
        )));
    }
    if wish.kind == JobKind::Message && !wish.may_use.is_empty() {
        return Err(refused("a message only says its text; `may_use` is for prompts"));
    }
    let zone = match &wish.zone {
        Some(name) => when::zone(name).map_err(|unclear| refused(unclear.0))?,
        None => default.clone(),
    };
    let rule = when::read(&wish.when, now, &zone).map_err(|unclear| refused(unclear.0))?;
    let next = rule.upcoming(&zone, now, 3);
    if wish.kind == JobKind::Prompt && comes_within(&next, PROMPT_GAP_SECONDS) {
        return Err(refused("a prompt asks a model, so it runs at most every 5 minutes"));
    }
    Ok(Understood {
        zone_name: when::name(&zone).to_owned(),
        rule,
        zone,
        next,
    })
}

fn comes_within(next: &[Millis], seconds: u64) -> bool {
    let mut gaps = next.iter().zip(next.iter().skip(1));
    gaps.any(|(one, other)| other.since(*one).as_secs() < seconds)
}

/// Makes the job.
pub(super) async fn make(store: &Store, default: &TimeZone, now: Millis, wish: Wish, by: By) -> Result<Job, NotMade> {
    let understood = understand(&wish, default, now)?;
    let is_operator = by.trust >= Trust::Operator;
    if !is_operator && comes_within(&understood.next, MEMBERS_GAP_SECONDS) {
        return Err(refused("your reminders come again at most once an hour"));
    }
    let limit = if is_operator { OPEN_JOBS } else { OPEN_JOBS_OF_MEMBERS };
    let rule = serde_json::to_value(&understood.rule).unwrap_or(Value::Null);
    let mut job = Job {
        id: String::new(),
        person_id: by.person_id,
        conversation_id: Some(by.conversation_id),
        kind: wish.kind,
        text: wish.text.trim().to_owned(),
        rule,
        zone: understood.zone_name,
        misfire: wish.misfire,
        may_use: wish.may_use,
        grounded: by.grounded,
        tainted: by.tainted,
        max_trust: by.trust.min(Trust::Operator).level(),
        status: JobStatus::Active,
        next_due: understood.next.first().copied(),
        failures: 0,
        created_at: now,
    };
    for _ in 0..ID_TRIES {
        job.id = short_id();
        if store.create_job(&job, limit).await? {
            return Ok(job);
        }
        if store.job(&job.id).await?.is_none() {
            return Err(refused(format!(
                "there are {limit} open jobs already; cancel one first"
            )));
        }
    }
    Err(refused("no free name for the job was found; try again"))
}

fn short_id() -> String {
    let mut rng = rand::rng();
    (0..5)
        .map(|_| {
            ALPHABET
                .get(rng.random_range(0..ALPHABET.len()))
                .copied()
                .map_or('A', char::from)
        })
        .collect()
}

/// What was understood, for the one who asked: `**K7QXA** is set: tea. Once, Fri 2026-11-20 10:20 (Europe/Berlin).`
pub(super) fn read_back(job: &Job, now: Millis) -> String {
    let Some((rule, zone)) = rule_of(job) else {
        return format!("**{}** is set.", job.id);
    };
    let what = match job.kind {
        JobKind::Message => "reminder",
        JobKind::Prompt => "prompt",
    };
    let mut text = format!(
        "**{}** is set, a {what}: {}\n",
        job.id,
        quarantine::line(&job.text, 200)
    );
    text += &format!("When: {} ({}).", rule.words(&zone), job.zone);
    if !rule.is_once() {
        text += &format!(" Next: {}.", upcoming(&rule, &zone, now));
    }
    if !job.may_use.is_empty() {
        text += &format!(" It may act with: {}.", job.may_use.join(", "));
    }
    if job.misfire == Misfire::Skip {
        text += " A time that passes while Jarvis is not running is skipped.";
    }
    text
}

/// `None` when the row holds a rule or a zone that this program does not know.
pub(super) fn rule_of(job: &Job) -> Option<(Rule, TimeZone)> {
    let rule = serde_json::from_value(job.rule.clone()).ok()?;
    Some((rule, when::zone(&job.zone).ok()?))
}

/// The next time in words, for lists: `Sat 2026-11-21 09:00`.
pub(super) fn next_words(job: &Job) -> String {
    match (job.next_due, rule_of(job)) {
        (Some(due), Some((_, zone))) => say(due, &zone),
        (_, None) => "unreadable".to_owned(),
        (None, _) => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn members_remind_themselves_less_often() {
        let store = Store::temporary().await.unwrap();
        let person = jarvis_memory::records::Person {
            id: "anna".into(),
            display: "Anna".into(),
            trust: 1,
        };
        store.put_person(&person).await.unwrap();
        let room = jarvis_memory::records::Room {
            id: "r".into(),
            platform: "local".into(),
            external_id: "home".into(),
            ceiling: 4,
            public: false,
            server_id: None,
            direct: false,
        };
        let room = store.room(&room).await.unwrap();
        let conversation = jarvis_memory::records::Conversation {
            id: "c".into(),
            room_id: room.id,
            title: String::new(),
            created_at: Millis(0),
            updated_at: Millis(0),
        };
        store.create_conversation(&conversation).await.unwrap();
        let make = async |when: &str, trust: Trust| {
            let wish = Wish {
                kind: JobKind::Message,
                text: "tea".into(),
                when: when.into(),
                zone: None,
                misfire: Misfire::RunOnce,
                may_use: Vec::new(),
            };
            let by = By {
                person_id: "anna".into(),
                conversation_id: "c".into(),
                trust,
                grounded: true,
                tainted: false,
            };
            let made = make(&store, &TimeZone::UTC, Millis(0), wish, by).await;
            made.map(|job| job.max_trust).map_err(|error| error.to_string())
        };
        let once_an_hour = Err("your reminders come again at most once an hour".to_owned());
        assert_eq!(make("every 59 min", Trust::Member).await, once_an_hour);
        assert_eq!(make("every 60 min", Trust::Member).await, Ok(1));
        assert_eq!(
            make("every 1 min", Trust::Owner).await,
            Ok(3),
            "an operator's trust is the most"
        );
        for _ in 2..20 {
            assert_eq!(make("in 1 h", Trust::Member).await, Ok(1));
        }
        let full = "there are 20 open jobs already; cancel one first".to_owned();
        assert_eq!(make("in 1 h", Trust::Member).await, Err(full));
    }
}
