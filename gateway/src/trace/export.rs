//! Sends spans to a collector: OTLP over HTTP in its JSON encoding, which every collector reads.
//!
//! The SDK of OpenTelemetry is not used: its spans belong to scopes of code, which an answer that streams through tasks
//! does not have, and it brings protocol buffers for what is one document here.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::span::{Attribute, Kind, Span};
use crate::upstream::Upstream;

/// Spans of one document.
const BATCH: usize = 256;
/// What there is is sent after this, however little.
const EVERY: Duration = Duration::from_secs(2);
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Runs until the process stops, and then sends what is left.
pub(super) async fn run(
    upstream: Upstream,
    version: &'static str,
    mut spans: mpsc::Receiver<Span>,
    stopping: CancellationToken,
) {
    let mut batch = Vec::new();
    let mut failing = false;
    loop {
        let stopped = tokio::time::timeout(EVERY, stopping.cancelled()).await.is_ok();
        loop {
            while batch.len() < BATCH
                && let Ok(span) = spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                break;
            }
            let failed = send(&upstream, version, &batch).await;
            // Told when it begins and when it is over, and not once for every document in between.
            match (&failed, failing) {
                (Some(reason), false) => tracing::warn!(
                    collector = upstream.base_url(),
                    reason,
                    "traces cannot be sent; they are dropped until it works again"
                ),
                (None, true) => tracing::info!(collector = upstream.base_url(), "traces are sent again"),
                (Some(_), true) | (None, false) => {}
            }
            failing = failed.is_some();
            batch.clear();
        }
        if stopped {
            return;
        }
    }
}

/// Why it failed, if it did.
async fn send(upstream: &Upstream, version: &str, spans: &[Span]) -> Option<String> {
    let document = Bytes::from(document(version, spans).to_string());
    let sent = tokio::time::timeout(TIME_LIMIT, upstream.post_json("/v1/traces", document)).await;
    match sent {
        Ok(Ok(response)) if response.status().is_success() => {
            // The connection can only be used again when the answer was read.
            drop(response.whole(64 * 1024).await);
            None
        }
        Ok(Ok(response)) => Some(format!("it answered with status {}", response.status().as_u16())),
        Ok(Err(error)) => Some(error.message),
        Err(_) => Some(format!("no answer within {} s", TIME_LIMIT.as_secs())),
    }
}

/// An `ExportTraceServiceRequest`. Ids are hexadecimal and 64-bit numbers are strings, as the JSON encoding demands.
pub(super) fn document(version: &str, spans: &[Span]) -> Value {
    let resource = attributes(&[
        ("service.name", "jarvis".into()),
        ("service.version", version.to_owned().into()),
    ]);
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": "jarvis", "version": version},
            "spans": spans.iter().map(encoded).collect::<Vec<_>>(),
        }],
    }]})
}

fn encoded(span: &Span) -> Value {
    let start = u128::from(span.started_at.0.unsigned_abs()) * 1_000_000;
    let mut value = json!({
        "traceId": format!("{:032x}", span.context.trace_id),
        "spanId": format!("{:016x}", span.context.span_id),
        "name": span.name,
        "kind": match span.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        },
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": (start + span.took.as_nanos()).to_string(),
        "attributes": attributes(&span.attributes),
    });
    if let Some(parent) = span.parent {
        value["parentSpanId"] = format!("{:016x}", parent.span_id).into();
    }
    if let Some(error) = &span.error {
        value["status"] = json!({"code": 2, "message": error});
    }
    value
}

fn attributes(given: &[(&'static str, Attribute)]) -> Value {
    let pairs = given.iter().map(|(key, value)| {
        let value = match value {
            Attribute::Text(text) => json!({"stringValue": text}),
            Attribute::Number(number) => json!({"intValue": number.to_string()}),
            Attribute::Flag(flag) => json!({"boolValue": flag}),
        };
        json!({"key": key, "value": value})
    });
    pairs.collect()
}
