//! The chain of a Jarvis that nobody configured: an Ollama on this machine first, then OpenAI when there is a key for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::chain::{HostClass, Limits};
use crate::health::Source;
use crate::provider::Provider;
use crate::providers::ollama::{self, Ollama};
use crate::providers::openai::{self, OpenAi};
use crate::registry::{Backend, Link, Registry};
use crate::tasks::Tasks;
use crate::upstream::{SetupError, Upstream};

#[cfg(test)]
mod tests;

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(2);
/// A host that comes up, or pulls its first model, is used within this time.
const EVERY: Duration = Duration::from_secs(10);

/// The model that is asked of OpenAI when nobody names one: small, cheap, with tools.
const OPENAI_MODEL: &str = "gpt-5.4-mini";

const OLLAMA: &str = "ollama";
const OPENAI: &str = "openai";

/// Where to look, as the environment says.
pub struct Places {
    /// `http://127.0.0.1:11434`
    pub ollama: String,
    pub openai: Option<Key>,
}

/// A key for OpenAI, or for a service that speaks like it.
pub struct Key {
    /// `https://api.openai.com/v1`
    pub base_url: String,
    pub key: SecretString,
    /// Where the key came from, for people: `OPENAI_API_KEY`.
    pub from: &'static str,
    /// Which model to ask for, when somebody chose one.
    pub model: Option<String>,
}

/// Places that can be looked at. Nothing is asked and nothing is used before [`Discovery::begin`].
pub struct Discovery {
    ollama: Arc<Upstream>,
    openai: Option<OpenAiHere>,
}

struct OpenAiHere {
    upstream: Arc<Upstream>,
    model: String,
    from: &'static str,
}

/// One thing that was looked for, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `Ollama`, `OpenAI`.
    pub what: &'static str,
    pub ok: bool,
    /// Where and which model, or why not and what to do.
    pub says: String,
}

/// A chain that follows what is there. Dropping it ends that, and leaves the chain as it is.
pub struct Following {
    registry: Arc<Registry>,
    alias: String,
    discovery: Arc<Discovery>,
    _watching: DropGuard,
}

impl Discovery {
    pub fn new(places: Places) -> Result<Self, SetupError> {
        let ollama = Upstream::new(&places.ollama, None, HostClass::Cpu.connect_limit())?;
        let openai = match places.openai {
            None => None,
            Some(key) => Some(OpenAiHere {
                upstream: Arc::new(Upstream::new(
                    &key.base_url,
                    Some(key.key),
                    HostClass::Cloud.connect_limit(),
                )?),
                model: key.model.unwrap_or_else(|| OPENAI_MODEL.to_owned()),
                from: key.from,
            }),
        };
        Ok(Self {
            ollama: Arc::new(ollama),
            openai,
        })
    }

    /// Makes `alias` stand for what is there, now and later.
    #[must_use]
    pub fn begin(self, registry: &Arc<Registry>, alias: &str, tasks: &Tasks) -> Following {
        // A machine with an unknown card is given the longer time limits of a processor.
        registry.set_backend(Backend {
            source: Some(Arc::new(ollama::Source::new(Arc::clone(&self.ollama), HashMap::new()))),
            ..backend(
                OLLAMA,
                HostClass::Cpu,
                Arc::new(Ollama::new(Arc::clone(&self.ollama), ollama::Settings::default())),
            )
        });
        if let Some(OpenAiHere { upstream, .. }) = &self.openai {
            let source: Arc<dyn Source> = Arc::new(openai::Source::new(Arc::clone(upstream)));
            registry.set_backend(Backend {
                source: Some(source),
                ..backend(
                    OPENAI,
                    HostClass::Cloud,
                    Arc::new(OpenAi::new(Arc::clone(upstream), openai::Settings::default())),
                )
            });
        }
        let discovery = Arc::new(self);
        discovery.set(registry, alias, None);
        let ending = tasks.stopping().child_token();
        let watch = watch(
            Arc::clone(&discovery),
            Arc::clone(registry),
            alias.to_owned(),
            ending.clone(),
        );
        tasks.spawn("discovery", watch);
        Following {
            registry: Arc::clone(registry),
            alias: alias.to_owned(),
            discovery,
            _watching: ending.drop_guard(),
        }
    }

    async fn look(&self) -> Result<Option<String>, String> {
        let models = ollama::tags(&self.ollama, LIMIT).await.map_err(|error| error.message)?;
        Ok(ollama::choose_model(&models).map(|model| model.name.clone()))
    }

    fn set(&self, registry: &Registry, alias: &str, ollama_model: Option<&str>) {
        let link = |backend: &str, model: &str| Link {
            backend: backend.to_owned(),
            model: model.to_owned(),
        };
        let local = ollama_model.map(|model| link(OLLAMA, model));
        let remote = self.openai.as_ref().map(|openai| link(OPENAI, &openai.model));
        registry.set_alias(alias, local.into_iter().chain(remote).collect());
    }

    fn openai_found(&self) -> Found {
        let (ok, says) = match &self.openai {
            None => (
                false,
                "no key; set OPENAI_API_KEY to use it as the last resort".to_owned(),
            ),
            Some(OpenAiHere { upstream, model, from }) => {
                (true, format!("{}, model {model}, key from {from}", upstream.base_url()))
            }
        };
        Found {
            what: "OpenAI",
            ok,
            says,
        }
    }
}

impl Following {
    /// Looks once, uses what is there at once, and says what was found.
    pub async fn look(&self) -> Vec<Found> {
        let model = self.discovery.look().await;
        let base_url = self.discovery.ollama.base_url();
        let (ok, says) = match &model {
            Ok(Some(model)) => (true, format!("{base_url}, model {model}")),
            Ok(None) => (
                false,
                format!("{base_url} has no chat model; pull one: ollama pull qwen3:4b"),
            ),
            Err(reason) => (false, format!("{base_url}: {reason}; it is used as soon as it answers")),
        };
        if let Ok(Some(model)) = model {
            self.discovery.set(&self.registry, &self.alias, Some(&model));
        }
        let ollama = Found {
            what: "Ollama",
            ok,
            says,
        };
        vec![ollama, self.discovery.openai_found()]
    }
}

/// A host that is away keeps its link: the breaker knows how to leave it alone.
async fn watch(discovery: Arc<Discovery>, registry: Arc<Registry>, alias: String, ending: CancellationToken) {
    let mut in_use = None;
    loop {
        if let Some(Ok(Some(model))) = ending.run_until_cancelled(discovery.look()).await
            && in_use.as_ref() != Some(&model)
            && !ending.is_cancelled()
        {
            tracing::info!(model, "Ollama on this machine answers for Jarvis");
            discovery.set(&registry, &alias, Some(&model));
            in_use = Some(model);
        }
        if tokio::time::timeout(EVERY, ending.cancelled()).await.is_ok() {
            return;
        }
    }
}

fn backend(name: &'static str, class: HostClass, provider: Arc<dyn Provider>) -> Backend {
    Backend {
        name: name.to_owned(),
        kind: name,
        class,
        provider,
        limits: Limits::of(class),
        settings: HashMap::new(),
        models: Vec::new(),
        source: None,
        preload: Vec::new(),
    }
}
