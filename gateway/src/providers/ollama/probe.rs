use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::discover::{tags, version};
use crate::breaker::prober;
use crate::upstream::Upstream;

/// What one question of a probe may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks an Ollama for signs of life: its version and its list of models. Neither loads a model.
pub struct Probe {
    upstream: Arc<Upstream>,
}

impl Probe {
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream }
    }
}

#[async_trait]
impl prober::Probe for Probe {
    async fn alive(&self) -> bool {
        version(&self.upstream, LIMIT).await.is_ok()
    }

    async fn has_model(&self, model: &str) -> bool {
        let Ok(models) = tags(&self.upstream, LIMIT).await else {
            return false;
        };
        // Ollama takes a name without a tag for `:latest`.
        models
            .iter()
            .any(|known| known.name == model || known.name.strip_suffix(":latest") == Some(model))
    }
}
