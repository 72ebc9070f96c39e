//! What is used without being configured: an Ollama on this machine, and OpenAI when there is a key for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jarvis_gateway::chain::{HostClass, Limits};
use jarvis_gateway::providers::ollama::{self, Ollama};
use jarvis_gateway::providers::openai::{self, OpenAi};
use jarvis_gateway::registry::{self, Link, Registry};
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::upstream::Upstream;
use jarvis_web::Found;
use tokio_util::sync::CancellationToken;

use crate::assemble;
use crate::config::{Environment, Kind};

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(2);
/// A host that comes up is used within this time without a restart.
const EVERY: Duration = Duration::from_secs(10);

/// The model that is asked of OpenAI when nobody names one: small, cheap, with tools. `OPENAI_MODEL` names another.
const OPENAI_MODEL: &str = "gpt-5.4-mini";

const OLLAMA: &str = "ollama";
const OPENAI: &str = "openai";

/// The discovered chain: Ollama first, OpenAI after it.
pub(crate) struct Discovery {
    registry: Arc<Registry>,
    alias: String,
    ollama: Arc<Upstream>,
    openai: Option<Link>,
    openai_found: Found,
}

impl Discovery {
    /// Sets the chain up with what is known without asking anybody.
    pub(crate) fn new(registry: Arc<Registry>, alias: String, environment: &Environment) -> anyhow::Result<Self> {
        let base_url = environment.ollama_base_url();
        let ollama = Upstream::new(&base_url, None, assemble::connect_limit(HostClass::Cpu));
        let ollama = Arc::new(ollama.context("OLLAMA_HOST")?);
        let (openai, openai_found) = openai(&registry, environment)?;
        // A machine with an unknown card is given the longer time limits of a processor.
        registry.set_backend(registry::Backend {
            name: OLLAMA.to_owned(),
            kind: Kind::Ollama.as_str(),
            class: HostClass::Cpu,
            provider: Arc::new(Ollama::new(Arc::clone(&ollama), ollama::Settings::default())),
            limits: Limits::of(HostClass::Cpu),
            settings: HashMap::new(),
            models: Vec::new(),
            source: Some(assemble::source(Kind::Ollama, &ollama, &[])),
            preload: Vec::new(),
        });
        let discovery = Self {
            registry,
            alias,
            ollama,
            openai,
            openai_found,
        };
        discovery.set(None);
        Ok(discovery)
    }

    /// Looks once, uses what is there, and says what was found. Then keeps looking in the background.
    pub(crate) async fn begin(self, tasks: &Tasks) -> Vec<Found> {
        let model = self.look().await;
        let base_url = self.ollama.base_url();
        let (ok, says) = match &model {
            Ok(Some(model)) => (true, format!("{base_url}, model {model}")),
            Ok(None) => (
                false,
                format!("{base_url} has no chat model; pull one: ollama pull qwen3:4b"),
            ),
            Err(reason) => (false, format!("{base_url}: {reason}; it is used as soon as it answers")),
        };
        let found = vec![
            Found {
                what: "Ollama".into(),
                ok,
                says,
            },
            self.openai_found.clone(),
        ];
        let in_use = model.ok().flatten();
        self.set(in_use.as_deref());
        let stopping = tasks.stopping().clone();
        tasks.spawn("discovery", self.watch(in_use, stopping));
        found
    }

    /// An Ollama that comes up, or pulls its first model, is used without a restart.
    async fn watch(self, mut in_use: Option<String>, stopping: CancellationToken) {
        while tokio::time::timeout(EVERY, stopping.cancelled()).await.is_err() {
            // A host that is away keeps its link: the breaker knows how to leave it alone.
            let Ok(Some(model)) = self.look().await else { continue };
            if in_use.as_ref() != Some(&model) {
                tracing::info!(model, "Ollama on this machine answers for Jarvis");
                self.set(Some(&model));
                in_use = Some(model);
            }
        }
    }

    async fn look(&self) -> Result<Option<String>, String> {
        let models = ollama::tags(&self.ollama, LIMIT).await.map_err(|error| error.message)?;
        Ok(ollama::choose_model(&models).map(|model| model.name.clone()))
    }

    fn set(&self, ollama_model: Option<&str>) {
        let local = ollama_model.map(|model| Link {
            backend: OLLAMA.to_owned(),
            model: model.to_owned(),
        });
        self.registry
            .set_alias(&self.alias, local.into_iter().chain(self.openai.clone()).collect());
    }
}

fn openai(registry: &Registry, environment: &Environment) -> anyhow::Result<(Option<Link>, Found)> {
    let Some((key, variable)) = environment.openai_key() else {
        let says = "no key; set OPENAI_API_KEY to use it as the last resort".to_owned();
        return Ok((
            None,
            Found {
                what: "OpenAI".into(),
                ok: false,
                says,
            },
        ));
    };
    let base_url = environment.openai_base_url();
    let upstream = Arc::new(Upstream::new(
        &base_url,
        Some(key),
        assemble::connect_limit(HostClass::Cloud),
    )?);
    let model = environment.openai_model().unwrap_or_else(|| OPENAI_MODEL.to_owned());
    registry.set_backend(registry::Backend {
        name: OPENAI.to_owned(),
        kind: Kind::Openai.as_str(),
        class: HostClass::Cloud,
        provider: Arc::new(OpenAi::new(Arc::clone(&upstream), openai::Settings::default())),
        limits: Limits::of(HostClass::Cloud),
        settings: HashMap::new(),
        models: Vec::new(),
        source: Some(assemble::source(Kind::Openai, &upstream, &[])),
        preload: Vec::new(),
    });
    let says = format!("{}, model {model}, key from {variable}", upstream.base_url());
    Ok((
        Some(Link {
            backend: OPENAI.to_owned(),
            model,
        }),
        Found {
            what: "OpenAI".into(),
            ok: true,
            says,
        },
    ))
}
