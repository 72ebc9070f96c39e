//! The models of an Ollama server looked after by a person: listed and pulled. Over `ollama-rs`, which is good for this
//! and never used to chat: it loses errors in the middle of an answer, tool call ids and split characters. Showing one
//! model is [`super::show`]'s, because `ollama-rs` asks for it by a field that Ollama has given up.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ollama_rs::error::OllamaError;

use crate::provider::{Class, Error};
use crate::providers::refusal::shortened;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The server says nothing while it checks what it has fetched, which takes minutes for a big model on a slow disk.
const SILENCE_LIMIT: Duration = Duration::from_mins(10);

/// One Ollama server.
pub struct Admin {
    client: ollama_rs::Ollama,
}

/// A model that the server keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// A step of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// `pulling manifest`, `pulling 8eeb52dfb3bb`, `success`.
    pub says: String,
    /// Bytes that are there, and all of them, of what is being fetched.
    pub bytes: Option<(u64, u64)>,
}

impl Admin {
    /// `base_url` is `http://host:port`. TLS is not spoken here: it would bring a second TLS set-up into the program.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        let refuse = |why: String| Error::new(Class::ClientFault, format!("`{base_url}`: {why}"));
        if !base_url.starts_with("http://") {
            return Err(refuse(
                "models are looked after over http:// only; use `ollama` on that machine".into(),
            ));
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .build();
        let http = http.map_err(|error| refuse(error.to_string()))?;
        let url: url::Url = base_url.parse().map_err(|_| refuse("this is not a URL".into()))?;
        let client = ollama_rs::Ollama::builder().url(url).reqwest_client(http);
        Ok(Self { client: client.build() })
    }

    pub async fn list(&self) -> Result<Vec<Kept>, Error> {
        let models = within(self.client.list_local_models()).await?;
        let kept = models.into_iter().map(|model| Kept {
            name: model.name,
            size: model.size,
        });
        Ok(kept.collect())
    }

    /// Fetches a model from Ollama's library. The steps end with `success`, or with an error; a server that was left
    /// keeps what it has and goes on from there the next time.
    pub async fn pull(&self, model: &str) -> Result<impl Stream<Item = Result<Progress, Error>> + use<>, Error> {
        let pulling = self.client.pull_model_stream(model.to_owned(), false);
        let mut steps = within(pulling).await?;
        Ok(async_stream::stream! {
            loop {
                let Ok(step) = tokio::time::timeout(SILENCE_LIMIT, steps.next()).await else {
                    yield Err(Error::new(Class::IdleTimeout, "the server said nothing more for 10 minutes"));
                    return;
                };
                let Some(step) = step else { break };
                let step = step.map(progress).map_err(|error| fault(&error));
                let is_last = step.as_ref().map_or(true, |step| step.says == "success");
                yield step;
                if is_last {
                    return;
                }
            }
            yield Err(Error::new(Class::Truncated, "the pull broke off; pull again to go on"));
        })
    }
}

fn progress(status: ollama_rs::models::pull::PullModelStatus) -> Progress {
    Progress {
        says: status.message,
        bytes: status.completed.zip(status.total),
    }
}

async fn within<T>(asking: impl Future<Output = Result<T, OllamaError>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_LIMIT, asking).await {
        Ok(answer) => answer.map_err(|error| fault(&error)),
        Err(_) => Err(Error::new(Class::TtftTimeout, "no answer within 10 s")),
    }
}

fn fault(error: &OllamaError) -> Error {
    match error {
        OllamaError::InternalError(said) => Error::new(Class::ClientFault, shortened(&said.message)),
        OllamaError::Other(said) => Error::new(Class::ClientFault, shortened(&super::super::refusal::message_of(said))),
        OllamaError::ReqwestError(error) if error.is_connect() => {
            Error::new(Class::HostDown, "the host cannot be reached")
        }
        OllamaError::ReqwestError(_) => Error::new(Class::Transport, "the connection broke"),
        OllamaError::JsonError(_) | OllamaError::ToolCallError(_) => {
            Error::new(Class::Decode, "the answer is not Ollama's")
        }
    }
}
