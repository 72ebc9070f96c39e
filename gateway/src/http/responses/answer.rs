//! A streamed answer: events in, OpenAI's events out, and the response is kept before the last of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use http::header::HeaderValue;
use serde_json::Value;

use super::keep::Keeper;
use crate::chat::{Event, Usage};
use crate::clock::Clock;
use crate::http::frames::Encoder;
use crate::http::wire::responses::{Answer, Status};
use crate::http::write;
use crate::provider::Error;

pub(super) struct Streamed {
    answer: Answer,
    clock: Arc<dyn Clock>,
    keeper: Option<Keeper>,
    end: End,
}

enum End {
    None,
    Known(Value),
    Keeping(Pin<Box<dyn Future<Output = Value> + Send>>),
}

impl Streamed {
    pub(super) fn new(answer: Answer, clock: Arc<dyn Clock>, keeper: Option<Keeper>) -> Self {
        Self {
            answer,
            clock,
            keeper,
            end: End::None,
        }
    }

    fn end(&mut self, status: &Status, usage: Option<Usage>, out: &mut BytesMut) {
        let response = self.answer.end(status, usage, self.clock.now(), out);
        self.end = match self.keeper.take() {
            Some(keeper) => End::Keeping(Box::pin(keeper.keep(response))),
            None => End::Known(response),
        };
    }
}

impl Encoder for Streamed {
    const CONTENT_TYPE: HeaderValue = write::EVENT_STREAM;
    const COMMENT: Option<&'static [u8]> = Some(write::STILL_THERE);

    fn write(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Served(served) => self.answer.served(&served.model),
            Event::Text(text) => self.answer.text(text, out),
            Event::Reasoning(text) => self.answer.reasoning(text, out),
            Event::Logprobs(tokens) => self.answer.logprobs(tokens),
            Event::ToolCall(delta) => self.answer.call(delta, out),
            Event::Finish(finish) => self.end(&Status::of_reason(finish.reason), finish.usage, out),
            // Chunks of another protocol are not asked for, and a reset is an interruption here.
            Event::Wire(_) | Event::Reset => {}
        }
    }

    fn interrupt(&mut self, error: &Error, out: &mut BytesMut) {
        self.end(&Status::of_error(error), None, out);
    }

    fn poll_end(&mut self, context: &mut Context<'_>, out: &mut BytesMut) -> Poll<()> {
        let response = match std::mem::replace(&mut self.end, End::None) {
            End::None => return Poll::Ready(()),
            End::Known(response) => response,
            End::Keeping(mut keeping) => match keeping.as_mut().poll(context) {
                Poll::Ready(response) => response,
                Poll::Pending => {
                    self.end = End::Keeping(keeping);
                    return Poll::Pending;
                }
            },
        };
        self.answer.last(&response, out);
        Poll::Ready(())
    }
}
