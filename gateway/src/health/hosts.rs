//! All backends and their models, and what their servers were asked last.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::facts::Warmth;
use super::model::Model;
use super::source::{Listed, Loaded, Source};
use super::together::Report;
use crate::clock::{Clock, Millis};
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

/// Keeps what is known for as long as the process runs, so that targets which are configured anew keep it.
pub struct Health {
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    hosts: RwLock<HashMap<Arc<str>, Arc<Host>>>,
}

/// One backend.
pub struct Host {
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    source: RwLock<Option<Arc<dyn Source>>>,
    vitals: RwLock<Arc<Vitals>>,
    listed: RwLock<Option<Arc<[Listed]>>>,
    in_memory: RwLock<Option<Arc<[Loaded]>>>,
    models: RwLock<HashMap<Arc<str>, Arc<Model>>>,
    /// When the server was last asked what is in memory. Held while it is asked, so that everybody who wants to know
    /// waits for the same answer.
    looked: Mutex<Option<Instant>>,
}

/// What the probes of a backend found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Vitals {
    pub version: Option<String>,
    pub last_probe: Option<Probed>,
}

/// How one probe went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probed {
    pub at: Millis,
    pub ok: bool,
    /// What was asked: `alive`, `models`, `loaded`, `key`.
    pub what: &'static str,
    /// Why not; empty when it went well.
    pub says: String,
}

impl Health {
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self {
            clock,
            tasks,
            hosts: RwLock::default(),
        }
    }

    /// The backend called `name`; the same one every time.
    pub fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let name: Arc<str> = name.into();
        let host = Arc::new(Host {
            name: Arc::clone(&name),
            clock: Arc::clone(&self.clock),
            tasks: self.tasks.clone(),
            source: RwLock::default(),
            vitals: RwLock::default(),
            listed: RwLock::default(),
            in_memory: RwLock::default(),
            models: RwLock::default(),
            looked: Mutex::default(),
        });
        hosts.insert(name, Arc::clone(&host));
        host
    }

    /// `model` on `backend`; the same one every time.
    pub fn model(&self, backend: &str, model: &str) -> Arc<Model> {
        self.host(backend).model(model)
    }
}

impl Host {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn vitals(&self) -> Arc<Vitals> {
        self.vitals.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the server has, as it said when it was last asked.
    pub fn listed(&self) -> Option<Arc<[Listed]>> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn model(self: &Arc<Self>, name: &str) -> Arc<Model> {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(name) {
            return Arc::clone(model);
        }
        let key: Arc<str> = name.into();
        let model = Arc::new(Model::new(Arc::clone(&key), Arc::downgrade(self)));
        if let (Some(source), Some(listed)) = (self.source(), self.listed()) {
            let known = listed.iter().find(|known| source.is_name(&known.name, name));
            model.listed(known, self.now());
        }
        let in_memory = self.in_memory.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(source), Some(loaded)) = (self.source(), in_memory) {
            model.looked_at(loaded.iter().find(|here| source.is_name(&here.name, name)));
        }
        models.insert(key, Arc::clone(&model));
        model
    }

    /// Sets whom to ask. What was known of a server at another address is forgotten.
    pub fn set_source(&self, source: Option<Arc<dyn Source>>) {
        let address = source.as_ref().map(|source| source.address());
        let before = std::mem::replace(
            &mut *self.source.write().unwrap_or_else(PoisonError::into_inner),
            source,
        );
        if before.map(|source| source.address()) == address {
            return;
        }
        *self.vitals.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.remember(None);
        for model in self.models() {
            model.forget();
        }
    }

    /// Asks whether the host answers.
    pub async fn ask_alive(&self) -> Result<(), Error> {
        let Some(source) = self.source() else { return Ok(()) };
        let answer = source.alive().await;
        self.note("alive", answer.as_ref().err());
        let version = answer?;
        if version.is_some() && self.vitals().version != version {
            self.change_vitals(|vitals| vitals.version = version);
        }
        Ok(())
    }

    /// Whether the server listed `model` when it was last asked; `None` when it could not be asked yet.
    pub fn has(&self, model: &str) -> Option<bool> {
        let source = self.source()?;
        let listed = self.listed()?;
        Some(listed.iter().any(|known| source.is_name(&known.name, model)))
    }

    /// Asks what the server has.
    pub async fn ask_models(&self) -> Result<(), Error> {
        let Some(source) = self.source() else { return Ok(()) };
        let answer = source.models().await;
        self.note("models", answer.as_ref().err());
        self.has_listed(&*source, answer?);
        Ok(())
    }

