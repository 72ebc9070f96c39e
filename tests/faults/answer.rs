//! An answer as a caller sees it, with every rule of OpenAI's stream grammar held against it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Nothing of this suite takes longer.
const PATIENCE: Duration = Duration::from_secs(80);

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// In the order of their indexes.
    pub(crate) calls: Vec<Call>,
    pub(crate) finishes: Vec<String>,
    pub(crate) model: String,
    pub(crate) usage: Value,
    /// What the stream tells beside the answer.
    pub(crate) comments: Vec<String>,
    pub(crate) error: Value,
    /// What broke a rule of the protocol.
    pub(crate) broken_rules: Vec<String>,
    streamed: bool,
    done_marks: usize,
    /// Until the first text, thinking or call.
    pub(crate) first: Option<Duration>,
    pub(crate) took: Duration,
    /// The whole body, for what is not a chat.
    pub(crate) body: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl Answer {
    /// Why this is not the whole answer `text`; `None` when it is.
    pub(crate) fn problem(&self, text: &str) -> Option<String> {
        if self.status != 200 {
            return Some(format!("status {}", self.status));
        }
        if !self.error.is_null() {
            return Some(format!("an error after {} characters", self.text.chars().count()));
        }
        if self.text != text {
            return Some(format!("the text is {:?} and not {:?}", short(&self.text), short(text)));
        }
        let finish = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        if self.finishes != [finish] {
            return Some(format!("it finished as {:?}", self.finishes));
        }
        if self.streamed && self.done_marks != 1 {
            return Some(format!("{} end marks", self.done_marks));
        }
        (!self.broken_rules.is_empty()).then(|| self.broken_rules.join("; "))
    }

    /// A status with OpenAI's error object, or an error in the stream and nothing that ends the answer as if it were
    /// whole.
    pub(crate) fn is_proper_error(&self) -> bool {
        let has_message = self.error["message"].as_str().is_some_and(|message| message.len() > 5);
        let keys = ["message", "type", "param", "code"];
        let has_keys = keys.iter().all(|key| self.error.get(key).is_some());
        let in_time = self.status >= 400 || (self.streamed && self.finishes.is_empty());
        has_message && has_keys && in_time && self.broken_rules.is_empty()
    }

    pub(crate) fn error_text(&self) -> String {
        let message = self.error["message"].as_str().unwrap_or_default();
        format!(
            "{} {} {}",
            self.status,
            self.error["code"].as_str().unwrap_or("-"),
            short(message)
        )
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn target(&self) -> String {
        self.header("x-jarvis-target").to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn whole(&mut self) {
        let Ok(body) = serde_json::from_str::<Value>(&self.body) else {
            self.broken_rules.push(format!("not JSON: {}", short(&self.body)));
            return;
        };
        self.error = body["error"].clone();
        body["model"].as_str().unwrap_or_default().clone_into(&mut self.model);
        self.usage = body["usage"].clone();
        let message = &body["choices"][0]["message"];
        message["content"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut self.text);
        let thinking = message["reasoning_content"].as_str();
        thinking.unwrap_or_default().clone_into(&mut self.reasoning);
        self.finishes
            .extend(body["choices"][0]["finish_reason"].as_str().map(str::to_owned));
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.calls.push(Call {
                id: word(&call["id"]),
                name: word(&call["function"]["name"]),
                arguments: word(&call["function"]["arguments"]),
            });
        }
    }

    fn line(&mut self, line: &str, since: Instant) {
        let Some(data) = line.strip_prefix("data: ") else {
            if let Some(comment) = line.strip_prefix(": ") {
                self.comments.push(comment.into());
            } else if !line.is_empty() {
                self.broken_rules
                    .push(format!("a line that is no event: {}", short(line)));
            }
            return;
        };
        if self.done_marks > 0 {
            self.broken_rules.push("something comes after the end mark".into());
        }
        if data == "[DONE]" {
            self.done_marks += 1;
            return;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            self.broken_rules
                .push(format!("a chunk that is not JSON: {}", short(data)));
            return;
        };
        self.chunk(&chunk);
        let said = !(self.text.is_empty() && self.reasoning.is_empty() && self.calls.is_empty());
        if said && self.first.is_none() {
            self.first = Some(since.elapsed());
        }
    }

    fn chunk(&mut self, chunk: &Value) {
        if chunk.get("error").is_some() {
            self.error = chunk["error"].clone();
            return;
        }
        if !self.error.is_null() {
            self.broken_rules.push("a chunk after the error".into());
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            self.usage = usage.clone();
        }
        let model = chunk["model"].as_str().unwrap_or_default();
        if !(self.model.is_empty() || self.model == model) {
            self.broken_rules
                .push(format!("the model changes from {} to {model}", self.model));
        }
        model.clone_into(&mut self.model);
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        let text = delta["content"].as_str().unwrap_or_default();
        if !self.finishes.is_empty() && !text.is_empty() {
            self.broken_rules.push("text after the finish".into());
        }
        self.text += text;
        self.reasoning += delta["reasoning_content"].as_str().unwrap_or_default();
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            self.call(piece);
        }
        self.finishes
            .extend(choice["finish_reason"].as_str().map(str::to_owned));
    }

    fn call(&mut self, piece: &Value) {
        let index = piece["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|index| *index <= self.calls.len()) else {
            self.broken_rules.push(format!("a call with a wrong index: {piece}"));
            return;
        };
        if index == self.calls.len() {
            self.calls.push(Call::default());
        }
        let call = &mut self.calls[index];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        call.id += &word(&piece["id"]);
        call.name += &word(&piece["function"]["name"]);
        call.arguments += &word(&piece["function"]["arguments"]);
    }
}

