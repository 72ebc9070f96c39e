//! Who may come in. Every route but the health checks is behind it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};

use super::demands::{REQUEST_ID, request_id};
use super::error::Error;
use super::guesses::Guesses;
use super::keys::{Keys, Recalled, Remembering, Unavailable};
use super::limits::{self, Counters, InProcess};
use crate::caller::{Caller, Scope};
use crate::clock::Clock;

const LONGEST_KEY: usize = 256;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A proxy on this machine makes the whole world look like a process on this machine.
const SET_BY_PROXIES: [&str; 6] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];
const MAKE_A_KEY: &str = "a key is needed here; make one with `jarvis key add NAME` on the machine that runs Jarvis, \
                          and send it as `Authorization: Bearer KEY`";

/// What decides who comes in. Shared by the routes of all crates.
pub struct Door {
    keys: Remembering,
    guesses: Guesses,
    counters: Arc<dyn Counters>,
}

impl Door {
    /// Counts what keys ask for in this process.
    pub fn new(keys: Arc<dyn Keys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            guesses: Guesses::new(Arc::clone(&clock)),
            counters: Arc::new(InProcess::new(Arc::clone(&clock))),
            keys: Remembering::new(keys, clock),
        }
    }

    /// The same door, which counts what keys ask for by these.
    #[must_use]
    pub fn with_counters(self, counters: Arc<dyn Counters>) -> Self {
        Self { counters, ..self }
    }

    /// What limits are counted by, for whoever hears what models used.
    pub fn counters(&self) -> &Arc<dyn Counters> {
        &self.counters
    }
}

/// Middleware that sets the extension [`Caller`], or refuses; what a key asks of models is counted. Use it with `axum::middleware::from_fn_with_state`; the
/// server has to provide `ConnectInfo<SocketAddr>`, and without it nobody counts as local.
pub async fn guard(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip());
    let mut response = match door.caller(peer, request.uri(), request.headers()).await {
        Ok(caller) => admitted(&door, caller, request, next).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What somebody asked stays between them and the server.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn admitted(door: &Arc<Door>, caller: Caller, mut request: Request, next: Next) -> Response {
    if !is_text(request.uri().path()) {
        let message = "the address has escapes (%XX) that are not UTF-8";
        return Error::invalid(None, "invalid_url", message).into_response();
    }
    let tokens = limits::estimate(request.body());
    let asked = (request.method(), request.uri().path(), tokens);
    let admission = match limits::admit(&door.counters, &caller, asked).await {
        Ok(admission) => admission,
        Err(refused) => return refused,
    };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Arc::clone(door));
    let response = next.run(request).await;
    match admission {
        Some(admission) => admission.ends_with(response),
        None => response,
    }
}

/// Whether a path is text behind its escapes. Routes read ids and names from it.
fn is_text(path: &str) -> bool {
    !path.contains('%') || percent_encoding::percent_decode_str(path).decode_utf8().is_ok()
}

/// Refuses a caller without a right. What may act may talk.
pub fn require(caller: &Caller, scope: Scope) -> Result<(), Error> {
    if caller.may(scope) || (scope == Scope::Chat && caller.may(Scope::Ops)) {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::FORBIDDEN,
        "insufficient_scope",
        format!(
            "this key lacks the scope `{0}`; `jarvis key set NAME --scopes …,{0}` gives it",
            scope.as_str()
        ),
    ))
}

impl Door {
    /// Whether a request that came in once still would: its key can be revoked, and the first key be made, while the
    /// answer lasts. Whoever came in stays while keys cannot be checked. The guard leaves the door in the extensions.
    pub async fn still_admits(&self, peer: Option<SocketAddr>, uri: &Uri, headers: &HeaderMap) -> bool {
        let caller = self.caller(peer.map(|peer| peer.ip()), uri, headers).await;
        !caller.is_err_and(|error| error.status == StatusCode::UNAUTHORIZED)
    }

