//! Asks each configured address once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, header};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::Instant;

use super::config::Service;

const LIMIT: Duration = Duration::from_secs(3);

/// What one service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub name: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Well {
        status: u16,
        after: Duration,
    },
    /// It answers, but not with the status that means well.
    Wrong {
        status: u16,
        after: Duration,
    },
    /// Why there was no answer, for people.
    Away(String),
}

/// A machine without root certificates can still be asked over HTTP.
struct Web {
    http: Client<HttpConnector, Empty<Bytes>>,
    https: Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>, String>,
}

/// All services at the same time, in the order in which they are configured.
pub(super) async fn ask_all(services: &[Service]) -> Vec<Answer> {
    if services.is_empty() {
        return Vec::new();
    }
    let web = Web::new();
    join_all(services.iter().map(|service| ask(&web, service))).await
}

impl Web {
    fn new() -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map(|roots| client(roots.https_only().enable_http1().build()))
            .map_err(|error| format!("the certificates of this machine cannot be read: {error}"));
        Self {
            http: client(HttpConnector::new()),
            https,
        }
    }
}

fn client<C: Connect + Clone>(connector: C) -> Client<C, Empty<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector)
}

async fn ask(web: &Web, service: &Service) -> Answer {
    let uri = service.url.uri().clone();
    let is_https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    let request = Request::get(uri)
        .header(header::USER_AGENT, "jarvis")
        .body(Empty::new());
    let Ok(request) = request else {
        return away(service, "its address is malformed".to_owned());
    };
    let began = Instant::now();
    let response = match &web.https {
        _ if !is_https => web.http.request(request),
        Ok(https) => https.request(request),
        Err(why) => return away(service, why.clone()),
    };
    let outcome = match tokio::time::timeout(LIMIT, response).await {
        Ok(Ok(response)) => judge(response.status().as_u16(), service.expect, began.elapsed()),
        Ok(Err(error)) => Outcome::Away(why(&error)),
        Err(_) => Outcome::Away(format!("no answer within {} s", LIMIT.as_secs())),
    };
    Answer {
        name: service.name.clone(),
        outcome,
    }
}

fn away(service: &Service, why: String) -> Answer {
    Answer {
        name: service.name.clone(),
        outcome: Outcome::Away(why),
    }
}

fn judge(status: u16, expect: Option<u16>, after: Duration) -> Outcome {
    if expect.map_or(status < 400, |expected| status == expected) {
        Outcome::Well { status, after }
    } else {
        Outcome::Wrong { status, after }
    }
}

/// The bottom of the chain of causes says it best: `connection refused`, `invalid peer certificate: Expired`.
fn why(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    let words = words.split(" (os error").next().unwrap_or_default();
    crate::outside_text::clean_line(words, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_what_is_well() {
        let check = |status, expect, is_well: bool| {
            let outcome = judge(status, expect, Duration::ZERO);
            assert_eq!(matches!(outcome, Outcome::Well { .. }), is_well, "{outcome:?}");
        };
        check(200, None, true);
        check(302, None, true);
        check(401, None, false);
        check(503, None, false);
        check(401, Some(401), true);
        check(200, Some(401), false);
    }
}
