use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::settings::Settings;
use super::{Ollama, fault};
use crate::demands::Hops;
use crate::jobs::{Embed, Embedded, Forward, Inputs, Reply, Space, Worker};
use crate::provider::{Class, Error};
use crate::providers::refusal::Refusal;
use crate::upstream::Upstream;

const PATH: &str = "/api/embed";
/// Inputs of one request. More are asked for one batch after the other, so that a long list holds the server for a
/// short time only and a failure names its batch.
const BATCH: usize = 32;
/// The most that is read of one answer: 32 vectors are far from it.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

#[async_trait]
impl Worker for Ollama {
    fn kind(&self) -> &'static str {
        "ollama"
    }

    fn space(&self) -> Option<&Space> {
        Ollama::space(self)
    }

    fn cannot_embed(&self, job: &Embed) -> Option<&'static str> {
        match job.inputs {
            Inputs::Texts(_) => None,
            Inputs::Tokens(_) => Some("cannot embed lists of tokens: send the text"),
        }
    }

    fn cannot_forward(&self, job: &Forward) -> Option<String> {
        Some(format!("cannot {}", job.task.verb()))
    }

    async fn embed(&self, model: &str, job: &Embed, hops: Hops) -> Result<Embedded, Error> {
        let asking = Asking {
            upstream: self.upstream(),
            settings: self.settings(),
            model,
            job,
            hops,
        };
        asking.all().await.map_err(|error| self.upstream().redacted(error))
    }

    async fn forward(&self, _: &str, job: &Forward, _: Hops) -> Result<Reply, Error> {
        let message = format!("cannot {}", job.task.verb());
        Err(Error::new(Class::Capability, message))
    }
}

struct Asking<'a> {
    upstream: &'a Upstream,
    settings: &'a Settings,
    model: &'a str,
    job: &'a Embed,
    hops: Hops,
}

#[derive(Deserialize)]
struct Answer {
    /// A number that is none would be written as `null`.
    embeddings: Vec<Vec<Option<f32>>>,
    prompt_eval_count: Option<u64>,
}

impl Asking<'_> {
    /// Ollama gives vectors of length 1 (L2), also after it has cut them to `dimensions`.
    async fn all(&self) -> Result<Embedded, Error> {
        let Inputs::Texts(texts) = &self.job.inputs else {
            return Err(Error::new(Class::Capability, "cannot embed lists of tokens"));
        };
        let mut rows = Vec::with_capacity(texts.len());
        let mut tokens = Some(0);
        for (number, batch) in texts.chunks(BATCH).enumerate() {
            let answer = match self.batch(batch).await {
                Err(error) if error.class == Class::ContextLength => {
                    return Err(self.too_long(error, batch, number * BATCH).await);
                }
                answer => answer?,
            };
            if answer.embeddings.len() != batch.len() {
                let (got, asked) = (answer.embeddings.len(), batch.len());
                let message = format!("answered with {got} vectors for {asked} inputs");
                return Err(Error::new(Class::Decode, message));
            }
            tokens = tokens.zip(answer.prompt_eval_count).map(|(sum, more)| sum + more);
            let numbers = |row: Vec<Option<f32>>| row.into_iter().map(|number| number.unwrap_or(f32::NAN)).collect();
            rows.extend(answer.embeddings.into_iter().map(numbers));
        }
        Embedded::checked(rows, self.job.dimensions, tokens)
    }

    /// Ollama says that an input is too long, not which one. The longest in bytes need not be the longest in tokens, so
    /// they are tried from the longest down.
    async fn too_long(&self, error: Error, batch: &[String], first: usize) -> Error {
        let named = |at: usize| Error {
            message: format!("input[{}] does not fit: {}", first + at, error.message),
            ..error.clone()
        };
        if batch.len() == 1 {
            return named(0);
        }
        for at in Inputs::Texts(batch.to_vec()).by_length() {
            let Some(text) = batch.get(at) else { continue };
            match self.batch(std::slice::from_ref(text)).await {
                Err(error) if error.class == Class::ContextLength => return named(at),
                Ok(_) | Err(_) => {}
            }
        }
        error
    }

    async fn batch(&self, texts: &[String]) -> Result<Answer, Error> {
        let response = self.upstream.pass_json(PATH, self.body(texts), self.hops).await?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = response.retry_after();
            let body = self.upstream.refusal(response).await;
            return Err(fault::classify(Refusal {
                status: status.as_u16(),
                retry_after,
                body: &body,
            }));
        }
        let answer = response.whole(LONGEST_ANSWER).await?.unwrap_or_default();
        serde_json::from_slice(&answer).map_err(|_| Error::new(Class::Decode, "did not answer with vectors"))
    }

    fn body(&self, texts: &[String]) -> Bytes {
        let mut body = Map::new();
        body.insert("model".into(), self.model.into());
        // Always a list: a text that is alone and empty would get no vector.
        body.insert("input".into(), json!(texts));
        // Ollama cuts an input that is too long in silence unless it is told not to.
        body.insert("truncate".into(), self.job.truncate.into());
        if let Some(dimensions) = self.job.dimensions {
            body.insert("dimensions".into(), dimensions.into());
        }
        if let Some(keep_alive) = &self.settings.keep_alive {
            body.insert("keep_alive".into(), json!(keep_alive));
        }
        if let Some(num_ctx) = self.settings.num_ctx {
            body.insert("options".into(), json!({ "num_ctx": num_ctx }));
        }
        Bytes::from(Value::Object(body).to_string())
    }
}
