use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use crate::faults::Break;
use crate::log::Watch;
use crate::play::{Piece, Script};

/// A connection that is to be broken.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

pub(crate) type Body = Either<Full<Bytes>, StreamBody<BoxStream<'static, Result<Frame<Bytes>, Cut>>>>;

/// How one protocol writes the parts of a streamed answer.
pub(crate) trait Wire: Send + Sync + 'static {
    const MEDIA_TYPE: &'static str;

    /// What comes before the first piece.
    fn begin(&self) -> Bytes;
    fn piece(&self, piece: &Piece) -> Bytes;
    /// What comes after the last piece; `no_mark` leaves out the end mark where the protocol has one.
    fn end(&self, script: &Script, no_mark: bool) -> Bytes;
    fn error(&self) -> Bytes;
    fn malformed(&self) -> Bytes;
    /// Says that the connection lives, and nothing of the answer.
    fn ping(&self) -> Bytes {
        Bytes::new()
    }
    /// A whole answer that says that it is not over; `None` where the protocol cannot say so.
    fn undone(&self, script: &Script) -> Option<Bytes>;
}

/// `script` as a streamed answer.
pub(crate) fn streamed<W: Wire>(wire: W, script: Script, watch: Watch) -> Response<Body> {
    let frames: BoxStream<'static, Result<Frame<Bytes>, Cut>> = if script.byte_by_byte {
        Box::pin(split(frames(wire, script, watch)))
    } else if script.is_immediate() {
        Box::pin(at_once(wire, script, watch))
    } else {
        Box::pin(frames(wire, script, watch))
    };
    response(StatusCode::OK, W::MEDIA_TYPE, Either::Right(StreamBody::new(frames)))
}

fn frames<W: Wire>(wire: W, script: Script, watch: Watch) -> impl Stream<Item = Result<Frame<Bytes>, Cut>> + Send {
    let data = |bytes: Bytes| Ok(Frame::data(bytes));
    stream! {
        pause(script.lead).await;
        let first = match script.broken {
            Some((Break::ErrorFirst, _)) => Some(wire.error()),
            Some((Break::Undone, _)) => wire.undone(&script),
            Some(_) | None => None,
        };
        if let Some(first) = first {
            yield data(first);
            watch.answered();
            return;
        }
        let begin = wire.begin();
        if !begin.is_empty() {
            yield data(begin);
        }
        for _ in 0..script.pings {
            yield data(wire.ping());
            pause(Duration::from_secs(1)).await;
        }
        for (at, piece) in script.pieces.iter().enumerate() {
            pause(script.pause).await;
            if let Some((before, long)) = script.long_pause && at == before {
                pause(long).await;
            }
            match script.broken {
                Some((Break::Malformed, before)) if at == before => yield data(wire.malformed()),
                Some((Break::Garbage, _)) => {
                    yield data(wire.malformed());
                    continue;
                }
                Some((Break::Stall, before)) if at == before => std::future::pending().await,
                Some((Break::Die, before)) if at == before => {
                    // What was written must be on its way before the connection breaks.
                    pause(Duration::from_millis(20)).await;
                    watch.answered();
                    yield Err(Cut);
                    return;
                }
                Some((Break::NoDone | Break::Undone, before)) if at == before => {
                    watch.answered();
                    return;
                }
                Some((Break::ErrorLine, before)) if at == before => {
                    yield data(wire.error());
                    watch.answered();
                    return;
                }
                Some(_) | None => {}
            }
            if !(script.calls_last && matches!(piece, Piece::Calls(_))) {
                yield data(wire.piece(piece));
            }
        }
        yield data(wire.end(&script, matches!(script.broken, Some((Break::NoMark, _)))));
        watch.answered();
    }
}

/// An answer without a pause in one piece: what is written at once arrives at once, and a benchmark on two processors
/// must not measure how it was put together here.
fn at_once<W: Wire>(wire: W, script: Script, watch: Watch) -> impl Stream<Item = Result<Frame<Bytes>, Cut>> + Send {
    stream! {
        let mut all = BytesMut::from(wire.begin());
        for piece in &script.pieces {
            if !(script.calls_last && matches!(piece, Piece::Calls(_))) {
                all.extend_from_slice(&wire.piece(piece));
            }
        }
        all.extend_from_slice(&wire.end(&script, false));
        yield Ok(Frame::data(all.freeze()));
        watch.answered();
    }
}

fn split(
    frames: impl Stream<Item = Result<Frame<Bytes>, Cut>> + Send,
) -> impl Stream<Item = Result<Frame<Bytes>, Cut>> + Send {
    stream! {
        for await frame in frames {
            let Ok(Ok(bytes)) = frame.map(Frame::into_data) else { continue };
            for at in 0..bytes.len() {
                yield Ok(Frame::data(bytes.slice(at..=at)));
                // Lets the connection write this byte before the next one.
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

pub(crate) fn json(status: u16, value: &Value) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    whole(status, "application/json", value.to_string())
}

pub(crate) fn with_retry_after(mut response: Response<Body>, seconds: Option<u64>) -> Response<Body> {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

pub(crate) fn page() -> Response<Body> {
    let text = "<!doctype html><html><title>Sign in</title><body>Sign in to this network first.</body></html>";
    whole(StatusCode::OK, "text/html; charset=utf-8", text.into())
}

pub(crate) fn not_found() -> Response<Body> {
    whole(StatusCode::NOT_FOUND, "text/plain", "404 page not found".into())
}

fn whole(status: StatusCode, media_type: &'static str, text: String) -> Response<Body> {
    response(status, media_type, Either::Left(Full::from(text)))
}

fn response(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}
