use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::export::document;
use super::{Context, Kind, Span, Tracer};
use crate::caller::Caller;
use crate::chain::HostClass;
use crate::chat::{Timings, Usage};
use crate::clock::Millis;
use crate::demands::Origin;
use crate::provider::Class;
use crate::usage::{Attempt, Observer, Outcome, Pieces};

#[test]
fn a_document_is_what_collectors_read() {
    let span = Span {
        context: Context {
            trace_id: 0xab,
            span_id: 0xcd,
        },
        parent: Some(Context {
            trace_id: 0xab,
            span_id: 0xef,
        }),
        name: "chat m".into(),
        kind: Kind::Client,
        started_at: Millis(1_795_168_000_000),
        took: Duration::from_micros(1500),
        attributes: vec![("a", "b".into()), ("n", 7_u64.into()), ("f", true.into())],
        error: Some("no".into()),
    };
    let expect = json!({
        "traceId": "000000000000000000000000000000ab",
        "spanId": "00000000000000cd",
        "parentSpanId": "00000000000000ef",
        "name": "chat m",
        "kind": 3,
        "startTimeUnixNano": "1795168000000000000",
        "endTimeUnixNano": "1795168000001500000",
        "attributes": [
            {"key": "a", "value": {"stringValue": "b"}},
            {"key": "n", "value": {"intValue": "7"}},
            {"key": "f", "value": {"boolValue": true}},
        ],
        "status": {"code": 2, "message": "no"},
    });
    let document = document("1", &[span]);
    assert_eq!(document["resourceSpans"][0]["scopeSpans"][0]["spans"], json!([expect]));
    let service = &document["resourceSpans"][0]["resource"]["attributes"][0];
    assert_eq!(
        *service,
        json!({"key": "service.name", "value": {"stringValue": "jarvis"}})
    );
}

#[test]
fn an_attempt_is_a_child_of_its_request() {
    let (tracer, mut spans) = Tracer::into_channel();
    let request = Context::root();
    let attempt = Attempt {
        origin: Arc::new(Origin {
            trace: Some(request),
            ..Origin::default()
        }),
        caller: Caller::Internal,
        backend: "gpu".into(),
        model: "m".into(),
        kind: "ollama",
        class: HostClass::Gpu,
        number: 1,
        left: Vec::new(),
        started_at: Millis(5),
        waited: None,
        took: Duration::from_secs(1),
        first_token: None,
        outcome: Outcome::Left {
            class: Class::HostDown,
            reason: "connection refused".into(),
        },
        usage: Usage::default(),
        estimated: false,
        pieces: Pieces::default(),
        timings: Timings::default(),
        truncated: false,
    };
    tracer.attempt(&attempt);
    let span = spans.try_recv().unwrap();
    assert_eq!(span.parent, Some(request));
    assert_eq!(span.context.trace_id, request.trace_id);
    assert_eq!(span.error.as_deref(), Some("connection refused"));
    assert!(span.attributes.contains(&("error.type", "host_down".into())));
}
