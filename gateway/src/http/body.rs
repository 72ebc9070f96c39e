//! Request bodies, read with a limit.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::error::Error;

/// What is read and thrown away of a body that is too large. A client that is still sending does not look for an answer,
/// and would see a broken connection instead of the reason.
const DISCARDED: usize = 64 * 1024 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_secs(10);
/// A client may not take longer to send its whole body.
const READ_WITHIN: Duration = Duration::from_mins(1);

/// Reads a whole body of at most `limit` bytes into memory.
pub async fn read_body(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, Error> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limit) {
        // Whoever waits for a go-ahead has not sent anything yet.
        if !headers.contains_key(EXPECT) {
            discard(body, DISCARDED, DISCARDED_WITHIN).await;
        }
        return Err(too_large(limit));
    }
    let read = tokio::time::timeout(READ_WITHIN, collect(&mut body, limit)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            if error.status == StatusCode::PAYLOAD_TOO_LARGE {
                discard(body, DISCARDED, DISCARDED_WITHIN).await;
            }
            Err(error)
        }
        Err(_) => Err(Error::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            format!("the request's body did not arrive within {} s", READ_WITHIN.as_secs()),
        )),
    }
}

async fn collect(body: &mut Body, limit: usize) -> Result<Bytes, Error> {
    let mut first: Option<Bytes> = None;
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Error::new(
                StatusCode::BAD_REQUEST,
                "body_interrupted",
                "the request's body was cut off",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if more.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > limit {
            return Err(too_large(limit));
        }
        // A body that came in one piece is not copied.
        match first.take() {
            None if more.is_empty() => first = Some(data),
            None => more.extend_from_slice(&data),
            Some(start) => {
                more.reserve(start.len() + data.len());
                more.extend_from_slice(&start);
                more.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| more.freeze()))
}

pub(super) async fn discard(mut body: Body, most: usize, within: Duration) {
    let reading = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > most {
                break;
            }
        }
    };
    // Whether all of it came makes no difference.
    drop(tokio::time::timeout(within, reading).await);
}

pub(super) fn too_large(limit: usize) -> Error {
    Error::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        format!("the request's body is longer than {} MiB", limit / (1024 * 1024)),
    )
}
