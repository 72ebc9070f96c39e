//! The table of names.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;
use tokio_util::sync::DropGuard;

use super::near::near;
use crate::breaker::{self, Board, Key, Snapshot};
use crate::caller::Caller;
use crate::chain::{Chain, HostClass, Limits, Manner, Settings, Surroundings, Target};
use crate::clock::{Clock, Millis};
use crate::health::prober::{self, Watch};
use crate::health::{Health, Source, Together};
use crate::provider::Provider;
use crate::tasks::Tasks;
use crate::usage::Observer;

/// A model server, or a service that hosts models.
#[derive(Clone)]
pub struct Backend {
    pub name: String,
    /// The protocol it is spoken to in, for display: `ollama`, `openai`.
    pub kind: &'static str,
    pub class: HostClass,
    pub provider: Arc<dyn Provider>,
    pub limits: Limits,
    /// What is configured of its models, by model.
    pub settings: HashMap<String, Settings>,
    /// Models that may be asked for as `backend/model`, beyond those that aliases name.
    pub models: Vec<String>,
    /// How to ask it about itself for free. Only local backends are asked without a reason.
    pub source: Option<Arc<dyn Source>>,
    /// Models that are loaded when it comes up.
    pub preload: Vec<String>,
}

/// One link of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    pub backend: String,
    /// The model as the backend knows it.
    pub model: String,
}

/// A name that may be asked for, as `GET /v1/models` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub id: String,
    /// `jarvis` for what the program registers and for aliases, else the backend.
    pub owned_by: String,
    pub created: Millis,
}

/// There is no model of that name, or none that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model `{name}` does not exist or you do not have access to it{}", self.hint())]
pub struct Unknown {
    pub name: String,
    /// Names that were perhaps meant, best first.
    pub near: Vec<String>,
}

pub struct Registry {
    pub(super) board: Arc<Board>,
    pub(super) health: Arc<Health>,
    tasks: Tasks,
    created: Millis,
    surroundings: Arc<Surroundings>,
    together: Option<Arc<dyn Together>>,
    table: RwLock<Table>,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) backends: HashMap<String, (Backend, Option<DropGuard>)>,
    /// In the order in which they were set, which is the order of display.
    pub(super) aliases: Vec<Alias>,
    registered: BTreeMap<String, Arc<dyn Provider>>,
    /// Kept while their backend stays as it is, with what they know of their model being loaded.
    targets: HashMap<Link, Arc<Target>>,
    /// Everything that can be asked for, by name. Made from the rest.
    names: BTreeMap<String, Name>,
}

pub(super) struct Alias {
    pub(super) name: String,
    links: Vec<Link>,
    pub(super) chain: Chain,
}

struct Name {
    provider: Arc<dyn Provider>,
    /// What `provider` is, unless the program registered it.
    chain: Option<Chain>,
    owned_by: String,
}

