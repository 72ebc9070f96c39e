//! Asks every backend for signs of life, with and without traffic, and tells its breakers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::facts::Warmth;
use super::hosts::Host;
use super::together::{Report, Together};
use crate::breaker::{Board, Place, Troubles};
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

/// After a connection failed: a real outage or a hiccup?
const CONFIRM_AFTER: Duration = Duration::from_millis(250);
const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// While the backend is left alone, or the last question was not answered. A remote one that answered twice has to be
/// tried by a request, and is asked rarely until then.
const ALIVE_EVERY_WHEN_DOWN: Duration = Duration::from_secs(5);
const LIST_EVERY: Duration = Duration::from_mins(1);
/// While a model is missing that somebody asked for. A model that is pulled is used within 15 s.
const LIST_EVERY_WHEN_MISSING: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY_WHEN_LOADING: Duration = Duration::from_secs(3);
/// After a key was refused; doubled for every time that it was refused again soon after it had worked.
const KEY_EVERY: Duration = Duration::from_mins(1);
const KEY_EVERY_AT_MOST: Duration = Duration::from_mins(30);
/// No answer that never ends may hold up the next question for longer.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// What is asked of one backend.
pub struct Watch {
    pub host: Arc<Host>,
    pub board: Arc<Board>,
    /// A remote backend is asked nothing but whether it can be reached again, and whether a refused key is accepted.
    pub place: Place,
    /// Models that are loaded when the backend comes up, so that nobody has to wait for them.
    pub preload: Vec<String>,
    /// Other replicas that ask the same.
    pub together: Option<Arc<dyn Together>>,
}

/// When each question is due.
struct Plan {
    alive: Option<Instant>,
    list: Option<Instant>,
    look: Option<Instant>,
    key: Option<Instant>,
}

/// Asks in the background until the process stops or the guard is dropped.
#[must_use]
pub fn spawn(tasks: &Tasks, watch: Watch) -> DropGuard {
    let stopping = tasks.stopping().child_token();
    let guard = stopping.clone().drop_guard();
    tasks.spawn("probe a backend", async move {
        stopping.run_until_cancelled(watch.run()).await;
    });
    guard
}

