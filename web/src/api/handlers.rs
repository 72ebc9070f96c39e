//! The handlers.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jarvis_agent::Principal;
use jarvis_gateway::breaker::Forced;
use serde_json::{Value, json};

use super::caller::{Body, Who};
use super::rows::{Asked, AuditWindow, CardFilter, Deciding, Forcing, Saying, Window};
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
    Ok(Json(json!({ "targets": app.registry.targets() })))
}

pub(crate) async fn force_backend(
    State(app): State<App>,
    Who(who): Who,
    Path(backend): Path<String>,
    Body(forcing): Body<Forcing>,
) -> Answer {
    force(&app, &who, &backend, None, &forcing).await
}

pub(crate) async fn force_target(
    State(app): State<App>,
    Who(who): Who,
    Path((backend, model)): Path<(String, String)>,
    Body(forcing): Body<Forcing>,
) -> Answer {
    force(&app, &who, &backend, Some(&model), &forcing).await
}

async fn force(app: &App, who: &Principal, backend: &str, model: Option<&str>, forcing: &Forcing) -> Answer {
    let to = forcing.state()?;
    app.agent.may_look(who)?;
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
    Ok(Json(json!(
        app.agent.decide(&who, &id, deciding.yes, deciding.note).await?
    )))
}

pub(crate) async fn ask_again(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let card = app.agent.ask_again(&who, &id).await?;
    Ok((StatusCode::CREATED, Json(json!(card))).into_response())
}

pub(crate) async fn audit(State(app): State<App>, Who(who): Who, Asked(window): Asked<AuditWindow>) -> Answer {
    let (entries, check) = app.agent.audit(&who, window.before, window.limit).await?;
    Ok(Json(json!({ "entries": entries, "check": check })))
}
