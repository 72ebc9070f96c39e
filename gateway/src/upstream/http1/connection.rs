use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::head::Head;

/// What is read at once. The pieces of a streamed answer are much shorter.
const READ: usize = 8 * 1024;
/// How many parts of a request are written together.
const TOGETHER: usize = 8;

/// In a box, because the state of TLS takes a kilobyte even where there is none, and connections are handed around.
pub(in crate::upstream) type Io = Box<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>;

/// Why a request got no answer, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Failure {
    /// The connection ended before anything of an answer came.
    Closed,
    /// It ended in the middle.
    Broken,
    /// What came is not HTTP.
    Garbled,
}

/// A connection to a server. Dropping it closes it.
pub(in crate::upstream) struct Connection {
    io: Io,
    /// Read and not yet used.
    pub(in crate::upstream) buffer: BytesMut,
    /// Has answered before, so that the server may have closed it for having idled.
    pub(in crate::upstream) was_used: bool,
}

impl Connection {
    pub(in crate::upstream) fn new(io: Io) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            was_used: false,
        }
    }

    /// Sends a request, given as bytes, and waits for the head of its answer. When that comes before everything was sent,
    /// the rest is not sent, and the connection is of no further use.
    pub(in crate::upstream) async fn ask(&mut self, mut request: VecDeque<Bytes>) -> Result<Head, Failure> {
        let mut sent = Poll::Pending;
        let head = poll_fn(|context| {
            if sent.is_pending() {
                // A server may refuse without reading everything: what it says counts, not that it stopped reading.
                sent = self.poll_send(context, &mut request).map(|sent| sent.is_ok());
            }
            loop {
                match ready!(self.poll_fill(context)) {
                    Ok(0) | Err(_) if self.buffer.is_empty() => return Poll::Ready(Err(Failure::Closed)),
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::Broken)),
                    Ok(_) => {}
                }
                if let Some(head) = Head::take(&mut self.buffer).transpose() {
                    return Poll::Ready(head);
                }
            }
        });
        let mut head = head.await?;
        self.was_used = true;
        head.keeps_alive &= sent == Poll::Ready(true);
        Ok(head)
    }

    /// Reads more into the buffer; 0 is the end of the connection. A stream that waits for its next piece owns no memory
    /// for it: a thousand such buffers would be read into from afar every time.
    pub(in crate::upstream) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        let mut space = [MaybeUninit::uninit(); READ];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut read))?;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Whether an idle connection can be asked something: it is open, and nothing came that nobody asked for.
    pub(in crate::upstream) fn is_quiet(&mut self) -> bool {
        self.buffer.is_empty() && self.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    fn poll_send(&mut self, context: &mut Context<'_>, request: &mut VecDeque<Bytes>) -> Poll<io::Result<()>> {
        while !request.is_empty() {
            let mut slices = [IoSlice::new(&[]); TOGETHER];
            for (slice, part) in slices.iter_mut().zip(request.iter()) {
                *slice = IoSlice::new(part);
            }
            let mut written = ready!(Pin::new(&mut self.io).poll_write_vectored(context, &slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            while let Some(part) = request.front_mut() {
                if written < part.len() {
                    part.advance(written);
                    break;
                }
                written -= part.len();
                request.pop_front();
            }
        }
        Pin::new(&mut self.io).poll_flush(context)
    }
}
