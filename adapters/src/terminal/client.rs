use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jarvis_gateway::provider::{self, Class};
use jarvis_gateway::upstream::{Response, Upstream};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::clean::clean_line;
use super::error::Error;
use super::wire::{Card, Conversation, Conversations, Fault, Message, Messages, Said};

const CONNECT: Duration = Duration::from_secs(3);
/// Everything but the event stream is a quick look into the database.
const ANSWER: Duration = Duration::from_secs(30);
/// 500 audit rows of 20 KiB fit.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
const SENTENCE: usize = 500;

/// A running Jarvis, asked over `docs/api.md` as the surface `terminal`.
#[derive(Debug)]
pub struct Client {
    upstream: Upstream,
}

/// What the server made of a message.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) message: Message,
    /// `false` when the same id had come before.
    pub(super) is_new: bool,
}

impl Client {
    /// `base_url` is `http://host:port`; `key` is a bearer key, needed once the server has any.
    pub fn new(base_url: &str, key: Option<SecretString>) -> Result<Self, Error> {
        let surface = HeaderName::from_static("x-jarvis-surface");
        let upstream = Upstream::new(base_url, key, CONNECT)?;
        Ok(Self {
            upstream: upstream.with_header(&surface, &HeaderValue::from_static("terminal")),
        })
    }

    pub fn base_url(&self) -> String {
        self.upstream.base_url()
    }

    /// `{"version", "started_at", "console", "found"}`
    pub async fn status(&self) -> Result<Value, Error> {
        self.fetch("/v1/jarvis/status").await
    }

    /// Every target of every chain, in the order of the chain.
    pub async fn targets(&self) -> Result<Vec<Value>, Error> {
        let answer: Targets = self.fetch("/v1/jarvis/targets").await?;
        Ok(answer.targets)
    }

    /// Holds the backend or target called `name` open or closed for some seconds, or lets go of it (`reset`), and
    /// returns the targets that this concerns.
    pub async fn force_target(&self, name: &str, to: &str, seconds: Option<u64>) -> Result<Vec<Value>, Error> {
        let path = format!("/v1/jarvis/targets/{}", encoded(name));
        let answer: Targets = self.post(&path, &json!({ "to": to, "seconds": seconds })).await?.0;
        Ok(answer.targets)
    }

    /// What is frozen.
    pub async fn frozen(&self) -> Result<Vec<Value>, Error> {
        let answer: Frozen = self.fetch("/v1/jarvis/freeze").await?;
        Ok(answer.frozen)
    }

    /// Freezes all acts or those of one tool, for a time or until it is taken away; what is frozen afterwards.
    pub async fn freeze(&self, what: &str, seconds: Option<u64>) -> Result<Vec<Value>, Error> {
        let asked = json!({ "what": what, "seconds": seconds });
        let answer: Frozen = self.post("/v1/jarvis/freeze", &asked).await?.0;
        Ok(answer.frozen)
    }

    /// Takes a freeze away; what is frozen afterwards.
    pub async fn unfreeze(&self, what: &str) -> Result<Vec<Value>, Error> {
        let answer: Frozen = self.post("/v1/jarvis/unfreeze", &json!({ "what": what })).await?.0;
        Ok(answer.frozen)
    }

    /// The cards that wait for a decision, newest first.
    pub async fn approvals(&self) -> Result<Vec<Value>, Error> {
        let answer: Approvals = self.fetch("/v1/jarvis/approvals?status=pending").await?;
        Ok(answer.approvals)
    }

    /// Approves or denies a card and returns it as it is afterwards; the act itself runs in the background. The id may
    /// be in small letters.
    pub async fn decide(&self, id: &str, yes: bool) -> Result<Value, Error> {
        let path = format!("/v1/jarvis/approvals/{}", card_id(id)?);
        let answer: Value = self.post(&path, &json!({ "yes": yes })).await?.0;
        Ok(unwrapped(answer, "approval"))
    }

    /// Reminders and recurring prompts that are active or paused, the next due first.
    pub async fn jobs(&self) -> Result<Vec<Value>, Error> {
        let answer: Jobs = self.fetch("/v1/jarvis/jobs").await?;
        Ok(answer.jobs)
    }

    /// Does `cancel`, `pause` or `resume` to a job and returns it as it is afterwards.
    pub async fn change_job(&self, id: &str, change: &str) -> Result<Value, Error> {
        let path = format!("/v1/jarvis/jobs/{}", card_id(id)?);
        Ok(self.post(&path, &json!({ "do": change })).await?.0)
    }

