//! Counters in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;

use super::counters::{Counters, Kind, Over, Place, Room, Standing};
use super::window::Window;
use crate::caller::{Allowance, Key};
use crate::clock::{Clock, Millis};

/// Keys that are counted at once. Beyond it, those that ask for nothing at the moment are forgotten.
const MOST_KEYS: usize = 10_000;
/// A place that is taken may become free at any moment.
const SOON: Duration = Duration::from_secs(1);

/// Each process counts for itself.
pub struct InProcess {
    clock: Arc<dyn Clock>,
    counters: RwLock<HashMap<String, Arc<Mutex<Counter>>>>,
}

/// What one key did in the last minute, and does now.
#[derive(Debug, Default)]
struct Counter {
    requests: Option<Window>,
    tokens: Option<Window>,
    running: u32,
}

impl InProcess {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            counters: RwLock::default(),
        }
    }

    fn counter(&self, key: &str) -> Arc<Mutex<Counter>> {
        if let Some(counter) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(counter);
        }
        let now = self.clock.now();
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MOST_KEYS {
            counters.retain(|_, counter| Arc::strong_count(counter) > 1 || !lock(counter).is_idle(now));
        }
        Arc::clone(counters.entry(key.to_owned()).or_default())
    }
}

impl InProcess {
    /// [`Counters::enter`] without waiting.
    pub fn enter_now(&self, key: &Key, tokens: u32) -> Result<Place, Over> {
        lock(&self.counter(&key.id)).enter(&key.allowance, self.clock.now(), tokens)
    }

    /// Takes back that a request was let in at all: somebody else has refused it.
    pub fn undo(&self, key: &Key, place: &Place) {
        self.leave(key, place);
        let counter = self.counter(&key.id);
        let mut counter = lock(&counter);
        if let Some(window) = &mut counter.requests {
            window.take_back(place.requests_at, 1);
        }
    }
}

#[async_trait]
impl Counters for InProcess {
    async fn enter(&self, key: &Key, tokens: u32) -> Result<Place, Over> {
        self.enter_now(key, tokens)
    }

    fn leave(&self, key: &Key, place: &Place) {
        let counter = self.counter(&key.id);
        let mut counter = lock(&counter);
        counter.running = counter.running.saturating_sub(1);
        if let Some(window) = &mut counter.tokens {
            window.take_back(place.at, place.tokens);
        }
    }

    fn used(&self, key: &Key, tokens: u64) {
        let now = self.clock.now();
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        let counter = self.counter(&key.id);
        lock(&counter)
            .tokens
            .get_or_insert_with(|| Window::new(now))
            .add(now, tokens);
    }
}

impl Counter {
    /// Nothing is counted when one of the limits would be broken. The order is that of how long it takes until there is
    /// room again.
    fn enter(&mut self, allowance: &Allowance, now: Millis, tokens: u32) -> Result<Place, Over> {
        // What is larger than the whole limit is let in when nothing else was asked for a minute.
        let tokens = allowance.tokens_per_minute.map_or(0, |limit| tokens.min(limit));
        let asked = [
            (Kind::Tokens, allowance.tokens_per_minute, tokens),
            (Kind::Requests, allowance.requests_per_minute, 1),
        ];
        for (kind, limit, asked) in asked {
            let Some(limit) = limit else {
                continue;
            };
            let window = self.window(kind, now);
            let used = window.sum(now);
            let room = u64::from(limit).checked_sub(asked.into());
            if room.is_none_or(|room| used > room) {
                let wait = window.falls_to(now, room.unwrap_or(0));
                return Err(Over {
                    kind,
                    limit,
                    used,
                    asked,
                    retry_after: millis(wait),
                    standing: self.standing(allowance, now),
                });
            }
        }
        if let Some(limit) = allowance.concurrency
            && self.running >= limit
        {
            return Err(Over {
                kind: Kind::Concurrency,
                limit,
                used: self.running.into(),
                asked: 1,
                retry_after: SOON,
                standing: self.standing(allowance, now),
            });
        }
        self.running = self.running.saturating_add(1);
        let requests_at = match allowance.requests_per_minute {
            Some(_) => self.window(Kind::Requests, now).add(now, 1),
            None => 0,
        };
        let at = match allowance.tokens_per_minute {
            Some(_) => self.window(Kind::Tokens, now).add(now, tokens),
            None => 0,
        };
        Ok(Place {
            standing: self.standing(allowance, now),
            tokens,
            at,
            requests_at,
            ticket: 0,
            shared_at: 0,
        })
    }

    fn window(&mut self, kind: Kind, now: Millis) -> &mut Window {
        let window = match kind {
            Kind::Tokens => &mut self.tokens,
            Kind::Requests | Kind::Concurrency => &mut self.requests,
        };
        window.get_or_insert_with(|| Window::new(now))
    }

    fn standing(&mut self, allowance: &Allowance, now: Millis) -> Standing {
        let mut room = |limit: Option<u32>, kind: Kind| {
            let limit = limit?;
            let window = self.window(kind, now);
            let used = u32::try_from(window.sum(now)).unwrap_or(u32::MAX);
            Some(Room {
                limit,
                remaining: limit.saturating_sub(used),
                reset: millis(window.falls_to(now, 0)),
            })
        };
        Standing {
            requests: room(allowance.requests_per_minute, Kind::Requests),
            tokens: room(allowance.tokens_per_minute, Kind::Tokens),
        }
    }

