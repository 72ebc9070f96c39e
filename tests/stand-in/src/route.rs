use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::control::{Control, State};
use crate::faults::Play;
use crate::log::Watch;
use crate::server::reset_on_close;
use crate::wire::{Body, Cut, json as json_response, not_found, page};
use crate::{jobs, ollama, openai};

/// The longest request, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// The connection on which a request came.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Counted from 0.
    pub(crate) number: u64,
    /// By which it can be reset.
    pub(crate) socket: TcpStream,
}

pub(crate) async fn route(
    state: Arc<State>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LIMIT).collect().await.map_err(|_| Cut)?.to_bytes();
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/control") => return Ok(control(&state, &body)),
        (&Method::GET, "/log") => return Ok(json_response(200, &json!(state.log.entries()))),
        (&Method::GET, "/runners") => return Ok(json_response(200, &json!(state.runners.shown()))),
        _ => {}
    }
    let watch = Watch::new(&state, connection.number, &head, &body);
    if let Some(play) = state.fault_on(head.uri.path())
        && head.method == Method::GET
    {
        return without_model(play, &connection, watch).await;
    }
    let job = |watch| jobs::Job {
        state: &state,
        connection: &connection,
        path: head.uri.path(),
        watch,
    };
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/v1/embeddings") => jobs::embeddings(job(watch), &body).await,
        (&Method::POST, "/api/embed") => jobs::ollama_embed(job(watch), &body).await,
        (&Method::POST, "/v1/images/generations") => jobs::generations(job(watch), &body).await,
        (&Method::POST, "/v1/images/edits") => jobs::edits(job(watch), &head.headers, &body).await,
        (&Method::POST, "/v1/audio/speech") => jobs::speech(job(watch), &body).await,
        (&Method::POST, "/v1/audio/transcriptions") => jobs::transcriptions(job(watch), &head.headers, &body).await,
        (&Method::POST, "/v1/chat/completions") => openai::chat(&state, &connection, &body, watch).await,
        (&Method::POST, "/api/chat") => ollama::chat(&state, &connection, &body, watch).await,
        (&Method::GET, "/v1/models") => Ok(answered(watch, openai::models(&state))),
        (&Method::GET, "/api/version") => Ok(answered(watch, json_response(200, &json!({"version": "0.33.0"})))),
        (&Method::GET, "/api/tags") => Ok(answered(watch, ollama::tags(&state))),
        (&Method::GET, "/api/ps") => {
            let loaded = ollama::ps(&state).await;
            Ok(answered(watch, loaded))
        }
        (&Method::POST, "/api/generate") => ollama::generate(&state, &connection, &body, watch).await,
        (&Method::POST, "/api/show") => Ok(answered(watch, ollama::show(&state, &body))),
        _ => Ok(answered(watch, not_found())),
    }
}

pub(crate) fn answered(watch: Watch, response: Response<Body>) -> Response<Body> {
    watch.answered();
    response
}

/// Never returns; dropped when the client goes away.
pub(crate) async fn hang(watch: Watch) -> Result<Response<Body>, Cut> {
    std::future::pending::<()>().await;
    drop(watch);
    Err(Cut)
}

pub(crate) fn reset(connection: &Connection, watch: Watch) -> Result<Response<Body>, Cut> {
    watch.answered();
    // Where the reset cannot be had, the connection is closed before the answer all the same.
    reset_on_close(&connection.socket).unwrap_or_default();
    Err(Cut)
}

async fn without_model(play: Play, connection: &Connection, watch: Watch) -> Result<Response<Body>, Cut> {
    match play {
        Play::Hang => hang(watch).await,
        Play::Reset => reset(connection, watch),
        Play::Html => Ok(answered(watch, page())),
        Play::Refuse(_) | Play::Answer(_) | Play::Broken(..) | Play::Lacks(_) => Ok(answered(
            watch,
            json_response(500, &json!({"error": "fault on this route"})),
        )),
    }
}

fn control(state: &State, body: &Bytes) -> Response<Body> {
    let control = serde_json::from_slice::<Control>(body).map_err(|error| error.to_string());
    match control.and_then(|control| state.set(control)) {
        Ok(()) => json_response(200, &json!({"ok": true})),
        Err(error) => json_response(400, &json!({"error": error})),
    }
}

/// A request whose body is a JSON object, or what is wrong with it.
pub(crate) fn object(body: &Bytes) -> Result<serde_json::Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("the body is not a JSON object".into()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}
