use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::health::{self, Card, Listed, Loaded};
use crate::provider::{Class, Error};
use crate::upstream::Upstream;

/// How long the server may take to list its models.
const LIST_LIMIT: Duration = Duration::from_secs(3);

/// A model as servers list it. `id` is all that the protocol knows; the rest is what vLLM and llama.cpp add.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Model {
    id: String,
    /// vLLM: tokens that it can read as it runs.
    max_model_len: Option<u64>,
    /// llama.cpp.
    meta: Option<Meta>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Meta {
    n_ctx_train: Option<u64>,
    n_ctx: Option<u64>,
    n_embd: Option<u64>,
    size: Option<u64>,
}

/// The ids of the models that the server offers. Costs nothing, and tells whether the credential is good.
pub async fn models(upstream: &Upstream, timeout: Duration) -> Result<Vec<String>, Error> {
    let models = list(upstream, timeout).await?;
    Ok(models.into_iter().map(|model| model.id).collect())
}

async fn list(upstream: &Upstream, timeout: Duration) -> Result<Vec<Model>, Error> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Model>,
    }
    let answer: Models = upstream.get_json("/models", timeout).await?;
    Ok(answer.data)
}

/// What an OpenAI-compatible server tells for free: the list of its models.
pub struct Source {
    upstream: Arc<Upstream>,
}

impl Source {
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream }
    }
}

#[async_trait]
impl health::Source for Source {
    fn address(&self) -> String {
        self.upstream.base_url()
    }

    /// Whatever it answers, it is there, unless it is a proxy that cannot reach it.
    async fn alive(&self) -> Result<Option<String>, Error> {
        match list(&self.upstream, LIST_LIMIT).await {
            Ok(_) => Ok(None),
            Err(error) if matches!(error.status, Some(status) if status != 502 && status != 504) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn models(&self) -> Result<Vec<Listed>, Error> {
        let models = list(&self.upstream, LIST_LIMIT).await?;
        Ok(models.into_iter().map(Model::listed).collect())
    }

    /// Only a server that is loading its one model says anything about it, by answering 503.
    async fn loaded(&self) -> Result<Option<Vec<Loaded>>, Error> {
        match list(&self.upstream, LIST_LIMIT).await {
            Err(error) if error.status == Some(503) => {
                Err(Error::new(Class::TtftTimeout, "the server is loading its model"))
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    async fn key_works(&self) -> bool {
        list(&self.upstream, LIST_LIMIT).await.is_ok()
    }
}

impl Model {
    fn listed(self) -> Listed {
        let tokens = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
        let meta = self.meta.unwrap_or_default();
        Listed {
            name: self.id,
            digest: None,
            size: meta.size,
            capabilities: None,
            context_max: tokens(meta.n_ctx_train.or(self.max_model_len)),
            context_loaded: tokens(meta.n_ctx.or(self.max_model_len)),
            dimensions: tokens(meta.n_embd),
            card: Card::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_servers_add_to_the_list() {
        let check = |given: serde_json::Value, expect: Listed| {
            let model: Model = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(model.listed(), expect, "given {given}");
        };
        let plain = Listed {
            name: "m".into(),
            ..Listed::default()
        };
        check(
            json!({"id": "m", "object": "model", "owned_by": "openai"}),
            plain.clone(),
        );
        check(
            json!({"id": "m", "max_model_len": 32768, "permission": []}),
            Listed {
                context_max: Some(32_768),
                context_loaded: Some(32_768),
                ..plain.clone()
            },
        );
        check(
            json!({"id": "m", "meta": {"vocab_type": 2, "n_ctx_train": 131_072, "n_embd": 4096, "size": 4_920_000_000_u64}}),
            Listed {
                size: Some(4_920_000_000),
                context_max: Some(131_072),
                dimensions: Some(4_096),
                ..plain
            },
        );
    }
}
