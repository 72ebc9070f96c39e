//! What the headers of every answer say about who gave it.

use std::borrow::Borrow;

use bytes::{BufMut, BytesMut};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::chat::{Finish, Served};

const LONGEST_REASON: usize = 500;

const TARGET: HeaderName = HeaderName::from_static("x-jarvis-target");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-jarvis-attempts");
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-jarvis-fallback-reason");
const TRUNCATED: HeaderName = HeaderName::from_static("x-jarvis-truncated");
const APPROVAL: HeaderName = HeaderName::from_static("x-jarvis-approval");
const DROPPED: HeaderName = HeaderName::from_static("x-jarvis-dropped");

/// Which target answered, why earlier ones did not, and what of the request it was not told.
pub(super) fn tell(headers: &mut HeaderMap, served: Option<&Served>) {
    let Some(served) = served else {
        return;
    };
    let reasons: Vec<String> = served
        .left
        .iter()
        .map(|left| format!("{}: {}", left.target, left.reason))
        .collect();
    headers.extend(header_value(&served.target).map(|value| (TARGET, value)));
    headers.insert(ATTEMPTS, HeaderValue::from(served.attempts));
    if !reasons.is_empty() {
        headers.extend(header_value(&reasons.join("; ")).map(|value| (FALLBACK_REASON, value)));
    }
    tell_dropped(headers, &served.dropped);
}

/// The same for a stream whose headers are gone: the answer began late, or another target goes on with it.
pub(super) fn tell_late(out: &mut BytesMut, served: &Served) {
    let mut headers = HeaderMap::new();
    tell(&mut headers, Some(served));
    for (name, value) in &headers {
        for part in [b": ", name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"] {
            out.put_slice(part);
        }
    }
    out.put_slice(b"\n");
}

/// What is known at the end, so that only a whole answer says it: the server dropped a part of the conversation, and what
/// waits for an approval.
pub(super) fn tell_end(headers: &mut HeaderMap, finish: &Finish) {
    if finish.truncated {
        headers.insert(TRUNCATED, HeaderValue::from_static("1"));
    }
    if !finish.approvals.is_empty() {
        headers.extend(header_value(&finish.approvals.join(", ")).map(|ids| (APPROVAL, ids)));
    }
}

/// Fields of the request that were left out.
pub(super) fn tell_dropped(headers: &mut HeaderMap, fields: &[impl Borrow<str>]) {
    if fields.is_empty() {
        return;
    }
    if let Some(fields) = header_value(&fields.join(", ")) {
        headers.append(DROPPED, fields);
    }
}

/// What cannot stand in a header is left out.
fn header_value(text: &str) -> Option<HeaderValue> {
    let plain = text.chars().filter(|character| matches!(character, ' '..='~'));
    HeaderValue::try_from(plain.take(LONGEST_REASON).collect::<String>()).ok()
}