    fn is_idle(&mut self, now: Millis) -> bool {
        let is_empty = |window: &mut Option<Window>| window.as_mut().is_none_or(|window| window.sum(now) == 0);
        self.running == 0 && is_empty(&mut self.requests) && is_empty(&mut self.tokens)
    }
}

fn millis(wait: i64) -> Duration {
    Duration::from_millis(u64::try_from(wait).unwrap_or(0))
}

fn lock(counter: &Mutex<Counter>) -> MutexGuard<'_, Counter> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Fixed;

    fn rig() -> (Fixed, InProcess) {
        let clock = Fixed::at(Millis(1_795_169_100_000));
        (clock.clone(), InProcess::new(Arc::new(clock)))
    }

    fn key(requests: Option<u32>, tokens: Option<u32>, concurrency: Option<u32>) -> Key {
        Key {
            id: "k1".to_owned(),
            allowance: Allowance {
                requests_per_minute: requests,
                tokens_per_minute: tokens,
                concurrency,
                ..Allowance::default()
            },
            ..Key::default()
        }
    }

    /// What it said no to, and the seconds after which it would say yes.
    async fn refused(counters: &InProcess, key: &Key, tokens: u32) -> (Kind, u64, f64) {
        let over = counters.enter(key, tokens).await.unwrap_err();
        (over.kind, over.used, over.retry_after.as_secs_f64())
    }

    #[tokio::test]
    async fn requests_of_a_minute() {
        let (clock, counters) = rig();
        let key = key(Some(2), None, None);
        let first = counters.enter(&key, 0).await.unwrap();
        let room = |remaining, seconds| {
            Some(Room {
                limit: 2,
                remaining,
                reset: Duration::from_secs(seconds),
            })
        };
        assert_eq!((first.standing.requests, first.standing.tokens), (room(1, 60), None));
        clock.advance(Duration::from_secs(20));
        assert_eq!(counters.enter(&key, 0).await.unwrap().standing.requests, room(0, 60));
        assert_eq!(refused(&counters, &key, 0).await, (Kind::Requests, 2, 40.0));
        // That a request is over makes no room, and that one was refused takes none.
        counters.leave(&key, &first);
        clock.advance(Duration::from_secs(40));
        counters.enter(&key, 0).await.unwrap();
        assert_eq!(refused(&counters, &key, 0).await, (Kind::Requests, 2, 20.0));
    }

    #[tokio::test]
    async fn tokens_are_set_aside_and_then_counted_as_they_were() {
        let (clock, counters) = rig();
        let key = key(None, Some(100), None);
        let place = counters.enter(&key, 60).await.unwrap();
        assert_eq!(refused(&counters, &key, 41).await, (Kind::Tokens, 60, 60.0));
        clock.advance(Duration::from_secs(10));
        counters.used(&key, 30);
        counters.leave(&key, &place);
        assert_eq!(refused(&counters, &key, 71).await, (Kind::Tokens, 30, 60.0));
        let place = counters.enter(&key, 70).await.unwrap();
        // It was more than anybody thought.
        counters.used(&key, 1000);
        counters.leave(&key, &place);
        assert_eq!(refused(&counters, &key, 1).await, (Kind::Tokens, 1030, 60.0));
        clock.advance(Duration::from_mins(1));
        // What is larger than the limit has to wait for an empty minute, and then is let in.
        assert_eq!(counters.enter(&key, 500).await.unwrap().tokens, 100);
    }

    #[tokio::test]
    async fn requests_at_the_same_time() {
        let (_, counters) = rig();
        let key = key(None, None, Some(2));
        let first = counters.enter(&key, 0).await.unwrap();
        counters.enter(&key, 0).await.unwrap();
        assert_eq!(refused(&counters, &key, 0).await, (Kind::Concurrency, 2, 1.0));
        counters.leave(&key, &first);
        counters.enter(&key, 0).await.unwrap();
    }

    #[tokio::test]
    async fn what_one_limit_refuses_is_not_counted_by_the_others() {
        let (_, counters) = rig();
        let key = key(Some(2), Some(100), Some(1));
        counters.enter(&key, 10).await.unwrap();
        for _ in 0..5 {
            assert_eq!(refused(&counters, &key, 10).await, (Kind::Concurrency, 1, 1.0));
        }
        let over = counters.enter(&key, 95).await.unwrap_err();
        let remaining = (
            over.standing.requests.unwrap().remaining,
            over.standing.tokens.unwrap().remaining,
        );
        assert_eq!((over.kind, remaining), (Kind::Tokens, (1, 90)));
    }

    #[tokio::test]
    async fn keys_do_not_share_and_idle_ones_are_forgotten() {
        let (clock, counters) = rig();
        let of = |id: String| Key {
            id,
            ..key(Some(1), None, None)
        };
        let busy = of("busy".to_owned());
        counters.enter(&busy, 0).await.unwrap();
        for number in 0..MOST_KEYS {
            let other = of(number.to_string());
            let place = counters.enter(&other, 0).await.unwrap();
            counters.leave(&other, &place);
        }
        assert_eq!(counters.counters.read().unwrap().len(), MOST_KEYS + 1);
        clock.advance(Duration::from_mins(1));
        counters.enter(&of("late".to_owned()), 0).await.unwrap();
        let mut left: Vec<String> = counters.counters.read().unwrap().keys().cloned().collect();
        left.sort_unstable();
        assert_eq!(left, ["busy", "late"]);
    }
}
