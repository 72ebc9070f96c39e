//! Model servers and the chains made of them.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::bail;
use jarvis_gateway::chain::{self, Claims, ColdFor, HostClass, Manner, PaceFor, Timeouts};
use jarvis_gateway::providers::{ollama, openai};
use serde::Deserialize;

use super::purpose::{self, Purpose};

/// A model server, or a service that hosts models.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    /// `http://gpu:11434`, `https://api.openai.com/v1`.
    pub(crate) base_url: String,
    /// What it runs on; sets the time limits. Ollama is taken for `gpu` and OpenAI for `cloud` when it is not named.
    pub(crate) class: Option<HostClass>,
    /// `env:NAME`.
    pub(crate) credential: Option<String>,
    /// More of them, used in this order when the one before is refused or used too much.
    #[serde(default)]
    pub(crate) more_credentials: Vec<String>,
}

/// The protocol a backend is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Ollama's own API.
    Ollama,
    /// Anything that speaks OpenAI's chat completions.
    Openai,
}

impl Backend {
    /// As they are used.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &str> {
        self.credential.iter().chain(&self.more_credentials).map(String::as_str)
    }

    pub(crate) fn class(&self) -> HostClass {
        self.class.unwrap_or(match self.kind {
            Kind::Ollama => HostClass::Gpu,
            Kind::Openai => HostClass::Cloud,
        })
    }
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::Openai => "openai",
        }
    }
}

/// A public model name and the targets that answer for it, in order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alias {
    /// What it is asked for.
    #[serde(default)]
    pub(crate) kind: Purpose,
    pub(crate) targets: Vec<Target>,
    /// What is done about a model that is not loaded, by who asks.
    #[serde(default)]
    cold: ColdFor,
    /// A refusal by one server's content policy sends the request to the next target.
    #[serde(default)]
    fallback_on_policy: bool,
    /// Another target goes on with plain text that broke off while its caller read along.
    #[serde(default, rename = "continue")]
    goes_on: bool,
    /// How long a request may look for a target that answers.
    #[serde(default, deserialize_with = "chain::time")]
    deadline: Option<Duration>,
    /// How fast an answer must come, by who asks, in characters per second.
    #[serde(default)]
    pace: PaceFor,
}

/// One link of a chain.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) backend: String,
    /// The model as the backend knows it.
    pub(crate) model: String,
    /// How this model is run; only for backends of kind `ollama`.
    pub(crate) ollama: Option<ollama::Settings>,
    /// Only for backends of kind `ollama`: `"auto"`, false, true, or a level.
    pub(crate) think: Option<ollama::Think>,
    /// What this model is sent; only for backends of kind `openai`.
    pub(crate) params: Option<openai::Settings>,
    /// Tokens that the model reads at most, when it is not `ollama.num_ctx`.
    pub(crate) context: Option<u32>,
    /// Requests that are sent to it at the same time, and how many more may wait for their turn.
    max_inflight: Option<NonZeroU32>,
    queue: Option<u32>,
    #[serde(default)]
    timeouts: Timeouts,
    /// The model is loaded when its backend comes up; only for backends of kind `ollama`.
    #[serde(default)]
    pub(crate) preload: bool,
    /// What the model can do, where its server does not know better.
    #[serde(default)]
    capabilities: Claims,
    /// The vector space of an embedding model, by a name of the owner's choice: targets of one name are one model.
    pub(crate) space: Option<String>,
    /// Numbers per vector of that space.
    pub(crate) dimensions: Option<u32>,
}

impl Target {
    /// The settings of an Ollama target: `think` may stand beside `ollama` or in it.
    pub(crate) fn ollama_settings(&self) -> ollama::Settings {
        let mut settings = self.ollama.clone().unwrap_or_default();
        if let Some(think) = self.think {
            settings.think = think;
        }
        settings
    }

    /// What the chain goes by.
    pub(crate) fn settings(&self) -> chain::Settings {
        chain::Settings {
            context: self
                .context
                .or_else(|| self.ollama.as_ref().and_then(|settings| settings.num_ctx)),
            max_inflight: self.max_inflight.map(NonZeroU32::get),
            queue: self.queue,
            timeouts: self.timeouts,
            capabilities: self.capabilities,
        }
    }
}

impl Alias {
    pub(crate) fn manner(&self) -> Manner {
        Manner {
            cold: self.cold,
            fallback_on_policy: self.fallback_on_policy,
            deadline: self.deadline,
            pace: self.pace,
            goes_on: self.goes_on,
        }
    }

    pub(crate) fn check(&self, name: &str, backends: &BTreeMap<String, Backend>) -> anyhow::Result<()> {
        if self.targets.is_empty() {
            bail!("aliases.{name}: `targets` is empty, so nothing would ever answer");
        }
        if name == "jarvis" || name.contains('/') {
            bail!("aliases.{name}: this name is taken: `jarvis` is the agent, and `backend/model` is one target");
        }
        for target in &self.targets {
            let Some(backend) = backends.get(&target.backend) else {
                let known: Vec<&str> = backends.keys().map(String::as_str).collect();
                let known = match known.join(", ") {
                    none if none.is_empty() => "the file has no backends yet".to_owned(),
                    names => format!("the backends are: {names}"),
                };
                bail!("aliases.{name}: there is no [backends.{}]; {known}", target.backend);
            };
            target.check(name, backend)?;
        }
        purpose::check(name, self, backends)
    }
}

impl Target {
    fn check(&self, alias: &str, backend: &Backend) -> anyhow::Result<()> {
        let (stray, kind) = match backend.kind {
            Kind::Ollama => (self.params.is_some().then_some("params"), "ollama"),
            Kind::Openai if self.ollama.is_some() => (Some("ollama"), "openai"),
            Kind::Openai if self.preload => (Some("preload"), "openai"),
            Kind::Openai => (self.think.is_some().then_some("think"), "openai"),
        };
        if let Some(key) = stray {
            bail!(
                "aliases.{alias}: `{key}` of {}/{} means nothing to a backend of kind `{kind}`",
                self.backend,
                self.model
            );
        }
        Ok(())
    }
}

/// A target has one queue and one model in memory, whichever alias a request came by.
pub(crate) fn check_alike(aliases: &BTreeMap<String, Alias>) -> anyhow::Result<()> {
    let mut seen: HashMap<(&str, &str), (&str, &Target)> = HashMap::new();
    let named = aliases
        .iter()
        .flat_map(|(name, alias)| alias.targets.iter().map(move |target| (name, target)));
    for (name, target) in named {
        let (first, known) = *seen.entry((&target.backend, &target.model)).or_insert((name, target));
        if known != target {
            bail!(
                "aliases.{first} and aliases.{name} both name {}/{}, but with different settings; write the same in both",
                target.backend,
                target.model
            );
        }
    }
    Ok(())
}
