use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::OpenAi;
use crate::breaker::prober::Probe;
use crate::provider::Error;
use crate::upstream::Upstream;

/// How long the server may take to list its models.
const LIST_LIMIT: Duration = Duration::from_secs(3);

/// The ids of the models that the server offers. Costs nothing, and tells whether the credential is good.
pub async fn models(upstream: &Upstream, timeout: Duration) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let answer: Models = upstream.get_json("/models", timeout).await?;
    Ok(answer.data.into_iter().map(|model| model.id).collect())
}

/// Listing models costs nothing. A server without a list is alive when it says so; one that refuses the key is not.
#[async_trait]
impl Probe for OpenAi {
    async fn alive(&self) -> bool {
        match models(self.upstream(), LIST_LIMIT).await {
            Ok(_) => true,
            Err(error) => matches!(error.status, Some(404 | 405)),
        }
    }

    async fn has_model(&self, model: &str) -> bool {
        let models = models(self.upstream(), LIST_LIMIT).await.unwrap_or_default();
        models.iter().any(|known| known == model)
    }
}
