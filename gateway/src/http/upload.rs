//! Large request bodies: kept in memory once, so that another target can be sent them too, and not too many at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{discard, too_large};
use super::error::Error;
use crate::jobs::Form;

/// What all uploads together may take of memory.
const TOGETHER: usize = 128 * 1024 * 1024;
const KIB: usize = 1024;
/// How long an upload waits for others to be done.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// A client may be slow, but not stop, and not so slow that it takes the memory from others for long.
const MORE_WITHIN: Duration = Duration::from_secs(30);
/// What has to come in a second, after the first [`MORE_WITHIN`]: one megabit. So 50 MiB take seven minutes at most.
const SLOWEST: u64 = 128 * 1024;
/// What is read and thrown away of a file that is too large: most clients look for an answer only when all is sent.
const DISCARDED: usize = 1024 * 1024 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_mins(1);

/// The memory that uploads share.
pub(super) struct Uploads {
    kibibytes: Arc<Semaphore>,
}

/// A part of it, given back when it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            kibibytes: Arc::new(Semaphore::new(TOGETHER / KIB)),
        }
    }
}

impl Uploads {
    /// Reads a whole body of at most `limit` bytes. Keep the place for as long as the bytes.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body, limit: usize) -> Result<(Bytes, Place), Error> {
        let declared: Option<usize> = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length| length > limit) {
            // Whoever waits for a go-ahead has not sent anything yet.
            if !headers.contains_key(EXPECT) {
                discard(body, DISCARDED, DISCARDED_WITHIN).await;
            }
            return Err(too_large(limit));
        }
        let length = declared.unwrap_or(limit);
        let place = self.place(length).await?;
        let bytes = collect(body, length, limit).await?;
        Ok((bytes, place))
    }

    async fn place(&self, length: usize) -> Result<Place, Error> {
        let kibibytes = u32::try_from(length.div_ceil(KIB)).unwrap_or(u32::MAX);
        let turn = timeout(TURN_WITHIN, self.kibibytes.clone().acquire_many_owned(kibibytes)).await;
        match turn {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(Error {
                retry_after: Some(TURN_WITHIN),
                ..Error::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too_many_uploads",
                    "other uploads take all the memory that there is for them; try again in a few seconds",
                )
            }),
        }
    }
}

/// The memory is taken in one piece, because growing it would copy what came and need both for a while. What was only
/// declared costs nothing before it comes.
async fn collect(mut body: Body, length: usize, limit: usize) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::with_capacity(length);
    let began = Instant::now();
    loop {
        let due = began + MORE_WITHIN + Duration::from_secs(bytes.len() as u64 / SLOWEST);
        let soon = Instant::now() + MORE_WITHIN;
        let Ok(frame) = timeout_at(due.min(soon), body.frame()).await else {
            return Err(if due < soon { too_slow() } else { stopped() });
        };
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(_)) => {
                let message = "the request's body was cut off";
                return Err(Error::new(StatusCode::BAD_REQUEST, "body_interrupted", message));
            }
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > limit {
                    discard(body, DISCARDED, DISCARDED_WITHIN).await;
                    return Err(too_large(limit));
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

pub(super) fn form(media_type: Option<&HeaderValue>, body: Bytes) -> Result<Form, Error> {
    Form::parse(media_type, body).map_err(|error| Error::invalid(None, "invalid_request", error.to_string()))
}

fn stopped() -> Error {
    let seconds = MORE_WITHIN.as_secs();
    let message = format!("nothing more of the request's body came for {seconds} s");
    Error::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message)
}

fn too_slow() -> Error {
    let kibibytes = SLOWEST / 1024;
    let message = format!("the request's body comes too slowly: less than {kibibytes} KiB in a second");
    Error::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use tokio::time::sleep;

    use super::*;

    /// What became of an upload that sends `piece` bytes every `pause`, and after how many seconds.
    async fn upload(uploads: &Uploads, piece: usize, pause: Duration, pieces: usize) -> (Result<usize, String>, u64) {
        let frames = stream::iter(0..pieces).then(move |_| async move {
            sleep(pause).await;
            Ok::<_, Infallible>(Bytes::from(vec![7; piece]))
        });
        let began = Instant::now();
        let read = uploads
            .read(&HeaderMap::new(), Body::from_stream(frames), 25 * 1024 * 1024)
            .await;
        let seconds = began.elapsed().as_secs();
        (
            read.map(|(bytes, _)| bytes.len()).map_err(|error| error.message),
            seconds,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_does_not_keep_the_memory_from_others() {
        let uploads = Uploads::default();
        let second = Duration::from_secs(1);
        // Five of these take all of it.
        let slow = (0..5).map(|_| upload(&uploads, 1, second, 600));
        let slow = futures_util::future::join_all(slow);
        let other = async {
            sleep(Duration::from_secs(25)).await;
            upload(&uploads, 1024 * 1024, Duration::ZERO, 20).await
        };
        let (slow, (other, _)) = futures_util::future::join(slow, other).await;
        assert_eq!(other, Ok(20 * 1024 * 1024));
        for (read, seconds) in slow {
            let says = "the request's body comes too slowly: less than 128 KiB in a second";
            assert_eq!((read, seconds), (Err(says.to_owned()), 30));
        }
        // A megabit is enough, and who stops is cut off however much came.
        let (steady, seconds) = upload(&uploads, 128 * 1024, second, 100).await;
        assert_eq!((steady, seconds), (Ok(100 * 128 * 1024), 100));
        let (stops, seconds) = upload(&uploads, 8 * 1024 * 1024, Duration::from_secs(31), 3).await;
        let says = "nothing more of the request's body came for 30 s";
        assert_eq!((stops, seconds), (Err(says.to_owned()), 30));
    }
}