    /// What is remembered of the one who asks.
    pub async fn memories(&self) -> Result<Vec<Value>, Error> {
        let mut answer: Value = self.fetch("/v1/jarvis/memory").await?;
        self.typed(answer["memories"].take())
    }

    pub async fn recall(&self, query: &str) -> Result<Vec<Value>, Error> {
        let path = format!("/v1/jarvis/memory/search?q={}", encoded(query));
        let mut answer: Value = self.fetch(&path).await?;
        self.typed(answer["found"].take())
    }

    pub async fn remember(&self, text: &str) -> Result<Value, Error> {
        Ok(self.post("/v1/jarvis/memory", &json!({ "text": text })).await?.0)
    }

    pub async fn set_learning(&self, on: bool) -> Result<(), Error> {
        self.post::<Value>("/v1/jarvis/memory/learning", &json!({ "on": on }))
            .await?;
        Ok(())
    }

    pub async fn forget_memory(&self, id: &str) -> Result<(), Error> {
        let path = format!("/v1/jarvis/memory/{}", segment(id)?);
        let fields = HeaderMap::new();
        let asking = self.upstream.exchange(Method::DELETE, &path, &fields, Bytes::new());
        let response = self.within(asking).await?;
        self.read::<Value>(response).await?;
        Ok(())
    }

    /// The configured MCP servers with their tools.
    pub async fn mcp_servers(&self) -> Result<Vec<Value>, Error> {
        let answer: McpServers = self.fetch("/v1/jarvis/mcp").await?;
        Ok(answer.servers)
    }

    /// Allows a tool of an MCP server as it is now, or all of them; the names of those that were not allowed before.
    pub async fn allow_mcp(&self, server: &str, tool: Option<&str>) -> Result<Vec<String>, Error> {
        let path = format!("/v1/jarvis/mcp/{}/allow", segment(server)?);
        let answer: AllowedMcp = self.post(&path, &json!({ "tool": tool })).await?.0;
        Ok(answer.allowed)
    }

    /// `{"entries", "check"}`: audit entries older than the entry `before`, newest first.
    pub async fn audit(&self, before: Option<i64>, limit: i64) -> Result<Value, Error> {
        let before = before.map(|id| format!("&before={id}")).unwrap_or_default();
        self.fetch(&format!("/v1/jarvis/audit?limit={limit}{before}")).await
    }

    pub(super) async fn card(&self, id: &str) -> Result<Card, Error> {
        let path = format!("/v1/jarvis/approvals/{}", card_id(id)?);
        let answer: Value = self.fetch(&path).await?;
        self.typed(unwrapped(answer, "approval"))
    }

    pub(super) async fn latest_conversation(&self) -> Result<Option<String>, Error> {
        let answer: Conversations = self.fetch("/v1/jarvis/conversations?limit=1").await?;
        Ok(answer
            .conversations
            .into_iter()
            .next()
            .map(|conversation| conversation.id))
    }

    pub(super) async fn start_conversation(&self) -> Result<String, Error> {
        let answer: Value = self.post("/v1/jarvis/conversations", &json!({})).await?.0;
        let started: Conversation = self.typed(unwrapped(answer, "conversation"))?;
        Ok(started.id)
    }

    /// The last `limit` messages, oldest first.
    pub(super) async fn messages(&self, conversation: &str, limit: usize) -> Result<Vec<Message>, Error> {
        let path = format!(
            "/v1/jarvis/conversations/{}/messages?limit={limit}",
            segment(conversation)?
        );
        let answer: Messages = self.fetch(&path).await?;
        Ok(answer.messages)
    }

    /// `id` makes saying it twice harmless.
    pub(super) async fn say(&self, conversation: &str, text: &str, id: &str) -> Result<Taken, Error> {
        let path = format!("/v1/jarvis/conversations/{}/messages", segment(conversation)?);
        let (said, status): (Said, _) = self.post(&path, &json!({ "text": text, "id": id })).await?;
        Ok(Taken {
            message: said.message,
            is_new: status == StatusCode::ACCEPTED,
        })
    }

    pub(super) async fn cancel(&self, conversation: &str) -> Result<(), Error> {
        let path = format!("/v1/jarvis/conversations/{}/cancel", segment(conversation)?);
        self.post::<Value>(&path, &json!({})).await.map(drop)
    }

