//! Large request bodies: kept in memory once, so that another target can be sent them too, and not too many at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::body::{discard, too_large};
use super::error::Error;
use crate::jobs::Form;

/// What all uploads together may take of memory.
const TOGETHER: usize = 128 * 1024 * 1024;
const KIB: usize = 1024;
/// How long an upload waits for others to be done.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// A client may be slow, but not stop.
const MORE_WITHIN: Duration = Duration::from_secs(30);
const READ_WITHIN: Duration = Duration::from_mins(10);
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
        let bytes = timeout(READ_WITHIN, collect(body, length, limit)).await;
        let bytes = bytes.unwrap_or_else(|_| Err(too_slow()))?;
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
    loop {
        let Ok(frame) = timeout(MORE_WITHIN, body.frame()).await else {
            return Err(too_slow());
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

fn too_slow() -> Error {
    Error::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timeout",
        format!(
            "nothing more of the request's body came for {} s",
            MORE_WITHIN.as_secs()
        ),
    )
}
