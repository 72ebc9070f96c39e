//! What an Ollama server tells for free, and how it is made to load a model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;

use super::discover::{self, Model, Shown, is_name};
use super::fault;
use super::settings::Settings;
use crate::health::{self, Ability, Capabilities, Card, Listed, Loaded};
use crate::provider::{Class, Error};
use crate::providers::refusal::Refusal;
use crate::upstream::Upstream;

const ALIVE_LIMIT: Duration = Duration::from_secs(2);
const LIST_LIMIT: Duration = Duration::from_secs(3);
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// Models of an older server that are asked about one by one in one round. The rest waits for the next round.
const SHOWN_AT_ONCE: usize = 8;
/// Above this many replaced models the memory of what they could do is emptied.
const SHOWN_KEPT: usize = 1_000;

/// One Ollama server, with the settings that its targets are spoken to with.
pub struct Source {
    upstream: Arc<Upstream>,
    /// By model.
    settings: HashMap<String, Settings>,
    /// What `/api/show` said, by digest, for servers whose list does not say it.
    shown: Mutex<HashMap<String, Shown>>,
}

impl Source {
    /// `settings` by model; a model that is not among them is loaded as the server likes it.
    pub fn new(upstream: Arc<Upstream>, settings: HashMap<String, Settings>) -> Self {
        Self {
            upstream,
            settings,
            shown: Mutex::default(),
        }
    }

    /// Asks about those of `models` whose abilities the list does not tell.
    async fn learn(&self, models: &[Model]) {
        let unknown = models.iter().filter(|model| {
            model.capabilities.is_empty() && model.remote_host.is_empty() && self.shown(&model.digest).is_none()
        });
        for model in unknown.take(SHOWN_AT_ONCE) {
            let Ok(shown) = discover::show(&self.upstream, &model.name, LOOK_LIMIT).await else {
                return;
            };
            let mut known = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= SHOWN_KEPT {
                known.clear();
            }
            known.insert(model.digest.clone(), shown);
        }
    }

    fn shown(&self, digest: &str) -> Option<Shown> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(digest).cloned()
    }

    fn listed(&self, model: Model) -> Listed {
        let shown = self.shown(&model.digest).unwrap_or_default();
        let capabilities = if model.capabilities.is_empty() {
            shown.capabilities
        } else {
            model.capabilities
        };
        Listed {
            name: model.name,
            digest: Some(model.digest).filter(|digest| !digest.is_empty()),
            size: Some(model.size).filter(|size| *size > 0),
            capabilities: abilities(&capabilities),
            context_max: tokens(model.details.context_length.or(shown.context_length)),
            context_loaded: None,
            dimensions: tokens(model.details.embedding_length.or(shown.embedding_length)),
            card: Card {
                family: model.details.family,
                parameter_size: model.details.parameter_size,
                quantization: model.details.quantization_level,
            },
        }
    }
}

/// No question loads a model or changes how long one stays, and [`health::Source::load`] loads with the context and the
/// stay that requests ask for too.
#[async_trait]
impl health::Source for Source {
    fn address(&self) -> String {
        self.upstream.base_url()
    }

    async fn alive(&self) -> Result<Option<String>, Error> {
        match discover::version(&self.upstream, ALIVE_LIMIT).await {
            Ok(version) => Ok(Some(version)),
            // It refuses us, so it is there.
            Err(error) if error.class == Class::HardDown => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn models(&self) -> Result<Vec<Listed>, Error> {
        let models = discover::tags(&self.upstream, LIST_LIMIT).await?;
        self.learn(&models).await;
        Ok(models.into_iter().map(|model| self.listed(model)).collect())
    }

    async fn loaded(&self) -> Result<Option<Vec<Loaded>>, Error> {
        let loaded = discover::ps(&self.upstream, LOOK_LIMIT).await?;
        let loaded = loaded.into_iter().map(|model| Loaded {
            name: model.name,
            size: model.size,
            size_fast: model.size_vram,
            context: tokens(model.context_length),
        });
        Ok(Some(loaded.collect()))
    }

    async fn load(&self, model: &str) -> Result<(), Error> {
        let body = load_body(model, &self.settings.get(model).cloned().unwrap_or_default());
        let response = self.upstream.post_json("/api/generate", body).await?;
        let status = response.status();
        if status.is_success() {
            response.settle().await;
            return Ok(());
        }
        let retry_after = response.retry_after();
        let body = self.upstream.refusal(response).await;
        Err(fault::classify(Refusal {
            status: status.as_u16(),
            retry_after,
            body: &body,
        }))
    }

    async fn key_works(&self) -> bool {
        discover::tags(&self.upstream, LIST_LIMIT).await.is_ok()
    }

    fn is_name(&self, known: &str, asked: &str) -> bool {
        is_name(known, asked)
    }
}

/// A request without a prompt only loads. What would load the model anew is the same as in a request for an answer.
fn load_body(model: &str, settings: &Settings) -> Bytes {
    let mut body = json!({"model": model, "stream": false, "shift": settings.shift});
    if let Some(keep_alive) = &settings.keep_alive {
        body["keep_alive"] = json!(keep_alive);
    }
    if let Some(num_ctx) = settings.num_ctx {
        body["options"] = json!({"num_ctx": num_ctx});
    }
    Bytes::from(body.to_string())
}

/// `None` when the server does not tell.
fn abilities(named: &[String]) -> Option<Capabilities> {
    if named.is_empty() {
        return None;
    }
    let known = named.iter().filter_map(|name| match name.as_str() {
        "completion" => Some(Ability::Completion),
        "tools" => Some(Ability::Tools),
        "vision" => Some(Ability::Vision),
        "audio" => Some(Ability::Audio),
        "thinking" => Some(Ability::Thinking),
        "embedding" => Some(Ability::Embedding),
        _ => None,
    });
    Some(known.fold(Capabilities::default(), Capabilities::with))
}

fn tokens(number: Option<u64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}
