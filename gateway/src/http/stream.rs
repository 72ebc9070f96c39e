//! The body of a streamed answer: events in, server-sent events out.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep};

use super::wire::{Chunk, Identity};
use super::write;
use crate::chat::{Event, Finish};
use crate::provider::{Error, Events};

/// A comment tells clients and proxies that the line is not dead.
const COMMENT_AFTER: Duration = Duration::from_secs(10);
/// Events that are ready at once are sent together, up to about this much.
const TOGETHER: usize = 16 * 1024;

/// Polling it drives the answer; dropping it cancels the answer.
pub(super) struct Answer {
    events: Events,
    identity: Identity,
    first: Option<Event>,
    buffer: BytesMut,
    timer: Pin<Box<Sleep>>,
    last_sent: Instant,
    /// The chunk with the role was sent.
    began: bool,
    /// A server of the same protocol sends chunks of its own, the last ones too.
    is_wire: bool,
    ended: bool,
}

impl Answer {
    /// `first` is an event that was taken from `events` already.
    pub(super) fn new(events: Events, identity: Identity, first: Option<Event>) -> Self {
        Self {
            events,
            identity,
            first,
            buffer: BytesMut::new(),
            timer: Box::pin(sleep(COMMENT_AFTER)),
            last_sent: Instant::now(),
            began: false,
            is_wire: false,
            ended: false,
        }
    }

    fn write(&mut self, event: &Event) {
        match event {
            Event::Wire(chunk) => {
                self.is_wire = true;
                write::raw(&mut self.buffer, &chunk.data);
            }
            Event::Served(served) => self.identity.model.clone_from(&served.model),
            Event::Text(text) => self.begun(|answer| {
                write::chunk(&mut answer.buffer, &Chunk::text(&answer.identity, text));
            }),
            Event::Reasoning(text) => self.begun(|answer| {
                write::chunk(&mut answer.buffer, &Chunk::reasoning(&answer.identity, text));
            }),
            Event::ToolCall(call) => self.begun(|answer| {
                write::chunk(&mut answer.buffer, &Chunk::tool_call(&answer.identity, call));
            }),
            Event::Reset => self.write_error("the target died and what it said is void"),
            Event::Finish(finish) => self.write_end(finish),
        }
    }

    fn begun(&mut self, then: impl FnOnce(&mut Self)) {
        if !self.began {
            self.began = true;
            write::chunk(&mut self.buffer, &Chunk::role(&self.identity));
        }
        then(self);
    }

    fn write_end(&mut self, finish: &Finish) {
        if !self.is_wire {
            self.begun(|answer| {
                write::chunk(&mut answer.buffer, &Chunk::finish(&answer.identity, finish.reason));
            });
            if let (true, Some(usage)) = (self.identity.include_usage, finish.usage) {
                write::chunk(&mut self.buffer, &Chunk::usage(&self.identity, usage));
            }
        }
        self.buffer.put_slice(write::DONE);
        self.ended = true;
    }

    fn write_error(&mut self, message: &str) {
        write::chunk(&mut self.buffer, &Chunk::error(&self.identity, message));
        self.buffer.put_slice(write::DONE);
        self.ended = true;
    }

    fn fill(&mut self, context: &mut Context<'_>) {
        if let Some(first) = self.first.take() {
            self.write(&first);
        }
        while !self.ended && self.buffer.len() < TOGETHER {
            match self.events.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(event))) => self.write(&event),
                Poll::Ready(Some(Err(Error { message, .. }))) => self.write_error(&message),
                Poll::Ready(None) => self.write_error("the answer was cut off"),
                Poll::Pending => return,
            }
        }
    }
}

impl Stream for Answer {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let answer = &mut *self;
        if answer.ended {
            return Poll::Ready(None);
        }
        answer.fill(context);
        if !answer.buffer.is_empty() {
            answer.last_sent = Instant::now();
            return Poll::Ready(Some(Ok(answer.buffer.split().freeze())));
        }
        while answer.timer.as_mut().poll(context).is_ready() {
            let due = answer.last_sent + COMMENT_AFTER;
            if due <= Instant::now() {
                answer.last_sent = Instant::now();
                answer.timer.as_mut().reset(answer.last_sent + COMMENT_AFTER);
                return Poll::Ready(Some(Ok(Bytes::from_static(write::STILL_THERE))));
            }
            answer.timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}
