//! Model servers and the chains made of them.

use std::collections::BTreeMap;

use anyhow::bail;
use jarvis_gateway::chain::HostClass;
use jarvis_gateway::providers::{ollama, openai};
use serde::Deserialize;

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
    pub(crate) targets: Vec<Target>,
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

    pub(crate) fn context(&self) -> Option<u32> {
        self.context
            .or_else(|| self.ollama.as_ref().and_then(|settings| settings.num_ctx))
    }
}

impl Alias {
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
        Ok(())
    }
}

impl Target {
    fn check(&self, alias: &str, backend: &Backend) -> anyhow::Result<()> {
        let (stray, kind) = match backend.kind {
            Kind::Ollama => (self.params.is_some().then_some("params"), "ollama"),
            Kind::Openai if self.ollama.is_some() => (Some("ollama"), "openai"),
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
