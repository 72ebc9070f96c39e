use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::http1::{Connection, Framing, Head, Pool, Step};
use super::{failure, retry_after};
use crate::provider::Error;

/// How long the body of a refusal may take; what came by then has to do.
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

/// How much of a refusal is read.
const REFUSAL_BYTES: usize = 64 * 1024;

/// How long the end of a body may take after its protocol said that it is over.
const END_LIMIT: Duration = Duration::from_millis(100);

/// An answer whose head has come. Dropping it before its end closes the connection, which is how a generation is
/// cancelled upstream.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    framing: Framing,
    /// Gone once the body was read, and to `pool` if it can serve another request.
    connection: Option<Connection>,
    pool: Option<Pool>,
    began: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Response {
    pub(super) fn new(head: Head, connection: Connection, pool: &Pool) -> Self {
        Self {
            status: head.status,
            headers: head.headers,
            framing: head.framing,
            connection: Some(connection),
            pool: head.keeps_alive.then(|| pool.clone()),
            began: false,
        }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header as the server sent it.
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// The media type in lower case, without its parameters.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = value.and_then(|text| text.split(';').next()).unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after::retry_after(&self.headers)
    }

    /// The next piece of the body, cut wherever the network cut it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(connection) = &mut self.connection else {
            return Ok(None);
        };
        loop {
            match self.framing.next(&mut connection.buffer) {
                Ok(Step::Data(data)) => {
                    self.began = true;
                    return Ok(Some(data));
                }
                Ok(Step::Done) => break,
                Ok(Step::More) => {}
                Err(_) => return Err(failure::of_body(self.began)),
            }
            match poll_fn(|context| connection.poll_fill(context)).await {
                Ok(0) if self.framing.ends_with_connection() => break,
                Ok(0) | Err(_) => return Err(failure::of_body(self.began)),
                Ok(_) => {}
            }
        }
        let connection = self.connection.take();
        // What comes after an answer that nobody asked for is not to be taken for the next answer.
        if let (Some(pool), Some(connection)) = (&self.pool, connection.filter(|kept| kept.buffer.is_empty())) {
            pool.give(connection);
        }
        Ok(None)
    }

    /// Reads to the end of a body that has said all it has to say, so that its connection can serve the next request.
    pub async fn settle(mut self) {
        let rest = async { while let Ok(Some(_)) = self.chunk().await {} };
        // Not reaching the end costs a new connection next time and nothing else.
        tokio::time::timeout(END_LIMIT, rest).await.unwrap_or_default();
    }

    /// The body of a refusal, as far as it came in a few seconds and fits 64 KiB.
    pub(super) async fn refusal(mut self) -> String {
        let mut text = BytesMut::new();
        let read = async {
            while let Ok(Some(chunk)) = self.chunk().await {
                text.extend_from_slice(&chunk);
                if text.len() >= REFUSAL_BYTES {
                    break;
                }
            }
        };
        tokio::time::timeout(REFUSAL_LIMIT, read).await.unwrap_or_default();
        text.truncate(REFUSAL_BYTES);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The whole body, or `None` when it is longer than `limit` bytes.
    pub async fn whole(mut self, limit: usize) -> Result<Option<Bytes>, Error> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > limit {
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some(all.freeze()))
    }
}
