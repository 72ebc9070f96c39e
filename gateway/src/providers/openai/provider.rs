use std::sync::Arc;
use std::time::Duration;

use async_stream::try_stream;
use bytes::Bytes;

use super::settings::Settings;
use super::stream::Reader;
use super::{fault, request, splice};
use crate::chat::{Event, Protocol, Request, ToolChoice};
use crate::demands::Hops;
use crate::jobs::{Space, Worker};
use crate::provider::{Call, Class, Error, Events, Provider};
use crate::providers::ollama;
use crate::providers::refusal::Refusal;
use crate::upstream::{Malformed, Response, Upstream, sse};

/// How long the usage and the end mark may take once the answer itself has ended. A server that never sends them
/// must not turn a whole answer into a failure.
const AFTER_END: Duration = Duration::from_secs(2);

const OPENAI: &str = "https://api.openai.com/";

/// One OpenAI-compatible server with the settings of one target on it.
#[derive(Debug)]
pub struct OpenAi {
    upstream: Arc<Upstream>,
    settings: Arc<Settings>,
    space: Option<Space>,
}

impl OpenAi {
    /// The base URL of `upstream` includes the version: `https://api.openai.com/v1`.
    pub fn new(upstream: Arc<Upstream>, settings: Settings) -> Self {
        Self {
            upstream,
            settings: Arc::new(settings),
            space: None,
        }
    }

    /// Says which vectors its models make.
    #[must_use]
    pub fn with_space(self, space: Option<Space>) -> Self {
        Self { space, ..self }
    }

    pub(super) fn space(&self) -> Option<&Space> {
        self.space.as_ref()
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Provider for OpenAi {
    fn worker(&self, _: &str) -> Option<&dyn Worker> {
        Some(self)
    }

    fn dropped(&self, _: &str, request: &Request) -> Vec<String> {
        match &request.original {
            Some(original) if original.protocol != Protocol::OpenAiChat => ollama::untold(original),
            Some(_) | None => Vec::new(),
        }
    }

    fn stream(&self, call: Call) -> Events {
        let upstream = Arc::clone(&self.upstream);
        let settings = Arc::clone(&self.settings);
        Box::pin(try_stream! {
            let (body, mut reader) = prepare(&call, &settings, only_tool(&upstream, &call.request))?;
            let mut response = ask(&upstream, body, call.request.origin.hops).await?;
            let mut decoder = sse::Decoder::default();
            let mut events = Vec::new();
            while !reader.is_over() {
                let chunk = more(&mut response, reader.is_complete()).await?;
                let is_last = chunk.is_none();
                match chunk {
                    Some(bytes) => decoder.push(bytes),
                    None => decoder.end(),
                }
                while next(&mut decoder, &mut reader, &mut events).map_err(|error| upstream.redacted(error))? {
                    for event in events.drain(..) {
                        yield event;
                    }
                }
                if is_last {
                    break;
                }
            }
            if let Some(finish) = reader.finish() {
                response.settle().await;
                yield Event::Finish(finish);
            }
        })
    }
}

/// The tool that has to be called, where a server may not keep to its name: llama.cpp's picks any. It is then the only one
/// that is told, and some call is demanded. OpenAI itself is sent what was asked.
fn only_tool<'r>(upstream: &Upstream, request: &'r Request) -> Option<&'r str> {
    match &request.tool_choice {
        ToolChoice::Named(name) if !upstream.base_url().starts_with(OPENAI) => Some(name),
        ToolChoice::Named(_) | ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
    }
}

/// The body to send, and the reader of what comes back.
fn prepare(call: &Call, settings: &Settings, only: Option<&str>) -> Result<(Bytes, Reader), Error> {
    match &call.request.original {
        Some(original) if original.protocol == Protocol::OpenAiChat => {
            let spliced = splice::splice(&original.body, &call.model, (settings, only))?;
            Ok((spliced.body, Reader::wire(spliced.choices, original.include_usage)))
        }
        Some(original) => match ollama::only_a_prompt(original) {
            Some(field) => {
                let message = format!("takes conversations only, so that `{field}` cannot be passed on");
                Err(Error::new(Class::Capability, message))
            }
            None => Ok((
                request::body(&call.request, &call.model, (settings, only))?,
                Reader::typed(),
            )),
        },
        None => Ok((
            request::body(&call.request, &call.model, (settings, only))?,
            Reader::typed(),
        )),
    }
}

/// Sends the request and makes sure that what comes back is a stream.
async fn ask(upstream: &Upstream, body: Bytes, hops: Hops) -> Result<Response, Error> {
    let response = upstream.pass_json("/chat/completions", body, hops).await?;
    let status = response.status().as_u16();
    let is_document = matches!(response.media_type().as_str(), "application/json" | "text/html");
    if response.status().is_success() && !is_document {
        return Ok(response);
    }
    let retry_after = response.retry_after();
    let body = upstream.refusal(response).await;
    if status >= 300 {
        return Err(fault::classify(Refusal {
            status,
            retry_after,
            body: &body,
        }));
    }
    // Some servers say 200 and then what went wrong.
    let error = serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|value| value.get("error").is_some());
    Err(if error {
        fault::classify_event(&body)
    } else {
        Error::new(Class::Decode, "did not answer with a stream")
    })
}

/// The next piece of the answer; a stall or a break after its end is its end.
async fn more(response: &mut Response, is_complete: bool) -> Result<Option<Bytes>, Error> {
    if !is_complete {
        return response.chunk().await;
    }
    match tokio::time::timeout(AFTER_END, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

/// Reads the next event of the server; `false` until more bytes came.
fn next(decoder: &mut sse::Decoder, reader: &mut Reader, events: &mut Vec<Event>) -> Result<bool, Error> {
    match decoder.next_event() {
        Ok(None) => Ok(false),
        Ok(Some(event)) => reader.read(&event, events).map(|()| true),
        Err(Malformed::NotUtf8) => reader.skip().map(|()| true),
        Err(error @ Malformed::LineTooLong) => Err(Error::new(Class::Decode, error.to_string())),
    }
}