impl Registry {
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self {
            created: clock.now(),
            health: Arc::new(Health::new(Arc::clone(&clock), tasks.clone())),
            board: Arc::new(Board::new(clock)),
            tasks,
            surroundings: Arc::default(),
            together: None,
            table: RwLock::default(),
        }
    }

    /// The same registry, whose chains tell these observers and ask this purse. Set before anything else.
    #[must_use]
    pub fn with_surroundings(self, surroundings: Surroundings) -> Self {
        Self {
            surroundings: Arc::new(surroundings),
            ..self
        }
    }

    /// The same registry, which learns about backends together with other replicas. Set before any backend.
    #[must_use]
    pub fn with_replicas(self, breakers: Arc<dyn breaker::Replicas>, together: Arc<dyn Together>) -> Self {
        self.board.share(breakers, &self.tasks);
        Self {
            together: Some(together),
            ..self
        }
    }

    /// Whether breakers are shared with other replicas now; `None` when they are not meant to be.
    pub fn is_shared(&self) -> Option<bool> {
        self.board.is_shared()
    }

    /// Adds a backend, or puts another in the place of the one of the same name. Links of aliases that name it come
    /// to life with it.
    pub fn set_backend(&self, backend: Backend) {
        let host = self.health.host(&backend.name);
        host.set_source(backend.source.clone());
        let prober = backend.source.is_some().then(|| {
            let watch = Watch {
                host,
                board: Arc::clone(&self.board),
                place: backend.class.place(),
                preload: backend.preload.clone(),
                together: self.together.clone(),
            };
            prober::spawn(&self.tasks, watch)
        });
        self.change(|table| {
            table.targets.retain(|link, _| link.backend != backend.name);
            table.backends.insert(backend.name.clone(), (backend, prober));
        });
    }

    /// The names of all backends.
    pub fn backends(&self) -> Vec<String> {
        self.read().backends.keys().cloned().collect()
    }

    /// Takes a backend away. Requests that it is answering go on, and its breakers keep what they know.
    pub fn remove_backend(&self, name: &str) {
        self.health.host(name).set_source(None);
        self.change(|table| {
            table.targets.retain(|link, _| link.backend != name);
            table.backends.remove(name);
        });
    }

    /// Takes an alias away. Whoever holds its chain is left with an empty one.
    pub fn remove_alias(&self, name: &str) {
        self.change(|table| {
            let removed = table.aliases.extract_if(.., |alias| alias.name == name);
            for alias in removed {
                alias.chain.replace(Vec::new());
            }
        });
    }

    /// Sets what an alias stands for. A link to a backend that is not known (yet) is passed over.
    pub fn set_alias(&self, name: &str, links: Vec<Link>) {
        self.change(|table| table.alias(name, &self.surroundings).links = links);
    }

    /// Sets how an alias treats its requests. Without it the defaults hold.
    pub fn set_manner(&self, name: &str, manner: Manner) {
        self.change(|table| table.alias(name, &self.surroundings).chain.set_manner(manner));
    }

    /// Makes `provider` a model of its own. It wins over an alias of the same name.
    pub fn register(&self, name: &str, provider: Arc<dyn Provider>) {
        self.change(|table| {
            table.registered.insert(name.to_owned(), provider);
        });
    }

    /// Forgets what was learned about a backend: its key was changed, or a person says it works again.
    pub fn reset(&self, backend: &str) {
        self.board.reset(backend);
    }

    /// The protocol of a backend, and what kind of machine it is.
    pub fn backend(&self, name: &str) -> Option<(&'static str, HostClass)> {
        let table = self.read();
        let (backend, _) = table.backends.get(name)?;
        Some((backend.kind, backend.class))
    }

    /// Who hears of every attempt.
    pub fn observers(&self) -> &[Arc<dyn Observer>] {
        &self.surroundings.observers
    }

    /// What is known of backends and models.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Who answers to `name`. What the caller may not use does not exist for it.
    pub fn find(&self, caller: &Caller, name: &str) -> Result<Arc<dyn Provider>, Unknown> {
        let table = self.read();
        match table.names.get(name) {
            Some(found) if caller.may_use(name) => Ok(found.provider.clone()),
            Some(_) | None => Err(table.unknown(caller, name)),
        }
    }

    /// The chain behind `name`, for work other than chat; `None` for a model that the program itself registered, which
    /// only chats.
    pub fn chain_of(&self, caller: &Caller, name: &str) -> Result<Option<Chain>, Unknown> {
        let table = self.read();
        match table.names.get(name) {
            Some(found) if caller.may_use(name) => Ok(found.chain.clone()),
            Some(_) | None => Err(table.unknown(caller, name)),
        }
    }

    /// Whether every target behind `name` is spoken to in the protocol `kind`.
    pub fn all_of_kind(&self, name: &str, kind: &str) -> bool {
        let table = self.read();
        let is_kind = |backend: &str| {
            table
                .backends
                .get(backend)
                .is_some_and(|(backend, _)| backend.kind == kind)
        };
        if table.registered.contains_key(name) {
            return false;
        }
        match table.aliases.iter().find(|alias| alias.name == name) {
            Some(alias) => alias.chain.targets().iter().all(|target| is_kind(target.backend())),
            None => table.names.get(name).is_some_and(|name| is_kind(&name.owned_by)),
        }
    }

    /// The chain of an alias. It follows later changes of the alias.
    pub fn chain(&self, alias: &str) -> Option<Chain> {
        let table = self.read();
        let alias = table.aliases.iter().find(|candidate| candidate.name == alias)?;
        Some(alias.chain.clone())
    }

    /// Every name that `caller` may ask for: registered models, then aliases, then single targets.
    pub fn models(&self, caller: &Caller) -> Vec<Model> {
        let table = self.read();
        let mut models: Vec<Model> = table
            .names
            .iter()
            .filter(|(id, _)| caller.may_use(id))
            .map(|(id, name)| Model {
                id: id.clone(),
                owned_by: name.owned_by.clone(),
                created: self.created,
            })
            .collect();
        models.sort_by_key(|model| {
            let rank = match &model.id {
                id if table.registered.contains_key(id) => 0,
                id if table.aliases.iter().any(|alias| alias.name == *id) => 1,
                _ => 2,
            };
            (rank, model.id.clone())
        });
        models
    }

    /// Tells which breaker changed, from now on; [`Registry::changed`] says what that means. Whoever lags behind reads
    /// [`Registry::targets`] again.
    pub fn changes(&self) -> broadcast::Receiver<Key> {
        self.board.changes()
    }

    /// Every circuit breaker by what it guards (`backend` or `backend/model`), in the order of the names.
    pub fn breakers(&self) -> BTreeMap<String, Snapshot> {
        let states = self.board.states().into_iter();
        let named = states.map(|(key, snapshot)| match key.model {
            Some(model) => (format!("{}/{model}", key.backend), snapshot),
            None => (key.backend.to_string(), snapshot),
        });
        named.collect()
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut table);
        table.rebuild(self);
    }

    pub(super) fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes the targets that aliases and backends name, puts them into the chains, and lists all names.
    fn rebuild(&mut self, registry: &Registry) {
        let mut names = BTreeMap::new();
        let listed = self.backends.values().flat_map(|(backend, _)| {
            let models = backend.models.iter();
            models.map(|model| Link {
                backend: backend.name.clone(),
                model: model.clone(),
            })
        });
        let linked = self.aliases.iter().flat_map(|alias| alias.links.iter().cloned());
        let wanted: Vec<Link> = listed.chain(linked).collect();
        self.targets.retain(|link, _| wanted.contains(link));
        for link in wanted {
            let Some(target) = self.target(registry, &link) else {
                continue;
            };
            let chain = Chain::new(vec![target.clone()]).with_surroundings(registry.surroundings.clone());
            let name = Name {
                provider: Arc::new(chain.clone()),
                chain: Some(chain),
                owned_by: link.backend,
            };
            names.insert(target.name().to_owned(), name);
        }
        for alias in &self.aliases {
            let targets = alias.links.iter().filter_map(|link| self.targets.get(link).cloned());
            alias.chain.replace(targets.collect());
            let name = Name {
                chain: Some(alias.chain.clone()),
                ..Name::ours(Arc::new(alias.chain.clone()))
            };
            names.insert(alias.name.clone(), name);
        }
        for (name, provider) in &self.registered {
            names.insert(name.clone(), Name::ours(provider.clone()));
        }
        self.names = names;
    }

    fn target(&mut self, registry: &Registry, link: &Link) -> Option<Arc<Target>> {
        if let Some(target) = self.targets.get(link) {
            return Some(target.clone());
        }
        let (backend, _) = self.backends.get(&link.backend)?;
        let target = Target::new(
            &registry.board,
            &backend.name,
            &link.model,
            backend.class,
            backend.provider.clone(),
        );
        let settings = backend.settings.get(&link.model).cloned().unwrap_or_default();
        let target = Arc::new(
            target
                .with_kind(backend.kind)
                .with_limits(backend.limits)
                .with_settings(&settings)
                .with_health(registry.health.model(&backend.name, &link.model)),
        );
        self.targets.insert(link.clone(), target.clone());
        Some(target)
    }

    fn unknown(&self, caller: &Caller, name: &str) -> Unknown {
        let known = self.names.keys().map(String::as_str);
        Unknown {
            name: name.chars().take(200).collect(),
            near: near(name, known.filter(|name| caller.may_use(name))),
        }
    }

    fn alias(&mut self, name: &str, surroundings: &Arc<Surroundings>) -> &mut Alias {
        let at = self.aliases.iter().position(|alias| alias.name == name);
        let at = at.unwrap_or(self.aliases.len());
        if at == self.aliases.len() {
            self.aliases.push(Alias {
                name: name.to_owned(),
                links: Vec::new(),
                chain: Chain::new(Vec::new()).with_surroundings(surroundings.clone()),
            });
        }
        &mut self.aliases[at]
    }
}

impl Name {
    fn ours(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            chain: None,
            owned_by: "jarvis".to_owned(),
        }
    }
}

impl Unknown {
    fn hint(&self) -> String {
        if self.near.is_empty() {
            return "; GET /v1/models lists all".to_owned();
        }
        let near: Vec<String> = self.near.iter().map(|name| format!("`{name}`")).collect();
        format!("; did you mean {}?", near.join(" or "))
    }
}
