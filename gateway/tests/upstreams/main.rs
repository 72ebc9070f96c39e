//! The providers against servers played by the stand-in, over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests are tests too, which clippy does not see"
)]

mod admin;
mod connection;
mod discover;
mod keys;
mod ollama;
mod openai;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jarvis_gateway::chat::{Event, Gather, Message, Reply, Request, Role, ToolSpec};
use jarvis_gateway::provider::{Call, Error, Provider};
use jarvis_gateway::upstream::Upstream;
use serde_json::json;
use stand_in::{Entry, Server};

const PATIENCE: Duration = Duration::from_secs(10);

async fn server() -> Server {
    Server::start("127.0.0.1:0").await.unwrap()
}

/// The client of a server at `url`, with `sk-test` as its credential.
fn upstream(url: &str) -> Arc<Upstream> {
    Arc::new(Upstream::new(url, Some("sk-test".into()), Duration::from_millis(500)).unwrap())
}

fn ask(model: &str, request: Request) -> Call {
    Call {
        request: Arc::new(request),
        model: model.into(),
        left: Vec::new(),
    }
}

fn question(text: &str) -> Request {
    Request {
        messages: vec![Message::text(Role::User, text)],
        ..Request::default()
    }
}

fn weather() -> ToolSpec {
    ToolSpec {
        name: "get_weather".into(),
        description: "The weather in one city.".into(),
        parameters: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        strict: None,
    }
}

/// All events, and the error if there was one.
async fn play(provider: &dyn Provider, call: Call) -> (Vec<Event>, Option<Error>) {
    let mut stream = provider.stream(call);
    let mut events = Vec::new();
    let read = async {
        while let Some(item) = stream.next().await {
            match item {
                Ok(event) => events.push(event),
                Err(error) => return Some(error),
            }
        }
        None
    };
    let error = tokio::time::timeout(PATIENCE, read).await.expect("the stream ends");
    (events, error)
}

async fn reply(provider: &dyn Provider, call: Call) -> Reply {
    let (events, error) = play(provider, call).await;
    assert_eq!(error, None);
    let mut gather = Gather::default();
    events
        .into_iter()
        .find_map(|event| gather.push(event))
        .expect("the answer has an end")
}

/// Waits for the log to become as `is` wants it.
async fn log_until(server: &Server, is: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
    let wait = async {
        loop {
            let log = server.log();
            if is(&log) {
                return log;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let log = tokio::time::timeout(PATIENCE, wait).await;
    log.unwrap_or_else(|_| panic!("the log stayed {:?}", server.log()))
}

/// Leaves an answer while it is being given, and waits until the server noticed. How long it took is not measured
/// here, because a loaded machine is slow; `end` says that it noticed at all and did not answer to the end.
async fn leave(server: &Server, provider: &dyn Provider, model: &str, after_first_event: bool) {
    let mut stream = provider.stream(ask(model, question("hello")));
    if after_first_event {
        stream.next().await.unwrap().unwrap();
    } else {
        tokio::select! {
            event = stream.next() => panic!("answered with {event:?}"),
            _ = log_until(server, |log| !log.is_empty()) => {}
        }
    }
    drop(stream);
    let log = log_until(server, |log| log.iter().all(|entry| entry.end.is_some())).await;
    let ends: Vec<_> = log.iter().map(|entry| entry.end).collect();
    assert_eq!(ends, [Some("left")]);
}