    /// In this order:
    /// 1. A valid key comes in from anywhere.
    /// 2. Once there is any key, nothing else does. Clients that insist on sending some key may, before that.
    /// 3. Without a key only a process on this machine comes in, and not through a proxy.
    /// 4. It has to call this machine by a loopback name (a page whose name was rebound to 127.0.0.1 does not),
    /// 5. and must not be a browser on behalf of a page from elsewhere.
    async fn caller(&self, peer: Option<IpAddr>, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Error> {
        let secret = bearer(headers)?;
        if let Some(secret) = secret {
            match self.keys.recall(secret) {
                Recalled::Valid(key) => return Ok(Caller::Key(key)),
                Recalled::Ask(question) => {
                    if !question.was_valid {
                        self.guesses.check(peer)?;
                    }
                    if let Some(key) = self.keys.ask(question).await? {
                        return Ok(Caller::Key(key));
                    }
                }
            }
        }
        if self.keys.any().await? {
            return Err(match secret {
                Some(_) => {
                    self.guesses.note(peer);
                    wrong_key()
                }
                None => no_key(),
            });
        }
        let is_local = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
        let is_of_proxy = |name: &HeaderName| {
            let name = name.as_str();
            name.starts_with("x-forwarded-") || SET_BY_PROXIES.contains(&name)
        };
        if !is_local || headers.keys().any(is_of_proxy) {
            return Err(no_key());
        }
        let host = host(uri, headers).ok_or_else(|| {
            forbidden(
                "host_not_allowed",
                "without a key this server answers only to localhost, 127.0.0.1 and [::1] as host",
            )
        })?;
        if is_foreign(headers, &host) {
            return Err(forbidden(
                "origin_not_allowed",
                "without a key this server does not answer pages from other origins",
            ));
        }
        Ok(Caller::Loopback)
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let secret = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, secret)| {
            let secret = secret.trim();
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            (is_bearer && !secret.is_empty() && secret.len() <= LONGEST_KEY).then_some(secret)
        });
    match (secret, values.next()) {
        (Some(secret), None) => Ok(Some(secret)),
        (None, _) | (_, Some(_)) => Err(wrong_key()),
    }
}

/// The loopback name that the request calls this server by; `None` for any other name, for none, and for two.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host: Authority = hosts.next()?.to_str().ok()?.parse().ok()?;
    let named_in_uri = uri.authority().is_none_or(is_loopback);
    (hosts.next().is_none() && named_in_uri && is_loopback(&host)).then_some(host)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let is_plain = !authority.as_str().contains('@');
    let is_address = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    is_plain && (bare.eq_ignore_ascii_case("localhost") || is_address)
}

/// Whether a browser sends this for a page that is not ours. A form of another page can be posted without asking first,
/// as `text/plain`, but a browser always says where it comes from. Another port of this machine is another page too: what
/// listens there can be a container that somebody else wrote.
fn is_foreign(headers: &HeaderMap, host: &Authority) -> bool {
    let from_another_site = |site: &HeaderValue| site != "same-origin" && site != "none";
    let foreign_site = headers.get_all(SEC_FETCH_SITE).iter().any(from_another_site);
    let foreign_origin = headers.get_all(ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        let authority = origin.as_ref().and_then(Uri::authority);
        authority != Some(host)
    });
    foreign_site || foreign_origin
}

fn no_key() -> Error {
    Error::new(StatusCode::UNAUTHORIZED, "missing_api_key", MAKE_A_KEY)
}

fn wrong_key() -> Error {
    Error::new(
        StatusCode::UNAUTHORIZED,
        "invalid_api_key",
        "this key is not known, has expired, or was revoked; `jarvis key add NAME` makes a new one",
    )
}

fn forbidden(code: &str, message: &str) -> Error {
    Error::new(StatusCode::FORBIDDEN, code, message)
}

impl From<Unavailable> for Error {
    fn from(unavailable: Unavailable) -> Self {
        // The cause is for the log; to a stranger it says nothing but that the door is shut.
        tracing::error!(error = %unavailable, "a request was refused because keys cannot be checked");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "keys_unavailable",
            "keys cannot be checked at the moment, so nobody is let in",
        )
    }
}
