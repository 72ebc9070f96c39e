use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::connect::Connector;
use super::http1::{Connection, Failure, Pool};
use super::keys::Keys;
use super::{Pieces, Response, failure};
use crate::demands::Hops;
use crate::provider::{Class, Error};

/// The largest answer of [`Upstream::get_json`], in bytes.
const JSON_LIMIT: usize = 4 * 1024 * 1024;

/// One model server: where it is, how to get in, and the connections to it.
pub struct Upstream {
    base: Base,
    keys: Keys,
    /// What every request's head has after its first line, but for what its body is.
    head: Bytes,
    connect_timeout: Duration,
    connector: Connector,
    pool: Pool,
}

/// Why an [`Upstream`] cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("`{given}` is not a base URL like `http://127.0.0.1:11434`: {reason}")]
    BaseUrl { given: String, reason: &'static str },
    #[error("the credential holds characters that cannot stand in an HTTP header")]
    Credential,
    #[error("load the root certificates of this machine")]
    Tls(#[source] io::Error),
}

/// What a request brings: nothing, JSON, or something of another media type.
#[derive(Clone)]
enum Content {
    Json(Bytes),
    Other(HeaderValue, Pieces),
    /// With fields of its own, as they go over the wire.
    Own(Bytes, Bytes),
}

/// A small body is copied behind its head, so that both are one write.
const SMALL: usize = 4 * 1024;

struct Base {
    scheme: http::uri::Scheme,
    authority: http::uri::Authority,
    /// Without a slash at its end.
    path: String,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// `base_url` is `http://host:port` with or without a path before the API's own (`https://api.openai.com/v1`).
    /// `credential` is sent as a bearer token. `connect_timeout` covers name resolution and TCP; TLS gets 3 s more.
    pub fn new(
        base_url: &str,
        credential: Option<SecretString>,
        connect_timeout: Duration,
    ) -> Result<Self, SetupError> {
        let base = Base::parse(base_url)?;
        let mut head = BytesMut::new();
        add_field(&mut head, "host", base.authority.as_str().as_bytes());
        add_field(
            &mut head,
            "user-agent",
            concat!("jarvis/", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        let tls = base.scheme == http::uri::Scheme::HTTPS;
        let connector = Connector::new(tls, connect_timeout).map_err(SetupError::Tls)?;
        Ok(Self {
            base,
            keys: Keys::new(credential)?,
            head: head.freeze(),
            connect_timeout,
            connector,
            pool: Pool::default(),
        })
    }

    /// With these keys instead of the one credential. A request that is refused for its key (401, 402, 403, 429) is sent
    /// again with the next one, before anybody hears of it.
    pub fn with_keys(self, keys: impl IntoIterator<Item = SecretString>) -> Result<Self, SetupError> {
        Ok(Self {
            keys: Keys::new(keys)?,
            ..self
        })
    }

    /// Sends `name: value` with every request.
    #[must_use]
    pub fn with_header(mut self, name: &HeaderName, value: &HeaderValue) -> Self {
        let mut head = BytesMut::from(self.head);
        add_field(&mut head, name.as_str(), value.as_bytes());
        self.head = head.freeze();
        self
    }

    /// For logs and messages: never holds a secret.
    pub fn base_url(&self) -> String {
        let Base {
            scheme,
            authority,
            path,
        } = &self.base;
        format!("{scheme}://{authority}{path}")
    }

    /// Sends `body` and returns as soon as the head of the answer came, whatever its status. There is no time limit
    /// but that of connecting; dropping the future cancels the request.
    pub async fn post_json(&self, path: &str, body: Bytes) -> Result<Response, Error> {
        self.send(Method::POST, path, Content::Json(body), None).await
    }

    /// The same for a request that was asked of Jarvis, and came through `hops` before.
    pub async fn pass_json(&self, path: &str, body: Bytes, hops: Hops) -> Result<Response, Error> {
        self.send(Method::POST, path, Content::Json(body), Some(hops)).await
    }

    /// The same with a body of another media type, or one that is not in one piece.
    pub async fn pass(&self, path: &str, media_type: HeaderValue, body: Pieces, hops: Hops) -> Result<Response, Error> {
        self.send(Method::POST, path, Content::Other(media_type, body), Some(hops))
            .await
    }

    /// The same with any method and fields of its own, for what is no model server. They say what is accepted and what the
    /// body is.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        fields: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, Error> {
        let mut own = BytesMut::new();
        for (name, value) in fields {
            add_field(&mut own, name.as_str(), value.as_bytes());
        }
        self.send(method, path, Content::Own(own.freeze(), body), None).await
    }

    /// Asks for `path`; otherwise like [`Upstream::post_json`].
    pub async fn get(&self, path: &str) -> Result<Response, Error> {
        self.send(Method::GET, path, Content::Json(Bytes::new()), None).await
    }

    /// Fetches a small JSON document. Everything together may take `timeout`.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str, timeout: Duration) -> Result<T, Error> {
        self.document(Method::GET, path, Bytes::new(), timeout).await
    }

    /// Like [`Upstream::get_json`], for a route that wants to be asked with a body.
    pub async fn ask_json<T: DeserializeOwned>(&self, path: &str, body: Bytes, timeout: Duration) -> Result<T, Error> {
        self.document(Method::POST, path, body, timeout).await
    }

    /// The body of a refusal, bounded, and without the credential in case the server repeats it.
    pub async fn refusal(&self, response: Response) -> String {
        self.redact(&response.refusal().await).into_owned()
    }

    /// `error` without the credential in case the server repeated it.
    #[must_use]
    pub fn redacted(&self, error: Error) -> Error {
        Error {
            message: self.redact(&error.message).into_owned(),
            body: error.body.map(|body| self.redact(&body).into()),
            ..error
        }
    }

    fn redact<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        self.keys.redact(text)
    }

    async fn document<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<T, Error> {
        let read = async {
            let response = self.send(method, path, Content::Json(body), None).await?;
            let status = response.status();
            if !status.is_success() {
                return Err(refused_document(path, status.as_u16()));
            }
            let Some(bytes) = response.whole(JSON_LIMIT).await? else {
                return Err(Error::new(
                    Class::Decode,
                    format!("{path} answered with more than 4 MiB"),
                ));
            };
            serde_json::from_slice(&bytes).map_err(|_| {
                Error::new(
                    Class::Decode,
                    format!("{path} did not answer as expected, so another program may be there"),
                )
            })
        };
        match tokio::time::timeout(timeout, read).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                Class::TtftTimeout,
                format!("{path} did not answer within {}", failure::spoken(timeout)),
            )),
        }
    }

    async fn send(&self, method: Method, path: &str, content: Content, hops: Option<Hops>) -> Result<Response, Error> {
        let mut key = self.keys.first();
        for _ in 1..self.keys.count() {
            let response = self
                .send_once(self.request(&method, path, content.clone(), (key, hops))?)
                .await?;
            match self.keys.next(key, response.status(), response.retry_after()) {
                Some(next) => key = next,
                None => return Ok(response),
            }
        }
        let response = self
            .send_once(self.request(&method, path, content, (key, hops))?)
            .await?;
        self.keys.next(key, response.status(), response.retry_after());
        Ok(response)
    }

    async fn send_once(&self, request: VecDeque<Bytes>) -> Result<Response, Error> {
        if let Some(mut connection) = self.pool.take() {
            match connection.ask(request.clone()).await {
                Ok(head) => return Ok(Response::new(head, connection, &self.pool)),
                // The server closed it just as it was taken out, so that nothing is known against the server.
                Err(Failure::Closed) if connection.was_used => {}
                Err(failure) => return Err(failure::of_request(failure)),
            }
        }
        let io = self.connector.connect(self.base.join("/")?).await;
        let io = io.map_err(|error| failure::of_connecting(&error, self.connect_timeout))?;
        let mut connection = Connection::new(io);
        match connection.ask(request).await {
            Ok(head) => Ok(Response::new(head, connection, &self.pool)),
            Err(failure) => Err(failure::of_request(failure)),
        }
    }

    /// A request as it goes over the wire.
    fn request(
        &self,
        method: &Method,
        path: &str,
        content: Content,
        (key, hops): (usize, Option<Hops>),
    ) -> Result<VecDeque<Bytes>, Error> {
        let path = format!("{}{path}", self.base.path);
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unsendable(&path));
        }
        let anything = Bytes::from_static(b"accept: */*\r\n");
        let (fields, media_type, body) = match content {
            Content::Json(body) if body.is_empty() => (anything, None, VecDeque::new()),
            Content::Json(body) => (
                anything,
                Some(HeaderValue::from_static("application/json")),
                [body].into(),
            ),
            Content::Other(media_type, body) => (anything, Some(media_type), body.into()),
            Content::Own(fields, body) => (fields, None, [body].into()),
        };
        let length: usize = body.iter().map(Bytes::len).sum();
        let mut head =
            BytesMut::with_capacity(self.head.len() + path.len() + 256 + if length <= SMALL { length } else { 0 });
        for part in [
            method.as_str().as_bytes(),
            b" ",
            path.as_bytes(),
            b" HTTP/1.1\r\n",
            &self.head,
            &fields,
            self.keys.field(key),
            hops.map_or(b"", hops_field),
        ] {
            head.put_slice(part);
        }
        if let Some(media_type) = media_type {
            add_field(&mut head, "content-type", media_type.as_bytes());
        }
        if method != Method::GET {
            add_field(&mut head, "content-length", length.to_string().as_bytes());
        }
        head.put_slice(b"\r\n");
        if length <= SMALL {
            for part in &body {
                head.put_slice(part);
            }
            return Ok([head.freeze()].into());
        }
        let mut request = body;
        request.push_front(head.freeze());
        Ok(request)
    }
}

