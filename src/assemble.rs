//! Builds the parts from the configuration.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use jarvis_gateway::chain::{HostClass, Limits, Surroundings};
use jarvis_gateway::clock::Clock;
use jarvis_gateway::health::Source;
use jarvis_gateway::http::Door;
use jarvis_gateway::http::cache::Cache;
use jarvis_gateway::provider::Provider;
use jarvis_gateway::providers::ollama::{self, Ollama};
use jarvis_gateway::providers::openai::{self, OpenAi};
use jarvis_gateway::providers::per_model::PerModel;
use jarvis_gateway::registry::{self, Link, Registry};
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::trace::Tracer;
use jarvis_gateway::upstream::Upstream;
use jarvis_memory::Store;
use jarvis_memory::shared::{Limits as SharedLimits, Redis};
use uuid::Uuid;

use crate::config::{Alias, Backend, Config, Environment, Kind, Target};
use crate::data::LocalKey;
use crate::keys::AllKeys;

/// Sends traces to where the configuration says, or nowhere.
pub(crate) fn tracer(config: &Config, environment: &Environment, tasks: &Tasks) -> anyhow::Result<Tracer> {
    let collector = collector(config, environment)?;
    Ok(collector.map_or_else(Tracer::off, |upstream| {
        Tracer::to(upstream, env!("CARGO_PKG_VERSION"), tasks)
    }))
}

