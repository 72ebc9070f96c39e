//! Where answers are kept: in this process, within a bound of bytes, the one that was unused for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flight::Asking;
use super::shared::Shared;
use crate::chat::Event;
use crate::clock::{Clock, Millis};
use crate::jobs::{Done, Embedded};

/// A single answer may take this share of the whole.
const LARGEST: usize = 8;
/// What an answer takes beside its text, roughly.
const OVERHEAD: usize = 512;
const MEBIBYTE: usize = 1024 * 1024;

/// The section `[cache]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is kept at most, in MiB.
    pub megabytes: usize,
    /// For how long, when neither the request nor the key says it.
    pub minutes: u64,
    /// Keys are given answers that were made for other keys.
    pub shared: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            megabytes: 64,
            minutes: 10,
            shared: false,
        }
    }
}

/// SHA-256 of a question and of who may have the answer.
pub(super) type Question = [u8; 32];

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Said(Arc<[Event]>),
    Vectors(Arc<Done<Embedded>>),
}

/// The answers of this process, and with others those of all.
pub struct Cache {
    clock: Arc<dyn Clock>,
    shared: Option<Arc<dyn Shared>>,
    shelf: Mutex<Shelf>,
    /// Questions that are being asked.
    pub(super) asking: Mutex<Asking>,
}

#[derive(Default)]
struct Shelf {
    config: Config,
    answers: HashMap<Question, Kept>,
    /// By their last use; the number only grows.
    by_use: BTreeMap<u64, Question>,
    uses: u64,
    bytes: usize,
}

struct Kept {
    answer: Answer,
    bytes: usize,
    until: Millis,
    used: u64,
}

impl Cache {
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            shared: None,
            shelf: Mutex::new(Shelf {
                config,
                ..Shelf::default()
            }),
            asking: Mutex::default(),
        }
    }

    /// The same cache, whose answers are kept for other replicas, too.
    #[must_use]
    pub fn with_shared(self, shared: Arc<dyn Shared>) -> Self {
        Self {
            shared: Some(shared),
            ..self
        }
    }

    /// Goes on with other settings. Answers that do not fit any more go at once; each keeps the time that it was kept for.
    pub fn configure(&self, config: Config) {
        let mut shelf = self.shelf();
        shelf.config = config;
        shelf.make_room();
    }

    pub(super) fn usual_time(&self) -> Duration {
        Duration::from_secs(self.shelf().config.minutes.saturating_mul(60))
    }

    pub(super) fn is_shared(&self) -> bool {
        self.shelf().config.shared
    }

    /// What may still be kept of an answer that takes this many bytes so far.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        bytes.saturating_add(OVERHEAD) <= self.shelf().most() / LARGEST
    }

    pub(super) fn find(&self, question: &Question) -> Option<Answer> {
        let now = self.clock.now();
        let mut shelf = self.shelf();
        let shelf = &mut *shelf;
        shelf.uses += 1;
        let kept = shelf.answers.get_mut(question)?;
        if kept.until <= now {
            shelf.remove(question);
            return None;
        }
        shelf.by_use.remove(&kept.used);
        kept.used = shelf.uses;
        shelf.by_use.insert(kept.used, *question);
        Some(kept.answer.clone())
    }

    /// What another replica keeps, which is kept here then, too.
    pub(super) async fn fetch(&self, question: &Question) -> Option<Answer> {
        let (written, left) = self.shared.as_ref()?.find(question).await?;
        // What another version wrote is as good as nothing.
        let answer: Answer = serde_json::from_slice(&written).ok()?;
        self.keep_here(*question, answer.clone(), written.len(), left);
        Some(answer)
    }

    pub(super) fn keep(&self, question: Question, answer: Answer, bytes: usize, time: Duration) {
        if !self.has_room_for(bytes) {
            return;
        }
        if let Some(shared) = &self.shared
            && let Ok(written) = serde_json::to_vec(&answer)
        {
            shared.keep(&question, written, time, self.shelf().most());
        }
        self.keep_here(question, answer, bytes, time);
    }

    fn keep_here(&self, question: Question, answer: Answer, bytes: usize, time: Duration) {
        if !self.has_room_for(bytes) {
            return;
        }
        let until = self.clock.now().plus(time);
        let mut shelf = self.shelf();
        shelf.remove(&question);
        shelf.uses += 1;
        let kept = Kept {
            answer,
            bytes: bytes.saturating_add(OVERHEAD),
            until,
            used: shelf.uses,
        };
        shelf.bytes += kept.bytes;
        shelf.by_use.insert(kept.used, question);
        shelf.answers.insert(question, kept);
        shelf.make_room();
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Bytes of all answers together.
    fn most(&self) -> usize {
        self.config.megabytes.saturating_mul(MEBIBYTE)
    }

    fn make_room(&mut self) {
        while self.bytes > self.most()
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, question: &Question) {
        if let Some(kept) = self.answers.remove(question) {
            self.by_use.remove(&kept.used);
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Fixed;

    fn cache(megabytes: usize) -> (Fixed, Cache) {
        let clock = Fixed::at(Millis(1_795_169_100_000));
        let config = Config {
            megabytes,
            ..Config::default()
        };
        (clock.clone(), Cache::new(config, Arc::new(clock)))
    }

    fn text(text: &str) -> Answer {
        Answer::Said([Event::Text(text.to_owned())].into())
    }

    fn found(cache: &Cache, question: u8) -> Option<Vec<Event>> {
        match cache.find(&[question; 32])? {
            Answer::Said(events) => Some(events.to_vec()),
            Answer::Vectors(_) => None,
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_time() {
        let (clock, cache) = cache(1);
        let minute = Duration::from_mins(1);
        cache.keep([1; 32], text("one"), 3, minute);
        cache.keep([1; 32], text("two"), 3, minute);
        clock.advance(minute.saturating_sub(Duration::from_millis(1)));
        assert_eq!(found(&cache, 1), Some(vec![Event::Text("two".to_owned())]));
        assert_eq!(found(&cache, 2), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(found(&cache, 1), None);
        let shelf = cache.shelf();
        assert_eq!((shelf.bytes, shelf.answers.len(), shelf.by_use.len()), (0, 0, 0));
    }

    #[test]
    fn what_was_unused_for_longest_goes_first() {
        let (_, cache) = cache(1);
        let tenth = MEBIBYTE / 10;
        let minute = Duration::from_mins(1);
        for number in 0..10 {
            cache.keep([number; 32], text("x"), tenth - OVERHEAD, minute);
        }
        assert!(cache.find(&[0; 32]).is_some());
        cache.keep([10; 32], text("x"), tenth - OVERHEAD, minute);
        let there: Vec<bool> = (0..=10).map(|number| cache.find(&[number; 32]).is_some()).collect();
        assert_eq!(
            there,
            [true, false, true, true, true, true, true, true, true, true, true]
        );
        assert!(cache.shelf().bytes <= MEBIBYTE);
        cache.keep([11; 32], text("x"), MEBIBYTE / LARGEST, minute);
        cache.configure(Config {
            megabytes: 0,
            ..Config::default()
        });
        assert!(cache.find(&[10; 32]).is_none());
        assert_eq!(cache.shelf().bytes, 0);
        assert!(
            cache.find(&[11; 32]).is_none(),
            "one answer does not push all others out"
        );
    }
}
