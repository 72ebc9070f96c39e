//! A small HTTP client that sends exactly what a test says, whatever a good client would do.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// No request of these tests takes longer when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    /// The code of an error, after checking that the error has OpenAI's shape: four keys, always.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn error_code(&self) -> String {
        let body = self.json();
        let error = body["error"]
            .as_object()
            .unwrap_or_else(|| panic!("no error object: {}", self.text));
        let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "message", "param", "type"], "{}", self.text);
        assert!(
            error["message"].as_str().is_some_and(|message| message.len() > 5),
            "{}",
            self.text
        );
        error["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) async fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let response = open(address, method, path, headers, body).await;
    let (head, body) = response.into_parts();
    let bytes = tokio::time::timeout(PATIENCE, body.collect())
        .await
        .expect("an answer in time")
        .expect("a whole body");
    let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text,
    }
}

/// The same, but the body is left to be read piece by piece.
pub(crate) async fn open(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> http::Response<Incoming> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("handshake");
    tokio::spawn(connection);
    let mut request = http::Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", address);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).expect("a request");
    tokio::time::timeout(PATIENCE, sender.send_request(request))
        .await
        .expect("a head in time")
        .expect("a response")
}

/// Reads on until the text holds `wanted`, or the stream ends.
pub(crate) async fn read_until(body: &mut Incoming, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        match tokio::time::timeout(PATIENCE, body.frame())
            .await
            .expect("a piece in time")
        {
            Some(Ok(frame)) => text += &String::from_utf8_lossy(frame.data_ref().unwrap_or(&Bytes::new())),
            Some(Err(_)) | None => break,
        }
    }
    text
}