/// One more than what it came through.
fn hops_field(hops: Hops) -> &'static [u8] {
    match hops.count() {
        0 => b"x-jarvis-hops: 1\r\n",
        1 => b"x-jarvis-hops: 2\r\n",
        2 => b"x-jarvis-hops: 3\r\n",
        // Hops::MOST, which the next Jarvis refuses.
        _ => b"x-jarvis-hops: 4\r\n",
    }
}

fn add_field(head: &mut BytesMut, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.put_slice(part);
    }
}

impl Base {
    fn parse(given: &str) -> Result<Self, SetupError> {
        let refuse = |reason| SetupError::BaseUrl {
            given: without_user(given),
            reason,
        };
        let uri: Uri = given.trim().parse().map_err(|_| refuse("it does not parse"))?;
        let parts = uri.into_parts();
        let scheme = parts
            .scheme
            .filter(|scheme| matches!(scheme.as_str(), "http" | "https"))
            .ok_or_else(|| refuse("it must begin with http:// or https://"))?;
        let authority = parts.authority.ok_or_else(|| refuse("the host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a secret belongs into the credential"));
        }
        let path = parts.path_and_query.ok_or_else(|| refuse("it does not parse"))?;
        if path.query().is_some() {
            return Err(refuse("it must not have a query"));
        }
        Ok(Self {
            scheme,
            authority,
            path: path.path().trim_end_matches('/').to_owned(),
        })
    }

    fn join(&self, path: &str) -> Result<Uri, Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.path))
            .build()
            .map_err(|_| unsendable(path))
    }
}

