//! A server at an address: streamable HTTP over the connections that model servers are spoken to with.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use jarvis_gateway::provider;
use jarvis_gateway::upstream::{Response, Upstream, sse};
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse,
};
use secrecy::SecretString;
use sse_stream::Sse;

use crate::stdio::{MAX_MESSAGE, understood};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

type Fault = StreamableHttpError<provider::Error>;

/// The connections to one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Place {
    upstream: Arc<Upstream>,
    /// With its query.
    path: Arc<str>,
}

/// A transport to `url`. An address that cannot be used is told in a sentence.
pub(crate) fn open(
    url: &str,
    credential: Option<SecretString>,
) -> Result<StreamableHttpClientTransport<Place>, String> {
    let (base, path) = split(url)?;
    let upstream = Upstream::new(&base, credential, CONNECT_LIMIT).map_err(|error| error.to_string())?;
    let place = Place {
        upstream: Arc::new(upstream),
        path: path.into(),
    };
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    // A session that is gone is a server that may be another: its tools are looked at before they are called again.
    config.reinit_on_expired_session = false;
    Ok(StreamableHttpClientTransport::with_client(place, config))
}

/// `http://host:1/mcp?x` as `http://host:1` and `/mcp?x`.
fn split(url: &str) -> Result<(String, String), String> {
    let uri: Uri = url.trim().parse().map_err(|_| "`url` does not parse".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err("`url` must begin with http:// or https:// and a host".to_owned());
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((format!("{scheme}://{authority}"), path.to_owned()))
}

impl Place {
    async fn ask(
        &self,
        method: Method,
        accept: &'static str,
        session: Option<Arc<str>>,
        mut fields: HashMap<HeaderName, HeaderValue>,
        body: Bytes,
    ) -> Result<Response, Fault> {
        fields.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(session) = session {
            let session = HeaderValue::from_str(&session).map_err(|_| unexpected("its session id is no text"))?;
            fields.insert(SESSION, session);
        }
        let fields: HeaderMap = fields.into_iter().collect();
        let asked = self.upstream.exchange(method, &self.path, &fields, body).await;
        asked.map_err(|error| StreamableHttpError::Client(self.upstream.redacted(error)))
    }

    async fn refused(&self, response: Response) -> Fault {
        let status = response.status();
        let says = self.upstream.refusal(response).await;
        let says = crate::words::line(&says, 200);
        StreamableHttpError::UnexpectedServerResponse(format!("HTTP {status}: {says}").into())
    }
}

fn unexpected(says: &'static str) -> Fault {
    StreamableHttpError::UnexpectedServerResponse(says.into())
}

impl StreamableHttpClient for Place {
    type Error = provider::Error;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _credential: Option<String>,
        mut fields: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let body = serde_json::to_vec(&message)?;
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let had_session = session.is_some();
        let accept = "application/json, text/event-stream";
        let response = self.ask(Method::POST, accept, session, fields, body.into()).await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => return Ok(StreamableHttpPostResponse::Accepted),
            StatusCode::NOT_FOUND if had_session => return Err(StreamableHttpError::SessionExpired),
            status if status.is_success() => {}
            _ => return Err(self.refused(response).await),
        }
        let session = response.header(&SESSION).and_then(|value| value.to_str().ok());
        let session = session.map(str::to_owned);
        match response.media_type().as_str() {
            "text/event-stream" => Ok(StreamableHttpPostResponse::Sse(events(response), session)),
            "application/json" => {
                let whole = response.whole(MAX_MESSAGE).await.map_err(StreamableHttpError::Client)?;
                let whole = whole.ok_or_else(|| unexpected("its answer is longer than 8 MiB"))?;
                let message = understood(&whole).ok_or_else(|| unexpected("its answer is no message"))?;
                Ok(StreamableHttpPostResponse::Json(message, session))
            }
            other => Err(StreamableHttpError::UnexpectedContentType(Some(crate::words::line(
                other, 100,
            )))),
        }
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session: Arc<str>,
        _credential: Option<String>,
        fields: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Fault> {
        let response = self
            .ask(Method::DELETE, "*/*", Some(session), fields, Bytes::new())
            .await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportDeleteSession),
            status if status.is_success() => Ok(()),
            _ => Err(self.refused(response).await),
        }
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _credential: Option<String>,
        mut fields: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Fault> {
        if let Some(last) = last_event {
            let last = HeaderValue::from_str(&last).map_err(|_| unexpected("its event id is no text"))?;
            fields.insert(LAST_EVENT, last);
        }
        let response = self
            .ask(Method::GET, "text/event-stream", session, fields, Bytes::new())
            .await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => return Err(StreamableHttpError::ServerDoesNotSupportSse),
            status if status.is_success() => {}
            _ => return Err(self.refused(response).await),
        }
        if response.media_type() != "text/event-stream" {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        Ok(events(response))
    }
}

/// The events of a stream. One that is longer than 8 MiB ends it.
fn events(response: Response) -> BoxStream<'static, Result<Sse, SseError>> {
    let state = (response, sse::Decoder::default(), VecDeque::new(), false);
    let read = |(mut response, mut decoder, mut ready, mut over): (Response, sse::Decoder, VecDeque<Sse>, bool)| async move {
        loop {
            if let Some(event) = ready.pop_front() {
                return Some((Ok(event), (response, decoder, ready, over)));
            }
            if over {
                return None;
            }
            match response.chunk().await {
                Ok(Some(chunk)) => decoder.push(chunk),
                Ok(None) => {
                    decoder.end();
                    over = true;
                }
                Err(error) => {
                    over = true;
                    let error = SseError::Body(Box::new(error));
                    return Some((Err(error), (response, decoder, ready, over)));
                }
            }
            loop {
                match decoder.next_event() {
                    Ok(Some(event)) => ready.push_back(told(&event, &decoder)),
                    Ok(None) => break,
                    Err(error) => {
                        over = true;
                        ready.clear();
                        let error = SseError::Body(Box::new(error));
                        return Some((Err(error), (response, decoder, ready, over)));
                    }
                }
            }
        }
    };
    stream::unfold(state, read).boxed()
}

fn told(event: &sse::Event, decoder: &sse::Decoder) -> Sse {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    // An answer in a form that is not known would end the stream, and so every other call on it.
    let data = match understood(&event.data) {
        Some(message) => serde_json::to_string(&message).unwrap_or_default(),
        None => String::new(),
    };
    Sse {
        event: event.name.as_ref().map(text),
        data: Some(data),
        id: decoder.last_id().map(text),
        retry: None,
    }
}