pub(crate) fn short(text: &str) -> String {
    const LENGTH: usize = 160;
    if text.chars().count() <= LENGTH {
        return text.to_owned();
    }
    text.chars().take(LENGTH).chain("…".chars()).collect()
}

/// One request on a connection of its own.
pub(crate) async fn ask(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let since = Instant::now();
    let asked = tokio::time::timeout(PATIENCE, open(address, method, path, headers, body)).await;
    let response = match asked {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return broken(since, format!("no answer: {error}")),
        Err(_) => return broken(since, "no answer in time".into()),
    };
    match tokio::time::timeout(PATIENCE, read(response, since)).await {
        Ok(answer) => answer,
        Err(_) => broken(since, "the answer does not end".into()),
    }
}

fn broken(since: Instant, rule: String) -> Answer {
    Answer {
        broken_rules: vec![rule],
        took: since.elapsed(),
        ..Answer::default()
    }
}

async fn read(response: http::Response<Incoming>, since: Instant) -> Answer {
    let (head, mut body) = response.into_parts();
    let kind = head
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let mut answer = Answer {
        status: head.status.as_u16(),
        streamed: kind.starts_with("text/event-stream"),
        headers: head.headers.clone(),
        ..Answer::default()
    };
    let mut bytes = Vec::new();
    let mut lines = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
            Err(error) => {
                answer.broken_rules.push(format!("the connection broke: {error}"));
                break;
            }
        }
        while let Some(end) = bytes[lines..]
            .iter()
            .position(|byte| *byte == b'\n')
            .filter(|_| answer.streamed)
        {
            let line = String::from_utf8_lossy(&bytes[lines..lines + end]).into_owned();
            lines += end + 1;
            answer.line(&line, since);
        }
    }
    answer.took = since.elapsed();
    answer.body = String::from_utf8_lossy(&bytes).into_owned();
    if !answer.streamed {
        answer.whole();
    }
    answer
}

/// Sends a request and leaves the body to be read.
pub(crate) async fn open(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> anyhow::Result<http::Response<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", address)
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(sender.send_request(request.body(Full::new(body.into()))?).await?)
}
