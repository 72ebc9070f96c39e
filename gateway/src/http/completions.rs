//! `POST /v1/completions`, from before chat: the prompt is asked as the one message of a user.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::{BufMut, BytesMut};
use http::HeaderMap;
use http::header::HeaderValue;
use serde_json::Value;

use super::body::read_body;
use super::chat::LONGEST_BODY;
use super::error::Error;
use super::frames::{self, Encoder};
use super::guard::require;
use super::whole::gather;
use super::wire::{Text, parse_completion};
use super::{cache, demands, router, served, write};
use crate::caller::{Caller, Scope};
use crate::chat::{Delivery, Event, FinishReason, Message, Request, Role};
use crate::demands::Endpoint;
use crate::provider::{self, Call, Events};

pub(super) async fn completions(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Chat)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let asked = parse_completion(&body)?;
    let provider = state.registry.find(&caller, &asked.model)?;
    let (origin, demands) = demands::read(&headers, Endpoint::Completions, &asked.model)?;
    let text = Text {
        id: format!("cmpl-{}", uuid::Uuid::now_v7().simple()),
        created: state.clock.now().0 / 1000,
        model: asked.model.clone(),
    };
    let progress = demands.progress.clone();
    let request = Request {
        messages: vec![Message::text(Role::User, asked.prompt)],
        options: asked.options,
        conversation: origin.conversation.clone(),
        origin,
        demands,
        caller,
        delivery: if asked.stream { Delivery::Live } else { Delivery::Whole },
        ..Request::default()
    };
    let mut found = cache::look_up(&state, &headers, &request, (&asked.model, Some(&body))).await?;
    let events = found.stream(&state, Arc::new(request), move |request| {
        provider.stream(Call {
            request,
            model: asked.model,
            left: Vec::new(),
        })
    });
    let mut response = if asked.stream {
        let include_usage = asked.include_usage;
        let pieces = Pieces {
            text,
            include_usage,
            began: false,
        };
        frames::answer(events, pieces, progress).await?
    } else {
        whole(events, text).await?
    };
    served::tell_dropped(response.headers_mut(), &asked.dropped);
    found.tell(response.headers_mut());
    Ok(response)
}

async fn whole(events: Events, mut text: Text) -> Result<Response, Error> {
    let reply = gather(events).await?.reply;
    if let Some(served) = &reply.served {
        text.model.clone_from(&served.model);
    }
    let answer = text.whole(&reply.text, reply.finish.reason, reply.finish.usage);
    let mut response = Json(answer).into_response();
    served::tell(response.headers_mut(), reply.served.as_ref());
    served::tell_end(response.headers_mut(), &reply.finish);
    Ok(response)
}

/// A streamed answer. Thinking has no place in it.
struct Pieces {
    text: Text,
    include_usage: bool,
    began: bool,
}

impl Pieces {
    /// Who asked for the usage reads in every piece before it that it is still to come.
    fn piece(&self, text: &str, reason: Option<FinishReason>) -> Value {
        let mut piece = self.text.piece(text, reason);
        if self.include_usage {
            piece["usage"] = Value::Null;
        }
        piece
    }
}

impl Encoder for Pieces {
    const CONTENT_TYPE: HeaderValue = write::EVENT_STREAM;
    const COMMENT: Option<&'static [u8]> = Some(write::STILL_THERE);

    fn write(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            // It is the same in all pieces of one stream.
            Event::Served(_) if self.began => {}
            Event::Served(served) => self.text.model.clone_from(&served.model),
            Event::Text(text) => {
                self.began = true;
                write::chunk(out, &self.piece(text, None));
            }
            Event::Finish(finish) => {
                write::chunk(out, &self.piece("", Some(finish.reason)));
                if let (true, Some(usage)) = (self.include_usage, finish.usage) {
                    write::chunk(out, &self.text.usage(usage));
                }
                out.put_slice(write::DONE);
            }
            Event::Reasoning(_) | Event::Logprobs(_) | Event::ToolCall(_) | Event::Wire(_) | Event::Reset => {}
        }
    }

    fn interrupt(&mut self, error: &provider::Error, out: &mut BytesMut) {
        write::chunk(out, &self.text.error(&error.message));
        out.put_slice(write::DONE);
    }
}