impl Watch {
    async fn run(&self) {
        let is_local = self.place == Place::Local;
        let mut plan = Plan {
            alive: is_local.then(Instant::now),
            list: None,
            look: None,
            key: None,
        };
        let mut before = Troubles::default();
        let mut is_up = false;
        let mut answered = 0_u32;
        loop {
            // Listening starts before looking, so that what opens in between is not missed.
            let mut changed = std::pin::pin!(self.board.trouble());
            changed.as_mut().enable();
            self.board.tick(self.host.name());
            let troubles = self.board.troubles(self.host.name());
            plan.follow(&before, &troubles, is_local && is_up);
            if !is_local && !troubles.down {
                plan.alive = None;
            }
            before = troubles;
            let due = plan.next().unwrap_or_else(|| Instant::now() + ALIVE_EVERY);
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = changed => continue,
            }
            let now = Instant::now();
            if let Some(together) = self.together.as_ref()
                && !together.leads(self.host.name()).await
            {
                let report = together.reported(self.host.name()).await;
                is_up = self.learn(report, is_up);
                plan.follow_others(now, is_up && is_local);
                continue;
            }
            let mut came_up = false;
            if plan.alive.is_some_and(|at| at <= now) {
                let was_up = std::mem::replace(&mut is_up, self.alive(&before).await);
                answered = if is_up { answered + 1 } else { 0 };
                let pause = match (is_local, is_up && !before.down) {
                    (true, true) => ALIVE_EVERY,
                    (false, _) if answered >= 2 => LIST_EVERY,
                    (true, false) | (false, _) => ALIVE_EVERY_WHEN_DOWN,
                };
                plan.alive = Some(Instant::now() + spread(pause));
                if !is_up {
                    (plan.list, plan.look) = (None, None);
                } else if !was_up && is_local {
                    (plan.list, plan.look) = (Some(now), Some(now));
                    came_up = true;
                }
            }
            self.rounds(&mut plan, &before, now).await;
            if came_up {
                self.preload();
            }
            if let (Some(together), Some(report)) = (&self.together, self.host.report()) {
                together.report(self.host.name(), &report).await;
            }
        }
    }

    /// What another replica was told; whether the backend is up by that.
    fn learn(&self, report: Option<Report>, was_up: bool) -> bool {
        let Some(report) = report else { return was_up };
        let is_up = report.is_good();
        let before = self.known();
        if !self.host.learn(report) {
            return was_up;
        }
        let now = self.known();
        for (model, ..) in now.iter().filter(|known| !before.contains(known)) {
            self.board.announce(self.host.name(), model);
        }
        is_up
    }

    fn known(&self) -> Vec<(Arc<str>, Warmth, Option<bool>)> {
        let warmths = self.host.warmths().into_iter();
        let listings = self.host.listings();
        let listed = |name: &str| {
            listings
                .iter()
                .find(|(model, _)| **model == *name)
                .and_then(|(_, listed)| *listed)
        };
        warmths
            .map(|(model, warmth)| (Arc::clone(&model), warmth, listed(&model)))
            .collect()
    }

    /// The questions beside the first one.
    async fn rounds(&self, plan: &mut Plan, before: &Troubles, now: Instant) {
        if plan.list.is_some_and(|at| at <= now) {
            self.list(&before.missing).await;
            let pause = if before.missing.is_empty() {
                LIST_EVERY
            } else {
                LIST_EVERY_WHEN_MISSING
            };
            plan.list = Some(Instant::now() + spread(pause));
        }
        if plan.look.is_some_and(|at| at <= now) {
            self.look().await;
            let pause = if self.host.is_loading() {
                LOOK_EVERY_WHEN_LOADING
            } else {
                LOOK_EVERY
            };
            plan.look = Some(Instant::now() + spread(pause));
        }
        if plan.key.is_some_and(|at| at <= now) {
            if limited(self.host.ask_key()).await == Some(true) {
                self.board.key_works(self.host.name());
            }
            plan.key = before.key_refused.map(|times| Instant::now() + key_pause(times));
        }
    }

    async fn alive(&self, before: &Troubles) -> bool {
        let answer = limited(self.host.ask_alive()).await;
        let result = answer.unwrap_or_else(|| Err(Error::new(Class::HostDown, "the probe was not answered")));
        let opened_meanwhile = !before.down && self.board.troubles(self.host.name()).down;
        // What was asked before the failure says nothing about the time after it.
        if result.is_err() || !opened_meanwhile {
            self.board.probed(self.host.name(), result.as_ref().err());
        }
        result.is_ok()
    }

    async fn list(&self, missing: &[Arc<str>]) {
        let before = self.host.listings();
        let asked = limited(self.host.ask_models()).await;
        if !matches!(asked, Some(Ok(()))) {
            return;
        }
        for now in self.host.listings() {
            if !before.contains(&now) {
                self.board.announce(self.host.name(), &now.0);
            }
        }
        for model in missing {
            if let Some(has) = self.host.has(model) {
                self.board.listed(self.host.name(), model, has);
            }
        }
    }

    async fn look(&self) {
        let before = self.host.warmths();
        limited(self.host.look_within(Duration::ZERO)).await;
        for now in self.host.warmths() {
            if !before.contains(&now) {
                self.board.announce(self.host.name(), &now.0);
            }
        }
    }

    fn preload(&self) {
        for model in self.preload.iter().map(|name| self.host.model(name)) {
            if matches!(model.facts().warmth, Warmth::Cold | Warmth::Unknown) {
                model.load_soon();
            }
        }
    }
}

impl Plan {
    /// Moves questions forward that new trouble makes urgent, and drops those that make no sense any more.
    fn follow(&mut self, before: &Troubles, troubles: &Troubles, asks_more: bool) {
        let now = Instant::now();
        if troubles.down && !before.down {
            let confirm = now + CONFIRM_AFTER;
            self.alive = Some(self.alive.map_or(confirm, |at| at.min(confirm)));
        }
        if troubles.missing.len() > before.missing.len() && asks_more {
            let soon = now + LIST_EVERY_WHEN_MISSING;
            self.list = Some(self.list.map_or(soon, |at| at.min(soon)));
        }
        self.key = match (troubles.key_refused, self.key) {
            (None, _) => None,
            (Some(_), Some(at)) => Some(at),
            (Some(times), None) => Some(now + key_pause(times)),
        };
    }

    /// Another replica asks. What is due is due again in case that one ends.
    fn follow_others(&mut self, now: Instant, asks_more: bool) {
        let later = now + spread(ALIVE_EVERY_WHEN_DOWN);
        let due = [&mut self.alive, &mut self.list, &mut self.look, &mut self.key];
        for question in due {
            if question.is_some_and(|at| at <= now) {
                *question = Some(later);
            }
        }
        if asks_more {
            self.list.get_or_insert(later);
            self.look.get_or_insert(later);
        }
    }

    fn next(&self) -> Option<Instant> {
        [self.alive, self.list, self.look, self.key].into_iter().flatten().min()
    }
}

fn key_pause(times: u32) -> Duration {
    let doubled = KEY_EVERY.saturating_mul(1 << times.saturating_sub(1).min(8));
    spread(doubled.min(KEY_EVERY_AT_MOST))
}

fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..=1.1))
}

async fn limited<T>(question: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(QUESTION_LIMIT, question).await.ok()
}
