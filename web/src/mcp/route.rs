//! The route.

use axum::Extension;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jarvis_agent::{Principal, Surface};
use jarvis_gateway::caller::{Caller, Scope};
use jarvis_gateway::http::{read_body, require};
use serde_json::{Value, json};

use super::message::{self, Fault, Message};
use super::tools;
use crate::app::App;
use crate::error::ApiError;

/// A question has at most 100,000 characters, and arguments are fewer.
const BODY_LIMIT: usize = 1024 * 1024;
/// The protocols that begin with `initialize`, newest first. What differs between them is of no use here.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// What a client is told to know about Jarvis.
const INSTRUCTIONS: &str = "Jarvis looks after a home: containers, services, schedules. Tools that only read answer at once. \
    Tools that act may wait for a person: then nothing is done yet, the answer names the card, and calling again does not help.";

/// Answers one message of a client.
pub(crate) async fn answer(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    require(&caller, Scope::Mcp)?;
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, BODY_LIMIT).await?;
    let (id, method, params) = match message::read(&body) {
        Message::Request { id, method, params } => (id, method, params),
        Message::Silent => return Ok(StatusCode::ACCEPTED.into_response()),
        Message::Malformed { id, fault } => return Ok(refused(&id, &fault)),
    };
    if method != "initialize"
        && let Err(fault) = version(&parts.headers)
    {
        return Ok(refused(&id, &fault));
    }
    let done = carried_out(&app, &caller, &method, &params).await;
    Ok(Json(match done {
        Ok(result) => message::result(&id, &result),
        Err(fault) => message::error(&id, &fault),
    })
    .into_response())
}

async fn carried_out(app: &App, caller: &Caller, method: &str, params: &Value) -> Result<Value, Fault> {
    let who = Principal::of(caller, Surface::Mcp);
    match method {
        "initialize" => initialized(params),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(tools::list(app, &who)),
        "tools/call" => tools::call(app, &who, caller, params).await,
        other => Err(Fault::no_method(other)),
    }
}

/// The version that the client wants when it is known here, else the newest: the client decides whether it goes on.
fn initialized(params: &Value) -> Result<Value, Fault> {
    let Some(wanted) = params.get("protocolVersion").and_then(Value::as_str) else {
        return Err(Fault::params("`protocolVersion` is missing"));
    };
    let [newest, ..] = VERSIONS;
    let version = VERSIONS.into_iter().find(|known| *known == wanted).unwrap_or(newest);
    Ok(json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "jarvis", "title": "Jarvis", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    }))
}

/// What the client says of the version in the header, after the handshake. Old clients say nothing.
fn version(headers: &HeaderMap) -> Result<(), Fault> {
    let mut said = headers.get_all("mcp-protocol-version").iter();
    let is_known = |value: &axum::http::HeaderValue| VERSIONS.iter().any(|known| value == known);
    if said.all(is_known) {
        return Ok(());
    }
    Err(Fault::invalid(
        "this version of the protocol is not spoken here; begin with `initialize`",
    ))
}

fn refused(id: &Value, fault: &Fault) -> Response {
    (StatusCode::BAD_REQUEST, Json(message::error(id, fault))).into_response()
}
