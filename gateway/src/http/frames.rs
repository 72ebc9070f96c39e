//! The body of a streamed answer: events in, bytes of one format out.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{served, write};
use crate::chat::Event;
use crate::progress::Progress;
use crate::provider::{Class, Error, Events};
use crate::seldom::Seldom;

/// How long an answer may keep silent before the status is sent. Until then an error still has a status of its own.
const STATUS_WITHIN: Duration = Duration::from_secs(3);
/// A comment tells clients and proxies that the line is not dead.
const COMMENT_AFTER: Duration = Duration::from_secs(10);
/// Who wants to see how far a load is.
const PROGRESS_AFTER: Duration = Duration::from_secs(2);
/// Events that are ready at once are sent together, up to about this much.
const TOGETHER: usize = 16 * 1024;

/// How the events of an answer are written for one kind of caller.
pub(super) trait Encoder: Send + Unpin + 'static {
    const CONTENT_TYPE: HeaderValue;
    /// What is sent while a target keeps silent. `None` for a format that has no comments.
    const COMMENT: Option<&'static [u8]>;

    /// Writes an event. [`Event::Served`] comes before what it is about; [`Event::Reset`] never comes, because what was
    /// sent cannot be taken back. The answer is over after [`Event::Finish`].
    fn write(&mut self, event: &Event, out: &mut BytesMut);

    /// Tells how far a load is. The default is a comment, where the format has any.
    fn tell(&mut self, says: &str, _as_thinking: bool, out: &mut BytesMut) {
        if Self::COMMENT.is_some() {
            write::comment(out, says);
        }
    }

    /// Ends an answer that has begun and cannot be finished.
    fn interrupt(&mut self, error: &Error, out: &mut BytesMut);

    /// Asked once the answer is over, until it is ready: what has to happen before the end of the answer may be sent.
    fn poll_end(&mut self, _context: &mut Context<'_>, _out: &mut BytesMut) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Answers with a stream. The status waits for the first event that says something, for as long as that is polite.
/// While a model is being loaded, `progress` is what the caller is told of it.
pub(super) async fn answer<E: Encoder>(
    mut events: Events,
    mut encoder: E,
    progress: Option<Progress>,
) -> Result<Response, Error> {
    let (mut buffer, mut by) = (BytesMut::new(), None);
    let first = timeout(STATUS_WITHIN, async {
        loop {
            match events.next().await {
                Some(Ok(Event::Served(served))) => by = Some(served),
                event => return event,
            }
        }
    });
    let first = match first.await {
        Ok(Some(event)) => Some(event?),
        Ok(None) => return Err(cut_off()),
        Err(_) => None,
    };
    if let Some(served) = &by {
        encoder.write(&Event::Served(served.clone()), &mut buffer);
    }
    let mut frames = Frames {
        events,
        encoder,
        buffer,
        timer: Seldom::new(sleep(COMMENT_AFTER)),
        last_sent: Instant::now(),
        stage: Stage::Live,
        progress: progress.filter(|_| first.is_none()),
    };
    if let Some(first) = first {
        frames.write(&first);
    }
    if frames.progress.is_some() {
        frames.tell_progress();
        frames.timer.change().reset(Instant::now() + PROGRESS_AFTER);
    }
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, E::CONTENT_TYPE);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    served::tell(headers, by.as_ref());
    Ok(response)
}

pub(super) fn cut_off() -> Error {
    Error::new(Class::Truncated, "the answer was cut off")
}

/// Polling it drives the answer; dropping it cancels the answer.
struct Frames<E> {
    events: Events,
    encoder: E,
    buffer: BytesMut,
    timer: Seldom<Sleep>,
    last_sent: Instant,
    stage: Stage,
    /// Until the answer begins.
    progress: Option<Progress>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Live,
    /// The last event was written, and the encoder may still have something to do.
    Ending,
    Ended,
}

impl<E: Encoder> Frames<E> {
    fn write(&mut self, event: &Event) {
        if self.progress.is_some() && !matches!(event, Event::Served(_)) {
            self.progress = None;
        }
        match event {
            Event::Reset => self.interrupt(&Error::new(
                Class::Truncated,
                "the target died and what it said is void",
            )),
            Event::Finish(_) => {
                self.encoder.write(event, &mut self.buffer);
                self.stage = Stage::Ending;
            }
            Event::Served(served) => {
                self.encoder.write(event, &mut self.buffer);
                if E::COMMENT.is_some() {
                    served::tell_late(&mut self.buffer, served);
                }
            }
            Event::Text(_) | Event::Reasoning(_) | Event::Logprobs(_) | Event::ToolCall(_) | Event::Wire(_) => {
                self.encoder.write(event, &mut self.buffer);
            }
        }
    }

    fn interrupt(&mut self, error: &Error) {
        self.encoder.interrupt(error, &mut self.buffer);
        self.stage = Stage::Ending;
    }

    fn fill(&mut self, context: &mut Context<'_>) {
        while self.stage == Stage::Live && self.buffer.len() < TOGETHER {
            match self.events.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(event))) => self.write(&event),
                Poll::Ready(Some(Err(error))) => self.interrupt(&error),
                Poll::Ready(None) => self.interrupt(&cut_off()),
                Poll::Pending => break,
            }
        }
        if self.stage == Stage::Ending && self.encoder.poll_end(context, &mut self.buffer).is_ready() {
            self.stage = Stage::Ended;
        }
    }

    /// Whether there was something to tell.
    fn tell_progress(&mut self) -> bool {
        let Some(progress) = &self.progress else {
            return false;
        };
        let says = progress.says();
        if let Some(says) = &says {
            self.encoder.tell(says, progress.as_thinking, &mut self.buffer);
        }
        says.is_some() && !self.buffer.is_empty()
    }

    /// Ready when a step of a load is due; nothing is left of it once the answer has begun.
    fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        ready!(self.timer.poll(context));
        loop {
            self.timer.change().reset(Instant::now() + PROGRESS_AFTER);
            let is_told = self.tell_progress();
            let is_due = self.last_sent + COMMENT_AFTER <= Instant::now();
            if let (false, true, Some(comment)) = (is_told, is_due, E::COMMENT) {
                self.buffer.put_slice(comment);
            }
            if !self.buffer.is_empty() {
                self.last_sent = Instant::now();
                return Poll::Ready(self.buffer.split().freeze());
            }
            ready!(self.timer.poll(context));
        }
    }

    /// Ready when the line was silent for so long that a comment is due.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<&'static [u8]> {
        let Some(comment) = E::COMMENT else {
            return Poll::Pending;
        };
        loop {
            ready!(self.timer.poll(context));
            let due = self.last_sent + COMMENT_AFTER;
            if due <= Instant::now() {
                self.last_sent = Instant::now();
                self.timer.change().reset(self.last_sent + COMMENT_AFTER);
                return Poll::Ready(comment);
            }
            self.timer.change().reset(due);
        }
    }
}

impl<E: Encoder> Stream for Frames<E> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frames = &mut *self;
        if frames.stage != Stage::Ended {
            frames.fill(context);
        }
        if !frames.buffer.is_empty() {
            frames.last_sent = Instant::now();
            return Poll::Ready(Some(Ok(frames.buffer.split().freeze())));
        }
        if frames.stage == Stage::Ended {
            return Poll::Ready(None);
        }
        if frames.progress.is_some() {
            return frames.poll_progress(context).map(|bytes| Some(Ok(bytes)));
        }
        frames
            .poll_silence(context)
            .map(|comment| Some(Ok(Bytes::from_static(comment))))
    }
}
