use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::discover::models;
use crate::breaker::prober;
use crate::upstream::Upstream;

/// What one question of a probe may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks for the list of models, which generates and bills nothing.
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
        models(&self.upstream, LIMIT).await.is_ok()
    }

    async fn has_model(&self, model: &str) -> bool {
        let listed = models(&self.upstream, LIMIT).await;
        listed.is_ok_and(|models| models.iter().any(|known| known == model))
    }
}
