//! The handlers.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jarvis_agent::Principal;
use jarvis_gateway::breaker::Forced;
use serde_json::{Value, json};

use super::caller::{Body, Unread, Who};
use super::rows::{
    Allowing, Asked, AuditWindow, CardFilter, Changing, Deciding, Forcing, Freezing, Saying, Unfreezing, Window,
};
use crate::app::App;
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

pub(crate) async fn status(State(app): State<App>, Who(who): Who) -> Answer {
    app.agent.may_look(&who)?;
    Ok(Json(json!((app.status)())))
}

pub(crate) async fn whoami(State(app): State<App>, Who(who): Who) -> Answer {
    Ok(Json(json!(app.agent.whoami(&who).await?)))
}

pub(crate) async fn people(State(app): State<App>, Who(who): Who) -> Answer {
    Ok(Json(json!({ "people": app.agent.people(&who).await? })))
}

pub(crate) async fn targets(State(app): State<App>, Who(who): Who) -> Answer {
    app.agent.may_look(&who)?;
    let (targets, shared) = (app.registry.targets(), app.registry.is_shared());
    Ok(Json(json!({ "targets": targets, "shared": shared })))
}

pub(crate) async fn force_backend(
    State(app): State<App>,
    Who(who): Who,
    Path(backend): Path<String>,
    body: Unread,
) -> Answer {
    force(&app, &who, &backend, None, body).await
}

pub(crate) async fn force_target(
    State(app): State<App>,
    Who(who): Who,
    Path((backend, model)): Path<(String, String)>,
    body: Unread,
) -> Answer {
    force(&app, &who, &backend, Some(&model), body).await
}

async fn force(app: &App, who: &Principal, backend: &str, model: Option<&str>, body: Unread) -> Answer {
    app.agent.may_look(who)?;
    let forcing: Forcing = body.read().await?;
    let to = forcing.state()?;
    app.registry.guarded(backend, model)?;
    let asked = json!({ "backend": backend, "model": model, "to": forcing.to, "seconds": forcing.seconds });
    let act = |by: &str| {
        let forced = to.map(|(to, time)| Forced {
            to,
            until: app.clock.now().plus(time),
            by: by.into(),
        });
        app.registry.force(backend, model, forced.as_ref())
    };
    let targets = app.agent.operate(who, "target", asked, act).await??;
    Ok(Json(json!({ "targets": targets })))
}

pub(crate) async fn conversations(State(app): State<App>, Who(who): Who, Asked(window): Asked<Window>) -> Answer {
    Ok(Json(
        json!({ "conversations": app.agent.conversations(&who, window.limit).await? }),
    ))
}

pub(crate) async fn create_conversation(State(app): State<App>, Who(who): Who) -> Result<Response, ApiError> {
    let conversation = app.agent.create_conversation(&who).await?;
    Ok((StatusCode::CREATED, Json(json!(conversation))).into_response())
}

pub(crate) async fn messages(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
    Asked(window): Asked<Window>,
) -> Answer {
    let messages = app
        .agent
        .messages(&who, &id, window.before.as_deref(), window.limit)
        .await?;
    Ok(Json(json!({ "messages": messages })))
}

pub(crate) async fn say(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
    Body(saying): Body<Saying>,
) -> Result<Response, ApiError> {
    if saying.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 100) {
        return Err(ApiError::bad_request("id", "`id` has 1 to 100 bytes"));
    }
    let said = app.agent.say(&who, &id, &saying.text, saying.id).await?;
    let status = if said.is_new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(json!({ "message": said.message }))).into_response())
}

pub(crate) async fn cancel(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let stopped = app.agent.cancel(&who, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "stopped": stopped }))).into_response())
}

pub(crate) async fn approvals(State(app): State<App>, Who(who): Who, Asked(filter): Asked<CardFilter>) -> Answer {
    let approvals = app.agent.approvals(&who, filter.status, filter.limit).await?;
    Ok(Json(json!({ "approvals": approvals })))
}

