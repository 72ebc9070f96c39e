//! Plays the server side of `docs/api.md`: stores messages, numbers events, resumes streams, and checks what it is
//! sent. What follows a message is scripted by the test.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_stream::stream;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jarvis_gateway::tasks::Tasks;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What the server does after it took a message. `"RUN"` in a value stands for the run of that message.
pub(super) enum Step {
    /// An event, numbered and kept.
    Event(Value),
    /// Stores a message and tells of it.
    Message(Value),
    Card(Value),
    /// Ends all event streams.
    Cut,
    /// A new epoch: what happened before is not told again.
    Restart,
    /// Goes on when a turn is cancelled.
    UntilCancelled,
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    state: Arc<Shared>,
    tasks: Tasks,
}

struct Shared {
    inner: Mutex<Inner>,
    /// Counts changes, so that streams look again.
    changed: watch::Sender<u64>,
    tasks: Tasks,
}

#[derive(Default)]
struct Inner {
    epoch: u64,
    /// Streams of an older one end.
    generation: u64,
    events: Vec<String>,
    messages: Vec<Value>,
    cards: Vec<Value>,
    scripts: VecDeque<Vec<Step>>,
    asked: Vec<String>,
    last_run: String,
    key: Option<String>,
    cancelled: u64,
    /// Answers this to the next requests for messages and cards.
    refuse: Option<StatusCode>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::default();
        let inner = Mutex::new(Inner {
            epoch: 1,
            ..Inner::default()
        });
        let state = Arc::new(Shared {
            inner,
            changed: watch::channel(0).0,
            tasks: tasks.clone(),
        });
        let router = Router::new()
            .route("/v1/jarvis/status", get(async || Json(json!({ "version": "1" }))))
            .route(
                "/v1/jarvis/targets",
                get(async || Json(json!({ "targets": [{ "name": "gpu/a" }] }))),
            )
            .route(
                "/v1/jarvis/audit",
                get(async |request: Request| Json(json!({ "query": request.uri().query() }))),
            )
            .route("/v1/jarvis/conversations", get(conversations).post(start_conversation))
            .route("/v1/jarvis/conversations/{id}/messages", get(messages).post(say))
            .route("/v1/jarvis/conversations/{id}/cancel", post(cancel))
            .route("/v1/jarvis/approvals", get(cards))
            .route("/v1/jarvis/approvals/{id}", get(card).post(decide))
            .route("/v1/jarvis/events", get(events))
            .layer(from_fn_with_state(Arc::clone(&state), guard))
            .with_state(Arc::clone(&state));
        let stopping = tasks.stopping().clone();
        tasks.spawn("stand-in", async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
            server.await.unwrap();
        });
        Self { address, state, tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next message with `steps`.
    pub(super) fn script(&self, steps: Vec<Step>) {
        self.state.inner.lock().unwrap().scripts.push_back(steps);
    }

    /// Does it now; `"RUN"` is the run of the last message.
    pub(super) fn happen(&self, step: Step) {
        let run = self.state.inner.lock().unwrap().last_run.clone();
        self.state.apply(step, &run);
    }

    pub(super) fn demand_key(&self, key: &str) {
        self.state.inner.lock().unwrap().key = Some(key.to_owned());
    }

    pub(super) fn refuse(&self, status: StatusCode) {
        self.state.inner.lock().unwrap().refuse = Some(status);
    }

    /// Requests so far, as `GET /path?query body`.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.inner.lock().unwrap().asked.clone()
    }

    /// Ends the process, as far as a client can tell.
    pub(super) async fn die(&self) {
        self.happen(Step::Cut);
        assert!(
            self.tasks.stop(Duration::from_secs(5)).await,
            "the stand-in did not stop"
        );
    }
}

impl Shared {
    async fn play(&self, step: Step, run: &str) {
        if matches!(step, Step::UntilCancelled) {
            let before = self.inner.lock().unwrap().cancelled;
            let mut changed = self.changed.subscribe();
            let is_cancelled = |_: &u64| self.inner.lock().unwrap().cancelled > before;
            tokio::select! {
                cancelled = changed.wait_for(is_cancelled) => drop(cancelled.unwrap()),
                () = self.tasks.stopping().cancelled() => {}
            }
        } else {
            self.apply(step, run);
        }
    }