fn unsendable(path: &str) -> Error {
    Error::new(Class::ClientFault, format!("a request to {path} cannot be built"))
}

fn refused_document(path: &str, status: u16) -> Error {
    let class = match status {
        401..=403 => Class::HardDown,
        500.. => Class::Upstream5xx,
        _ => Class::Decode,
    };
    Error {
        status: Some(status),
        ..Error::new(class, format!("{path} answered with status {status}"))
    }
}

/// `http://user:password@host` as `http://host`, so that an error about it does not tell.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expect: Result<&str, &str>) {
        let made = Upstream::new(given, None, Duration::from_secs(1));
        let seen = made.map(|upstream| upstream.base.join("/x").unwrap().to_string());
        assert_eq!(
            seen.map_err(|error| error.to_string()),
            expect.map(str::to_owned).map_err(|reason| {
                let shown = without_user(given);
                format!("`{shown}` is not a base URL like `http://127.0.0.1:11434`: {reason}")
            })
        );
    }

    #[test]
    fn a_base_url_is_a_scheme_a_host_and_perhaps_a_path() {
        check("http://gpu:11434", Ok("http://gpu:11434/x"));
        check("http://gpu:11434/", Ok("http://gpu:11434/x"));
        check(" http://[::1]:8080/a/v1/ ", Ok("http://[::1]:8080/a/v1/x"));
        check("gpu:11434", Err("it must begin with http:// or https://"));
        check("/v1", Err("it must begin with http:// or https://"));
        check("ftp://gpu", Err("it must begin with http:// or https://"));
        check("http://gpu/v1?x=1", Err("it must not have a query"));
        check("http://me:s3cret@gpu", Err("a secret belongs into the credential"));
        check("http://a b", Err("it does not parse"));
    }

    #[test]
    fn the_credential_is_nowhere_to_be_read() {
        let secret = Some(SecretString::from("sk-12345"));
        let from = (HeaderName::from_static("x-from"), HeaderValue::from_static("test"));
        let upstream = Upstream::new("http://gpu", secret, Duration::from_secs(1)).unwrap();
        let upstream = upstream.with_header(&from.0, &from.1);
        assert_eq!(format!("{upstream:?}"), r#"Upstream { base_url: "http://gpu", .. }"#);
        let error = Error {
            body: Some(r#"{"got":"sk-12345"}"#.into()),
            ..Error::new(Class::HardDown, "no key sk-12345")
        };
        let expect = Error {
            body: Some(r#"{"got":"[redacted]"}"#.into()),
            ..Error::new(Class::HardDown, "no key [redacted]")
        };
        assert_eq!(upstream.redacted(error), expect);
        let broken = Upstream::new("http://gpu", Some("a\nb".into()), Duration::from_secs(1));
        assert_eq!(
            broken.unwrap_err().to_string(),
            "the credential holds characters that cannot stand in an HTTP header"
        );
    }

    #[test]
    fn requests_look_like_this() {
        let secret = Some(SecretString::from("sk-12345"));
        let upstream = Upstream::new("http://gpu:1/v1", secret, Duration::from_secs(1)).unwrap();
        let upstream = upstream.with_header(&HeaderName::from_static("x-from"), &HeaderValue::from_static("test"));
        let check = |method: &Method, content: Content, expect: &[&str]| {
            let request = upstream.request(method, "/x", content, (0, Some(Hops::NONE))).unwrap();
            let version = env!("CARGO_PKG_VERSION");
            let fields = format!(
                "host: gpu:1\r\nuser-agent: jarvis/{version}\r\nx-from: test\r\naccept: */*\r\n\
                 authorization: Bearer sk-12345\r\nx-jarvis-hops: 1\r\n"
            );
            let expect: Vec<String> = expect.iter().map(|part| part.replace("FIELDS", &fields)).collect();
            assert_eq!(request, expect);
        };
        check(
            &Method::GET,
            Content::Json(Bytes::new()),
            &["GET /v1/x HTTP/1.1\r\nFIELDS\r\n"],
        );
        let post = "POST /v1/x HTTP/1.1\r\nFIELDScontent-type: application/json\r\ncontent-length: ";
        check(
            &Method::POST,
            Content::Json("{}".into()),
            &[&format!("{post}2\r\n\r\n{{}}")],
        );
        check(
            &Method::POST,
            Content::Json(Bytes::new()),
            &["POST /v1/x HTTP/1.1\r\nFIELDScontent-length: 0\r\n\r\n"],
        );
        let long = "x".repeat(5000);
        check(
            &Method::POST,
            Content::Json(long.clone().into()),
            &[&format!("{post}5000\r\n\r\n"), &long],
        );
        assert_eq!(
            upstream
                .request(&Method::GET, "/a b", Content::Json(Bytes::new()), (0, None))
                .unwrap_err()
                .class,
            Class::ClientFault
        );
    }
}