pub(crate) async fn approval(State(app): State<App>, Who(who): Who, Path(id): Path<String>) -> Answer {
    Ok(Json(json!(app.agent.approval(&who, &id).await?)))
}

pub(crate) async fn decide(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
    Body(deciding): Body<Deciding>,
) -> Answer {
    let card = match (deciding.yes, deciding.grant) {
        (yes, false) => app.agent.decide(&who, &id, yes, deciding.note).await?,
        (true, true) => app.agent.approve_for_an_hour(&who, &id, deciding.note).await?,
        (false, true) => return Err(ApiError::bad_request("grant", "`grant` goes with `yes`")),
    };
    Ok(Json(json!(card)))
}

pub(crate) async fn grants(State(app): State<App>, Who(who): Who) -> Answer {
    Ok(Json(json!({ "grants": app.agent.grants(&who).await? })))
}

pub(crate) async fn revoke_grant(State(app): State<App>, Who(who): Who, Path(id): Path<String>) -> Answer {
    app.agent.revoke_grant(&who, &id).await?;
    Ok(Json(json!({ "grants": app.agent.grants(&who).await? })))
}

pub(crate) async fn frozen(State(app): State<App>, Who(who): Who) -> Answer {
    Ok(Json(json!({ "frozen": app.agent.frozen(&who).await? })))
}

pub(crate) async fn freeze(State(app): State<App>, Who(who): Who, Body(freezing): Body<Freezing>) -> Answer {
    let time = match freezing.seconds {
        Some(0) => return Err(ApiError::bad_request("seconds", "`seconds` is at least 1")),
        seconds => seconds.map(Duration::from_secs),
    };
    let frozen = app.agent.freeze(&who, &freezing.what, time).await?;
    Ok(Json(json!({ "frozen": frozen })))
}

pub(crate) async fn unfreeze(State(app): State<App>, Who(who): Who, Body(unfreezing): Body<Unfreezing>) -> Answer {
    let frozen = app.agent.unfreeze(&who, &unfreezing.what).await?;
    Ok(Json(json!({ "frozen": frozen })))
}

pub(crate) async fn ask_again(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let card = app.agent.ask_again(&who, &id).await?;
    Ok((StatusCode::CREATED, Json(json!(card))).into_response())
}

pub(crate) async fn jobs(State(app): State<App>, Who(who): Who) -> Answer {
    app.agent.may_look(&who)?;
    Ok(Json(json!({ "jobs": app.agent.jobs(&who).await? })))
}

pub(crate) async fn change_job(State(app): State<App>, Who(who): Who, Path(id): Path<String>, body: Unread) -> Answer {
    app.agent.may_look(&who)?;
    let changing: Changing = body.read().await?;
    Ok(Json(json!(app.agent.change_job(&who, &id, changing.change).await?)))
}

pub(crate) async fn mcp_servers(State(app): State<App>, Who(who): Who) -> Answer {
    Ok(Json(json!({ "servers": app.agent.mcp_servers(&who)? })))
}

pub(crate) async fn allow_mcp(
    State(app): State<App>,
    Who(who): Who,
    Path(server): Path<String>,
    body: Unread,
) -> Answer {
    app.agent.may_look(&who)?;
    let allowing: Allowing = body.read().await?;
    let allowed = app.agent.allow_mcp(&who, &server, allowing.tool.as_deref()).await?;
    Ok(Json(json!({ "allowed": allowed })))
}

pub(crate) async fn trace(State(app): State<App>, Who(who): Who, Path(id): Path<String>) -> Answer {
    Ok(Json(json!(app.agent.trace(&who, &id).await?)))
}

pub(crate) async fn audit(State(app): State<App>, Who(who): Who, Asked(window): Asked<AuditWindow>) -> Answer {
    let (entries, check) = app.agent.audit(&who, window.before, window.limit).await?;
    Ok(Json(json!({ "entries": entries, "check": check })))
}