    /// Opens the event stream, after the event `after` when there was one.
    pub(super) async fn events(&self, after: Option<&str>) -> Result<Response, Error> {
        let path = match after {
            Some(after) => format!("/v1/jarvis/events?after={}", segment(after)?),
            None => "/v1/jarvis/events".to_owned(),
        };
        let response = self.within(self.upstream.get(&path)).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        if response.media_type() == "text/event-stream" {
            Ok(response)
        } else {
            Err(self.not_jarvis())
        }
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let response = self.within(self.upstream.get(path)).await?;
        Ok(self.read(response).await?.0)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<(T, StatusCode), Error> {
        let body = Bytes::from(body.to_string());
        let response = self.within(self.upstream.post_json(path, body)).await?;
        self.read(response).await
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<(T, StatusCode), Error> {
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response).await);
        }
        let body = self.within(whole(response)).await?;
        let parsed = serde_json::from_slice(&body).map_err(|_| self.not_jarvis())?;
        Ok((parsed, status))
    }

    fn typed<T: DeserializeOwned>(&self, value: Value) -> Result<T, Error> {
        serde_json::from_value(value).map_err(|_| self.not_jarvis())
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, provider::Error>>) -> Result<T, Error> {
        let silent = || {
            Err(provider::Error::new(
                Class::TtftTimeout,
                format!("no answer within {} s", ANSWER.as_secs()),
            ))
        };
        let done = tokio::time::timeout(ANSWER, work).await.unwrap_or_else(|_| silent());
        done.map_err(|reason| match reason.class {
            Class::HostDown => Error::NotThere {
                url: self.base_url(),
                reason,
            },
            _ => Error::Broken {
                url: self.base_url(),
                reason,
            },
        })
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let body = self.upstream.refusal(response).await;
        let fault = serde_json::from_str::<Fault>(&body).ok().map(|fault| fault.error);
        let is_shaped = fault.is_some();
        let fault = fault.unwrap_or_default();
        let says = clean_line(&fault.message, SENTENCE);
        if status == StatusCode::UNAUTHORIZED {
            let says = if says.is_empty() {
                "it is not known there".to_owned()
            } else {
                says
            };
            return Error::KeyRefused {
                url: self.base_url(),
                says,
            };
        }
        if !is_shaped && !status.is_server_error() {
            return self.not_jarvis();
        }
        let says = if says.is_empty() {
            format!("Jarvis answered with status {status}")
        } else {
            says
        };
        Error::Refused {
            status: status.as_u16(),
            code: fault.code,
            says,
        }
    }

    fn not_jarvis(&self) -> Error {
        Error::NotJarvis { url: self.base_url() }
    }
}

#[derive(Deserialize)]
struct Targets {
    targets: Vec<Value>,
}

#[derive(Deserialize)]
struct Frozen {
    frozen: Vec<Value>,
}

#[derive(Deserialize)]
struct McpServers {
    servers: Vec<Value>,
}

#[derive(Deserialize)]
struct AllowedMcp {
    allowed: Vec<String>,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Value>,
}

#[derive(Deserialize)]
struct Approvals {
    approvals: Vec<Value>,
}

async fn whole(mut response: Response) -> Result<Bytes, provider::Error> {
    let mut all = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if all.len() + chunk.len() > ANSWER_BYTES {
            return Err(provider::Error::new(Class::Decode, "an answer has more than 16 MiB"));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// One thing that is answered alone or under its name.
fn unwrapped(mut answer: Value, name: &str) -> Value {
    match answer.get_mut(name) {
        Some(inner) if inner.is_object() => inner.take(),
        Some(_) | None => answer,
    }
}

/// A name in a path: slashes stay, and whatever a path cannot hold is encoded.
fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:/@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path += &format!("%{byte:02X}");
        }
    }
    path
}

/// A card's id as the server writes it.
fn card_id(typed: &str) -> Result<String, Error> {
    segment(typed.trim()).map(str::to_ascii_uppercase)
}

/// `id` when it can stand in a path or a query as it is.
pub(super) fn segment(id: &str) -> Result<&str, Error> {
    let fits =
        !id.is_empty() && id.len() <= 200 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits && !id.starts_with('.') {
        return Ok(id);
    }
    Err(Error::Refused {
        status: 404,
        code: None,
        says: format!("`{}` is not an id", clean_line(id, 40)),
    })
}
