//! One model on one backend: its facts, and getting it loaded.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::facts::{Ability, Facts, Warmth};
use super::hosts::Host;
use super::source::{Listed, Loaded};
use crate::chat::Finish;
use crate::clock::Millis;
use crate::provider::{Class, Error};

/// How long a model is taken to lack what it was refused for, unless its weights are replaced first.
const LACKS_FOR: Duration = Duration::from_hours(24);
/// A model that could not be loaded is not asked to load again before this.
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The answer to a question before choosing what to do about a cold model may be this old.
const FRESH: Duration = Duration::from_secs(2);

/// What is known about one model on one backend. The same for everybody who asks [`super::Health`] for it.
pub struct Model {
    name: Arc<str>,
    host: Weak<Host>,
    facts: RwLock<Arc<Facts>>,
    learned: Mutex<Learned>,
    load: Mutex<Load>,
}

#[derive(Default)]
struct Learned {
    lacks: Vec<(Ability, Millis)>,
}

type Told = watch::Receiver<Option<Result<(), Error>>>;

#[derive(Default)]
struct Load {
    under_way: Option<Told>,
    failed: Option<(Instant, Error)>,
}

impl Model {
    pub(super) fn new(name: Arc<str>, host: Weak<Host>) -> Self {
        Self {
            name,
            host,
            facts: RwLock::default(),
            learned: Mutex::default(),
            load: Mutex::default(),
        }
    }

