//! Everything that happens, as server-sent events that can be resumed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use jarvis_agent::{Position, Subscription};
use jarvis_gateway::http::Door;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::api::Who;
use crate::app::App;
use crate::error::ApiError;

/// A comment this often keeps proxies and phones from closing a quiet stream. A stream whose key was revoked ends then.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub(crate) struct After {
    #[serde(default)]
    after: Option<String>,
}

pub(crate) async fn events(
    State(app): State<App>,
    Who(who): Who,
    Query(query): Query<After>,
    door: Option<Extension<Arc<Door>>>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let after = last.or(query.after).and_then(|text| Position::parse(&text));
    let subscription = app.agent.watch(&who, after.as_ref())?;
    let stopping = app.stopping.clone();
    let stream = async_stream::stream! {
        let Subscription { epoch, reload, missed, mut live } = subscription;
        // The first bytes tell the client that it is connected, and from where it can resume.
        yield Ok::<_, std::convert::Infallible>(Bytes::from_static(b": connected\n\n"));
        if reload {
            yield Ok(Bytes::from_static(RELOAD));
        }
        for (seq, json) in missed {
            yield Ok(frame(&epoch, seq, &json));
        }
        let mut keep_alive = tokio::time::interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        loop {
            let next = tokio::select! {
                next = live.recv() => next,
                _ = keep_alive.tick() => {
                    if let Some(Extension(door)) = &door
                        && !door.still_admits(peer.as_ref().map(|peer| peer.0.0), &uri, &headers).await
                    {
                        return;
                    }
                    yield Ok(Bytes::from_static(b": still here\n\n"));
                    continue;
                }
                () = stopping.cancelled() => return,
            };
            match next {
                Ok(event) => yield Ok(frame(&epoch, event.seq, &event.json)),
                // The client was too slow; what it missed is fetched, not guessed.
                Err(RecvError::Lagged(_)) => yield Ok(Bytes::from_static(RELOAD)),
                Err(RecvError::Closed) => return,
            }
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx and others would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

const RELOAD: &[u8] = b"data: {\"type\":\"reload\"}\n\n";

fn frame(epoch: &str, seq: u64, json: &str) -> Bytes {
    // JSON escapes line ends, so one data line holds it.
    Bytes::from(format!("id: {epoch}-{seq}\ndata: {json}\n\n"))
}
