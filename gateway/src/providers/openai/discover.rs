use std::time::Duration;

use serde::Deserialize;

use crate::provider::Error;
use crate::upstream::Upstream;

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