    fn has_listed(&self, source: &dyn Source, listed: Vec<Listed>) {
        let listed: Arc<[Listed]> = listed.into();
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&listed));
        let now = self.now();
        for model in self.models() {
            let known = listed.iter().find(|known| source.is_name(&known.name, model.name()));
            model.listed(known, now);
        }
    }

    /// Asks what is in memory, unless that was done within `age`.
    pub async fn look_within(&self, age: Duration) {
        let Some(source) = self.source() else { return };
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() <= age) {
            return;
        }
        let answer = source.loaded().await;
        *looked = Some(Instant::now());
        match answer {
            Ok(None) => {}
            Ok(Some(loaded)) => {
                self.note("loaded", None);
                self.has_loaded(&*source, loaded);
            }
            // A server that loads a model makes everybody wait, whichever model they want.
            Err(error) if error.class == Class::TtftTimeout => {
                self.note("loaded", Some(&error));
                self.remember(None);
                self.every_model_is(Warmth::Loading);
            }
            Err(error) => {
                self.note("loaded", Some(&error));
                self.remember(None);
                self.every_model_is(Warmth::Unknown);
            }
        }
    }

    fn has_loaded(&self, source: &dyn Source, loaded: Vec<Loaded>) {
        let loaded: Arc<[Loaded]> = loaded.into();
        self.remember(Some(Arc::clone(&loaded)));
        for model in self.models() {
            let here = loaded.iter().find(|here| source.is_name(&here.name, model.name()));
            model.looked_at(here);
        }
    }

    /// What the server said of itself, for replicas that do not ask it.
    pub(super) fn report(&self) -> Option<Report> {
        let source = self.source()?;
        let vitals = self.vitals();
        let in_memory = self.in_memory.read().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Report {
            address: source.address(),
            says: vitals
                .last_probe
                .as_ref()
                .map(|probe| probe.says.clone())
                .unwrap_or_default(),
            version: vitals.version.clone(),
            listed: self.listed().map(|listed| listed.to_vec()),
            loaded: in_memory.map(|loaded| loaded.to_vec()),
        })
    }

    /// Takes over what another replica was told, and says whether it was of use.
    pub(super) fn learn(&self, report: Report) -> bool {
        let Some(source) = self.source().filter(|source| source.address() == report.address) else {
            return false;
        };
        let failed = (!report.is_good()).then(|| Error::new(Class::HostDown, report.says.clone()));
        self.note("alive", failed.as_ref());
        self.change_vitals(|vitals| vitals.version = report.version.or(vitals.version.take()));
        if let Some(listed) = report.listed {
            self.has_listed(&*source, listed);
        }
        match report.loaded {
            Some(loaded) => self.has_loaded(&*source, loaded),
            None => self.every_model_is(Warmth::Unknown),
        }
        true
    }

    /// Whether the credential is accepted, where asking is free.
    pub async fn ask_key(&self) -> bool {
        let Some(source) = self.source() else { return false };
        let works = source.key_works().await;
        let refused = Error::new(Class::HardDown, "the key is not accepted");
        self.note("key", (!works).then_some(&refused));
        works
    }

    pub(super) async fn load(&self, model: &str, budget: Duration) -> Result<(), Error> {
        let Some(source) = self.source() else {
            return Err(Error::new(
                Class::Capability,
                "this server cannot be told to load a model",
            ));
        };
        match tokio::time::timeout(budget, source.load(model)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                Class::ColdSlow,
                format!("not loaded within {} s", budget.as_secs()),
            )),
        }
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Whether each model is loaded, as far as is known.
    pub(super) fn warmths(&self) -> Vec<(Arc<str>, Warmth)> {
        let models = self.models().into_iter();
        models
            .map(|model| (Arc::clone(model.name()), model.facts().warmth))
            .collect()
    }

    /// Whether each model was among what the server has, when it was last asked.
    pub(super) fn listings(&self) -> Vec<(Arc<str>, Option<bool>)> {
        let models = self.models().into_iter();
        models
            .map(|model| (Arc::clone(model.name()), model.facts().listed))
            .collect()
    }

    /// Whether something is being loaded, as far as is known.
    pub(super) fn is_loading(&self) -> bool {
        let models = self.models();
        models.iter().any(|model| model.facts().warmth == Warmth::Loading)
    }

    fn remember(&self, loaded: Option<Arc<[Loaded]>>) {
        *self.in_memory.write().unwrap_or_else(PoisonError::into_inner) = loaded;
    }

    fn every_model_is(&self, warmth: Warmth) {
        for model in self.models() {
            model.is(warmth);
        }
    }

    fn note(&self, what: &'static str, error: Option<&Error>) {
        let probed = Probed {
            at: self.now(),
            ok: error.is_none(),
            what,
            says: error.map(|error| error.message.clone()).unwrap_or_default(),
        };
        self.change_vitals(|vitals| vitals.last_probe = Some(probed));
    }

    fn change_vitals(&self, change: impl FnOnce(&mut Vitals)) {
        let mut vitals = self.vitals.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut vitals));
    }

    fn source(&self) -> Option<Arc<dyn Source>> {
        self.source.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn models(&self) -> Vec<Arc<Model>> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.values().cloned().collect()
    }
}