    /// The model as the backend knows it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What is known now. Costs no more than a lock and a count.
    pub fn facts(&self) -> Arc<Facts> {
        self.facts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is loaded, asked of the server now unless that was done within the last 2 s. Takes up to 1 s, and
    /// that long only while something is being loaded.
    pub async fn warmth_now(&self) -> Warmth {
        if let Some(host) = self.host.upgrade() {
            host.look_within(FRESH).await;
        }
        self.facts().warmth
    }

    /// An answer ended well: it is loaded, and `finish` says how fast it is. `estimate` is what the prompt was
    /// estimated at before [`super::Rates::per_estimate`], in tokens.
    pub fn answered(&self, finish: &Finish, estimate: u32) {
        self.change(|facts| {
            let size = facts.size;
            facts.rates.learn(finish, estimate, size);
            // Servers that do not tell what is loaded are not said to be warm, because nobody would tell of the end.
            if matches!(facts.warmth, Warmth::Cold | Warmth::Loading) {
                facts.warmth = Warmth::Warm;
            }
        });
    }

    /// The server refused a request because the model lacks `ability`. Holds for a day, or until the weights change.
    pub fn refused(&self, ability: Ability) {
        let Some(host) = self.host.upgrade() else { return };
        let until = host.now().plus(LACKS_FOR);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.lacks.retain(|(known, _)| *known != ability);
        learned.lacks.push((ability, until));
        drop(learned);
        self.change(|facts| facts.lacks = facts.lacks.with(ability));
    }

    /// Loads the model as a request to it would, and waits for it. Whoever asks while it is being loaded waits for the
    /// same load, which goes on when the one who asked first leaves.
    pub async fn load(self: &Arc<Self>) -> Result<(), Error> {
        let mut told = self.begin_load()?;
        match told.wait_for(Option::is_some).await {
            Ok(result) => result.clone().unwrap_or(Ok(())),
            Err(_) => Err(Error::new(Class::Cancelled, "stopped while the model was being loaded")),
        }
    }

    /// Like [`Model::load`], in the background. What goes wrong is logged.
    pub fn load_soon(self: &Arc<Self>) {
        // Who wants no answer does not mind that a load has just failed.
        drop(self.begin_load());
    }

    /// Goes on with a request that nobody waits for any more, because the model is being loaded for it: an Ollama ends a
    /// load with the request that began it. `until` ends when the model is loaded.
    pub fn load_by(&self, until: impl Future<Output = ()> + Send + 'static) {
        let Some(host) = self.host.upgrade() else { return };
        let (tasks, budget) = (host.tasks().clone(), self.facts().load_budget());
        let stopping = tasks.stopping().clone();
        tasks.spawn("finish loading a model", async move {
            let loading = tokio::time::timeout(budget, until);
            if let Some(Err(_)) = stopping.run_until_cancelled(loading).await {
                tracing::debug!("a model was not loaded in time");
            }
        });
    }

    fn begin_load(self: &Arc<Self>) -> Result<Told, Error> {
        let Some(host) = self.host.upgrade() else {
            return Err(Error::new(Class::HostDown, "the backend is gone"));
        };
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = &load.under_way
            && told.borrow().is_none()
            && told.has_changed().is_ok()
        {
            return Ok(told.clone());
        }
        if let Some((at, error)) = &load.failed
            && at.elapsed() < LOAD_AGAIN_AFTER
        {
            return Err(error.clone());
        }
        let (tell, told) = watch::channel(None);
        load.under_way = Some(told.clone());
        load.failed = None;
        let model = Arc::clone(self);
        host.tasks().clone().spawn("load a model", async move {
            let stopping = host.tasks().stopping().clone();
            let result = stopping.run_until_cancelled(model.load_from(&host)).await;
            if let Some(result) = result {
                // Nobody may be waiting for it.
                drop(tell.send(Some(result)));
            }
        });
        Ok(told)
    }

    async fn load_from(&self, host: &Host) -> Result<(), Error> {
        let before = self.facts();
        if before.warmth != Warmth::Warm {
            self.change(|facts| facts.warmth = Warmth::Loading);
        }
        let started = Instant::now();
        let result = host.load(&self.name, before.load_budget()).await;
        match &result {
            Ok(()) => {
                let took = started.elapsed();
                tracing::info!(
                    backend.name = host.name(),
                    model.name = &*self.name,
                    "a model is loaded, after {:.1} s",
                    took.as_secs_f64()
                );
                self.change(|facts| {
                    facts.warmth = Warmth::Warm;
                    if before.warmth == Warmth::Cold {
                        let size = facts.size;
                        facts.rates.loaded(size, took);
                    }
                });
            }
            Err(error) => {
                tracing::warn!(
                    backend.name = host.name(),
                    model.name = &*self.name,
                    "a model could not be loaded: {error}"
                );
                self.change(|facts| facts.warmth = before.warmth);
                let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
                load.failed = Some((Instant::now(), error.clone()));
            }
        }
        result
    }

    /// The server's list of models, or what it has to say of this one.
    pub(super) fn listed(&self, listed: Option<&Listed>, now: Millis) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = match (listed.and_then(|listed| listed.digest.as_ref()), &self.facts().digest) {
            (Some(new), Some(old)) => new != old,
            (None, _) | (_, None) => false,
        };
        learned.lacks.retain(|(_, until)| !replaced && *until > now);
        let lacks = learned
            .lacks
            .iter()
            .fold(super::Capabilities::default(), |lacks, (ability, _)| {
                lacks.with(*ability)
            });
        drop(learned);
        self.change(|facts| {
            facts.lacks = lacks;
            facts.listed = Some(listed.is_some());
            let Some(listed) = listed else { return };
            if replaced {
                facts.rates = super::Rates::default();
                facts.capabilities = None;
            }
            facts.digest.clone_from(&listed.digest);
            facts.size = listed.size.or(facts.size);
            facts.capabilities = listed.capabilities.or(facts.capabilities);
            facts.context_max = listed.context_max.or(facts.context_max);
            facts.context_loaded = listed.context_loaded.or(facts.context_loaded);
            facts.dimensions = listed.dimensions.or(facts.dimensions);
            facts.card.clone_from(&listed.card);
        });
    }

    /// Whether it was in memory when the server was asked.
    pub(super) fn looked_at(&self, loaded: Option<&Loaded>) {
        self.change(|facts| match loaded {
            None => {
                facts.warmth = Warmth::Cold;
                facts.context_loaded = None;
            }
            Some(loaded) => {
                facts.warmth = if loaded.size_fast < loaded.size {
                    Warmth::WarmSlow
                } else {
                    Warmth::Warm
                };
                facts.context_loaded = loaded.context.or(facts.context_loaded);
            }
        });
    }

    pub(super) fn is(&self, warmth: Warmth) {
        if self.facts().warmth != warmth {
            self.change(|facts| facts.warmth = warmth);
        }
    }

    /// Another server is there now.
    pub(super) fn forget(&self) {
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = Learned::default();
        *self.load.lock().unwrap_or_else(PoisonError::into_inner) = Load::default();
        self.change(|facts| *facts = Facts::default());
    }

    /// For the tests of whoever reads facts.
    #[cfg(any(test, feature = "test-support"))]
    pub fn set(&self, facts: Facts) {
        self.change(|old| *old = facts);
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.facts.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut facts));
    }
}
