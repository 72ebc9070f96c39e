//! The list of our own routes.

use axum::Router;
use axum::routing::{delete, get, post};

use crate::app::App;
use crate::{api, events, mcp};

/// The routes under `/v1/jarvis`, and `/mcp`. They expect the caller in the request's extensions, where `jarvis_gateway::http`'s
/// guard puts it.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/v1/jarvis/status", get(api::status))
        .route("/v1/jarvis/whoami", get(api::whoami))
        .route("/v1/jarvis/people", get(api::people))
        .route("/v1/jarvis/targets", get(api::targets))
        .route("/v1/jarvis/targets/{backend}", post(api::force_backend))
        // A model may have slashes in its name.
        .route("/v1/jarvis/targets/{backend}/{*model}", post(api::force_target))
        .route(
            "/v1/jarvis/conversations",
            get(api::conversations).post(api::create_conversation),
        )
        .route(
            "/v1/jarvis/conversations/{id}/messages",
            get(api::messages).post(api::say),
        )
        .route("/v1/jarvis/conversations/{id}/cancel", post(api::cancel))
        .route("/v1/jarvis/approvals", get(api::approvals))
        .route("/v1/jarvis/approvals/{id}", get(api::approval).post(api::decide))
        .route("/v1/jarvis/approvals/{id}/again", post(api::ask_again))
        .route("/v1/jarvis/grants", get(api::grants))
        .route("/v1/jarvis/grants/{id}", delete(api::revoke_grant))
        .route("/v1/jarvis/freeze", get(api::frozen).post(api::freeze))
        .route("/v1/jarvis/unfreeze", post(api::unfreeze))
        .route("/v1/jarvis/jobs", get(api::jobs))
        .route("/v1/jarvis/jobs/{id}", post(api::change_job))
        .route("/v1/jarvis/memory", get(api::memories).post(api::remember))
        .route("/v1/jarvis/memory/search", get(api::recall))
        .route("/v1/jarvis/memory/learning", post(api::set_learning))
        .route("/v1/jarvis/memory/{id}", delete(api::forget_memory))
        .route("/v1/jarvis/mcp", get(api::mcp_servers))
        .route("/v1/jarvis/mcp/{server}/allow", post(api::allow_mcp))
        .route("/v1/jarvis/runs/{id}", get(api::trace))
        .route("/v1/jarvis/audit", get(api::audit))
        .route("/v1/jarvis/events", get(events::events))
        .route("/mcp", post(mcp::answer))
        .with_state(app)
}
