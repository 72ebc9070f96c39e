//! Limits in OpenAI's words: its headers, and its errors.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::counters::{Kind, Over, Room, Standing};
use crate::caller::Key;
use crate::http::error::Error;

type Names = [HeaderName; 3];
const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

impl Standing {
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        for (names, room) in [(REQUESTS, self.requests), (TOKENS, self.tokens)] {
            let Some(Room {
                limit,
                remaining,
                reset,
            }) = room
            else {
                continue;
            };
            let [limited, remains, resets] = names;
            headers.insert(limited, HeaderValue::from(limit));
            headers.insert(remains, HeaderValue::from(remaining));
            headers.extend(HeaderValue::try_from(span(reset)).map(|reset| (resets, reset)));
        }
    }
}

impl Over {
    pub(super) fn error(&self, key: &Key) -> Error {
        let Self { limit, used, asked, .. } = self;
        let wait = span(self.retry_after);
        let (kind, of) = match self.kind {
            Kind::Requests => ("requests", "requests per min (RPM)"),
            Kind::Tokens => ("tokens", "tokens per min (TPM)"),
            Kind::Concurrency => ("requests", "requests at the same time"),
        };
        let message = format!(
            "Rate limit reached for the key `{}` on {of}: Limit {limit}, Used {used}, Requested {asked}. Please try again \
             in {wait}.",
            key.name
        );
        Error {
            kind,
            retry_after: Some(self.retry_after),
            ..Error::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
        }
    }
}

/// As OpenAI writes it: `6m0s`, `1.5s`, `120ms`.
fn span(time: Duration) -> String {
    let (minutes, milliseconds) = (time.as_millis() / 60_000, time.as_millis() % 60_000);
    let seconds = match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        rest => {
            let rest = format!("{rest:03}");
            format!("{}.{}s", milliseconds / 1000, rest.trim_end_matches('0'))
        }
    };
    match (minutes, milliseconds) {
        (0, 1..1000) => format!("{milliseconds}ms"),
        (0, _) => seconds,
        (minutes, _) => format!("{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_openai_writes_them() {
        let check = |milliseconds: u64, expect: &str| {
            assert_eq!(span(Duration::from_millis(milliseconds)), expect);
        };
        check(0, "0s");
        check(120, "120ms");
        check(1000, "1s");
        check(8640, "8.64s");
        check(59_900, "59.9s");
        check(60_000, "1m0s");
        check(360_000, "6m0s");
    }
}