/// Where traces are sent, and with which credential. That one is looked for even when they are sent nowhere.
pub(crate) fn collector(config: &Config, environment: &Environment) -> anyhow::Result<Option<Upstream>> {
    let credential = config.traces.credential.as_deref();
    let credential = credential.map(|reference| environment.secret(reference)).transpose();
    let credential = credential.context("`[traces] credential` cannot be used")?;
    let Some(endpoint) = config.traces.endpoint.clone().or_else(|| environment.otlp_endpoint()) else {
        return Ok(None);
    };
    let upstream = Upstream::new(&endpoint, credential, HostClass::Cloud.connect_limit())
        .context("`[traces] endpoint`, or OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok(Some(upstream))
}

/// What replicas share, when a Redis is configured.
pub(crate) fn redis(
    config: &Config,
    environment: &Environment,
    instance: Uuid,
    tasks: &Tasks,
) -> anyhow::Result<Option<Redis>> {
    let password = config.redis.credential.as_deref();
    let password = password.map(|reference| environment.secret(reference)).transpose();
    let password = password.context("`redis.credential` cannot be used")?;
    Redis::open(&config.redis, &password, instance, tasks).map_err(anyhow::Error::msg)
}

/// Every key that comes in.
pub(crate) fn keys(config: &Config, store: &Store, local_key: &LocalKey, clock: &Arc<dyn Clock>) -> Arc<AllKeys> {
    let stored = jarvis_memory::Keys::new(store.clone(), Arc::clone(clock));
    Arc::new(AllKeys::new(stored, local_key, config.key_classes.clone()))
}

/// Who comes in, and how often.
pub(crate) fn door(keys: &Arc<AllKeys>, clock: &Arc<dyn Clock>, redis: Option<&Redis>, tasks: &Tasks) -> Door {
    let door = Door::new(Arc::clone(keys) as _, Arc::clone(clock));
    match redis {
        Some(redis) => door.with_counters(Arc::new(SharedLimits::new(redis, clock, tasks))),
        None => door,
    }
}

/// Answers that are given again.
pub(crate) fn cache(config: &Config, clock: &Arc<dyn Clock>, redis: Option<&Redis>) -> Cache {
    let cache = Cache::new(config.cache.clone(), Arc::clone(clock));
    match redis {
        Some(redis) => cache.with_shared(Arc::new(redis.clone())),
        None => cache,
    }
}

/// The backends and aliases of the configuration.
pub(crate) fn registry(
    config: &Config,
    environment: &Environment,
    clock: Arc<dyn Clock>,
    tasks: &Tasks,
    (surroundings, redis): (Surroundings, Option<&Redis>),
) -> anyhow::Result<Arc<Registry>> {
    let registry = Registry::new(clock, tasks.clone()).with_surroundings(surroundings);
    let registry = Arc::new(match redis {
        Some(redis) => registry.with_replicas(Arc::new(redis.clone()), Arc::new(redis.clone())),
        None => registry,
    });
    for name in config.backends.keys() {
        registry.set_backend(backend(name, config, environment)?);
    }
    for (name, settings) in &config.aliases {
        alias(&registry, name, settings);
    }
    Ok(registry)
}

/// Makes an alias stand for what the configuration says.
pub(crate) fn alias(registry: &Registry, name: &str, alias: &Alias) {
    let link = |target: &Target| Link {
        backend: target.backend.clone(),
        model: target.model.clone(),
    };
    registry.set_alias(name, alias.targets.iter().map(link).collect());
    registry.set_manner(name, alias.manner());
}

/// One backend of the configuration, ready to be used.
pub(crate) fn backend(name: &str, config: &Config, environment: &Environment) -> anyhow::Result<registry::Backend> {
    let settings = config.backends.get(name).context("there is no such backend");
    settings
        .and_then(|settings| build(name, settings, config, environment))
        .with_context(|| format!("[backends.{name}] cannot be used"))
}

fn build(
    name: &str,
    settings: &Backend,
    config: &Config,
    environment: &Environment,
) -> anyhow::Result<registry::Backend> {
    let keys = settings.credentials().map(|reference| environment.secret(reference));
    let keys: Vec<_> = keys.collect::<anyhow::Result<_>>()?;
    let class = settings.class();
    let upstream = Upstream::new(&settings.base_url, None, class.connect_limit())?;
    let upstream = Arc::new(upstream.with_keys(keys)?);
    let targets: Vec<&Target> = config
        .aliases
        .values()
        .flat_map(|alias| &alias.targets)
        .filter(|target| target.backend == name)
        .collect();
    let provider: Arc<dyn Provider> = match settings.kind {
        Kind::Ollama => per_model(
            &targets,
            |target| {
                let ollama = Ollama::new(Arc::clone(&upstream), target.ollama_settings());
                Arc::new(ollama.with_space(target.space()))
            },
            Arc::new(Ollama::new(Arc::clone(&upstream), ollama::Settings::default())),
        ),
        Kind::Openai => per_model(
            &targets,
            |target| {
                let openai = OpenAi::new(Arc::clone(&upstream), target.params.clone().unwrap_or_default());
                Arc::new(openai.with_space(target.space()))
            },
            Arc::new(OpenAi::new(Arc::clone(&upstream), openai::Settings::default())),
        ),
    };
    let of_models = targets.iter().map(|target| (target.model.clone(), target.settings()));
    Ok(registry::Backend {
        name: name.to_owned(),
        kind: settings.kind.as_str(),
        class,
        provider,
        limits: Limits::of(class),
        settings: of_models.collect(),
        models: Vec::new(),
        source: Some(source(settings.kind, &upstream, &targets)),
        preload: preloaded(&targets),
    })
}

fn preloaded(targets: &[&Target]) -> Vec<String> {
    let preloaded = targets.iter().filter(|target| target.preload);
    let mut names: Vec<String> = preloaded.map(|target| target.model.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn per_model(
    targets: &[&Target],
    make: impl Fn(&Target) -> Arc<dyn Provider>,
    others: Arc<dyn Provider>,
) -> Arc<dyn Provider> {
    let models: HashMap<String, Arc<dyn Provider>> = targets
        .iter()
        .map(|target| (target.model.clone(), make(target)))
        .collect();
    if models.is_empty() {
        others
    } else {
        Arc::new(PerModel::new(models, others))
    }
}

/// How a backend is asked about itself. It loads a model with the settings that its target is spoken to with.
fn source(kind: Kind, upstream: &Arc<Upstream>, targets: &[&Target]) -> Arc<dyn Source> {
    match kind {
        Kind::Ollama => {
            let settings = targets
                .iter()
                .map(|target| (target.model.clone(), target.ollama_settings()));
            Arc::new(ollama::Source::new(Arc::clone(upstream), settings.collect()))
        }
        Kind::Openai => Arc::new(openai::Source::new(Arc::clone(upstream))),
    }
}
