use std::sync::Arc;

use async_stream::try_stream;

use super::settings::Settings;
use super::stream::Reader;
use super::{fault, original, request};
use crate::chat::{Event, Request};
use crate::jobs::{Space, Worker};
use crate::provider::{Call, Class, Error, Events, Provider};
use crate::providers::refusal::Refusal;
use crate::upstream::{Malformed, Response, Upstream, ndjson};

/// One Ollama server with the settings of one target on it.
#[derive(Debug)]
pub struct Ollama {
    upstream: Arc<Upstream>,
    settings: Arc<Settings>,
    space: Option<Space>,
}

impl Ollama {
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

impl Provider for Ollama {
    fn worker(&self, _: &str) -> Option<&dyn Worker> {
        Some(self)
    }

    fn dropped(&self, _: &str, request: &Request) -> Vec<String> {
        original::dropped(request, &self.settings)
    }

    fn stream(&self, call: Call) -> Events {
        let upstream = Arc::clone(&self.upstream);
        let settings = Arc::clone(&self.settings);
        Box::pin(try_stream! {
            let mut response = ask(&upstream, &settings, &call).await?;
            let mut decoder = ndjson::Decoder::default();
            let mut reader = Reader::new(&call.request);
            let (mut events, mut finish) = (Vec::new(), None);
            while finish.is_none() {
                let chunk = response.chunk().await?;
                let is_last = chunk.is_none();
                match chunk {
                    Some(bytes) => decoder.push(bytes),
                    None => decoder.end(),
                }
                while next(&mut decoder, &mut reader, &mut events).map_err(|error| upstream.redacted(error))? {
                    for event in events.drain(..) {
                        if matches!(event, Event::Finish(_)) {
                            finish = Some(event);
                        } else {
                            yield event;
                        }
                    }
                }
                if is_last {
                    break;
                }
            }
            if let Some(finish) = finish {
                response.settle().await;
                yield finish;
            }
        })
    }
}

/// Adds the events of the next line. False until more bytes came.
fn next(decoder: &mut ndjson::Decoder, reader: &mut Reader, events: &mut Vec<Event>) -> Result<bool, Error> {
    match decoder.next_line() {
        Ok(None) => Ok(false),
        Ok(Some(line)) => reader.read(&line, events).map(|()| true),
        Err(Malformed::NotUtf8) => reader.skip().map(|()| true),
        Err(error @ Malformed::LineTooLong) => Err(Error::new(Class::Decode, error.to_string())),
    }
}

/// Sends the request, and once more without `think` when the model cannot think: that is a wish, not a need.
async fn ask(upstream: &Upstream, settings: &Settings, call: &Call) -> Result<Response, Error> {
    let think = request::thinking(&call.request, settings);
    let refusal = match send(upstream, settings, call, think).await? {
        Ok(response) => return Ok(response),
        Err(refusal) => refusal,
    };
    if think.is_none() || refusal.status != Some(400) || !refusal.message.contains("think") {
        return Err(refusal);
    }
    send(upstream, settings, call, None).await?
}

/// The outer error is that of asking, the inner one is the server's refusal.
async fn send(
    upstream: &Upstream,
    settings: &Settings,
    call: &Call,
    think: Option<super::Thinking>,
) -> Result<Result<Response, Error>, Error> {
    let body = request::body(&call.request, &call.model, settings, think)?;
    let response = upstream
        .pass_json(request::path(&call.request), body, call.request.origin.hops)
        .await?;
    let status = response.status();
    if status.is_success() {
        return Ok(Ok(response));
    }
    let retry_after = response.retry_after();
    let body = upstream.refusal(response).await;
    Ok(Err(fault::classify(Refusal {
        status: status.as_u16(),
        retry_after,
        body: &body,
    })))
}