    fn apply(&self, step: Step, run: &str) {
        let named = |value: Value| -> Value { serde_json::from_str(&value.to_string().replace("RUN", run)).unwrap() };
        let mut inner = self.inner.lock().unwrap();
        match step {
            Step::Event(event) => inner.publish(&named(event)),
            Step::Message(message) => inner.add(named(message)),
            Step::Card(card) => {
                inner.cards.retain(|known| known["id"] != card["id"]);
                inner.publish(&json!({ "type": "approval", "approval": card }));
                inner.cards.push(card);
            }
            Step::Cut => inner.generation += 1,
            Step::Restart => {
                inner.generation += 1;
                inner.epoch += 1;
                inner.events.clear();
            }
            Step::UntilCancelled => panic!("nothing can wait here"),
        }
        drop(inner);
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Inner {
    fn publish(&mut self, event: &Value) {
        self.events.push(event.to_string());
    }

    fn add(&mut self, mut message: Value) {
        message["id"] = json!(format!("m{:04}", self.messages.len()));
        message["conversation_id"] = message.get("conversation_id").cloned().unwrap_or(json!("c1"));
        message["created_at"] = json!(1_795_168_000_000_i64);
        self.publish(&json!({ "type": "message", "message": message }));
        self.messages.push(message);
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": code });
    (status, Json(json!({ "error": error }))).into_response()
}

async fn guard(State(state): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let sent = String::from_utf8(body.to_vec()).unwrap();
    let key = {
        let mut inner = state.inner.lock().unwrap();
        inner
            .asked
            .push(format!("{} {} {sent}", parts.method, parts.uri).trim_end().to_owned());
        inner.key.clone()
    };
    assert_eq!(parts.headers.get("x-jarvis-surface").unwrap(), "terminal");
    let bearer = parts
        .headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    if key.is_some_and(|key| bearer != Some(format!("Bearer {key}"))) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_api_key", "this key is not known");
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

async fn conversations(State(state): State<Arc<Shared>>) -> Json<Value> {
    let used = !state.inner.lock().unwrap().messages.is_empty();
    Json(json!({ "conversations": if used { json!([{ "id": "c1", "title": "a" }]) } else { json!([]) } }))
}

async fn start_conversation() -> Response {
    (StatusCode::CREATED, Json(json!({ "id": "c1", "title": "" }))).into_response()
}

async fn messages(State(state): State<Arc<Shared>>) -> Response {
    let mut inner = state.inner.lock().unwrap();
    match inner.refuse.take() {
        Some(status) => refusal(status, "refused", "not now"),
        None => Json(json!({ "messages": inner.messages })).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
    id: String,
}

async fn say(
    State(state): State<Arc<Shared>>,
    Path(conversation): Path<String>,
    Json(saying): Json<Saying>,
) -> Response {
    assert!(!saying.id.is_empty());
    let mut inner = state.inner.lock().unwrap();
    if let Some(status) = inner.refuse.take() {
        return refusal(status, "conversation_busy", "too many messages wait");
    }
    let is_command = ["approve ", "deny ", "/stop", "/help"]
        .iter()
        .any(|word| saying.text.starts_with(word));
    let run = format!("r{}", inner.messages.len());
    let message = json!({
        "run_id": if is_command { Value::Null } else { json!(run) }, "role": "user", "text": saying.text,
        "conversation_id": conversation, "detail": { "via": "terminal" },
    });
    inner.add(message);
    inner.last_run.clone_from(&run);
    let steps = inner.scripts.pop_front().unwrap_or_default();
    let message = inner.messages.last().cloned();
    drop(inner);
    state.changed.send_modify(|count| *count += 1);
    let (state_of_task, tasks) = (Arc::clone(&state), state.tasks.clone());
    tasks.spawn("script", async move {
        for step in steps {
            state_of_task.play(step, &run).await;
        }
    });
    (StatusCode::ACCEPTED, Json(json!({ "message": message }))).into_response()
}

async fn cancel(State(state): State<Arc<Shared>>) -> Response {
    state.inner.lock().unwrap().cancelled += 1;
    state.changed.send_modify(|count| *count += 1);
    (StatusCode::ACCEPTED, Json(json!({}))).into_response()
}

async fn cards(State(state): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "approvals": state.inner.lock().unwrap().cards }))
}

async fn card(State(state): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let inner = state.inner.lock().unwrap();
    match inner.cards.iter().find(|card| card["id"] == id) {
        Some(card) => Json(json!({ "approval": card })).into_response(),
        None => refusal(
            StatusCode::NOT_FOUND,
            "approval_not_found",
            &format!("there is no approval `{id}`"),
        ),
    }
}

async fn decide(state: State<Arc<Shared>>, path: Path<String>, Json(_): Json<Value>) -> Response {
    card(state, path).await
}

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

async fn events(
    State(state): State<Arc<Shared>>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Response {
    let mut changed = state.changed.subscribe();
    let (epoch, generation, known) = {
        let inner = state.inner.lock().unwrap();
        (inner.epoch, inner.generation, inner.events.len())
    };
    let last = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap().to_owned())
        .or(after);
    let place = last.as_deref().and_then(|id| id.split_once('-'));
    let seen = place
        .filter(|(of, _)| *of == format!("e{epoch}"))
        .and_then(|(_, seq)| seq.parse::<usize>().ok());
    let reload = last.is_some() && seen.is_none();
    let stream = stream! {
        yield Ok::<_, Infallible>(Bytes::from_static(b": connected\n\n"));
        if reload {
            yield Ok(Bytes::from_static(b"data: {\"type\":\"reload\"}\n\n"));
        }
        let mut next = seen.unwrap_or(known);
        loop {
            let frames = {
                let inner = state.inner.lock().unwrap();
                if inner.generation != generation {
                    return;
                }
                let new = inner.events.get(next..).unwrap_or_default();
                let numbered = new.iter().zip(next + 1..);
                next += new.len();
                numbered.map(|(event, seq)| format!("id: e{epoch}-{seq}\ndata: {event}\n\n")).collect::<Vec<_>>().concat()
            };
            if !frames.is_empty() {
                yield Ok(Bytes::from(frames));
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}
