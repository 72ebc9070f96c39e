//! The agent's refusals as HTTP answers, in the shape that the gateway gives all errors.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jarvis_gateway::http;
use jarvis_gateway::registry::NoTarget;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct ApiError(http::Error);

impl ApiError {
    pub(crate) fn bad_request(param: &str, message: impl Into<String>) -> Self {
        Self(http::Error::invalid(Some(param), "invalid_value", message))
    }
}

impl From<http::Error> for ApiError {
    fn from(error: http::Error) -> Self {
        Self(error)
    }
}

impl From<NoTarget> for ApiError {
    fn from(error: NoTarget) -> Self {
        Self(http::Error::new(
            StatusCode::NOT_FOUND,
            "target_not_found",
            error.to_string(),
        ))
    }
}

impl From<jarvis_agent::Error> for ApiError {
    fn from(error: jarvis_agent::Error) -> Self {
        use jarvis_agent::Error as E;
        let (status, code) = match &error {
            E::NoConversation(_) => (StatusCode::NOT_FOUND, "conversation_not_found"),
            E::NoApproval(_) => (StatusCode::NOT_FOUND, "approval_not_found"),
            E::MayNotApprove => (StatusCode::FORBIDDEN, "approval_forbidden"),
            E::AlreadyDecided { .. } => (StatusCode::CONFLICT, "approval_already_decided"),
            E::ApprovalExpired(_) => (StatusCode::GONE, "approval_expired"),
            E::NotGrantable { .. } => (StatusCode::CONFLICT, "approval_not_grantable"),
            E::NoGrant(_) => (StatusCode::NOT_FOUND, "grant_not_found"),
            E::NoTool { .. } => (StatusCode::NOT_FOUND, "tool_not_found"),
            E::NoMcp(_) => (StatusCode::NOT_FOUND, "mcp_not_found"),
            E::NotFrozen(_) => (StatusCode::NOT_FOUND, "not_frozen"),
            E::Frozen(_) => (StatusCode::CONFLICT, "frozen"),
            E::NotRaised(_) => (StatusCode::CONFLICT, "approval_not_raised"),
            E::NoRun(_) => (StatusCode::NOT_FOUND, "run_not_found"),
            E::ManyRuns { .. } => (StatusCode::CONFLICT, "run_ambiguous"),
            E::NoJob(_) => (StatusCode::NOT_FOUND, "job_not_found"),
            E::NoMemory(_) => (StatusCode::NOT_FOUND, "memory_not_found"),
            E::NotRemembered(_) => (StatusCode::CONFLICT, "not_remembered"),
            E::JobStays { .. } => (StatusCode::CONFLICT, "job_not_changed"),
            E::Forbidden => (StatusCode::FORBIDDEN, "insufficient_scope"),
            E::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "message_too_long"),
            E::Empty => (StatusCode::BAD_REQUEST, "message_empty"),
            E::Busy => (StatusCode::TOO_MANY_REQUESTS, "conversation_busy"),
            E::BrokeOff => (StatusCode::INTERNAL_SERVER_ERROR, "broke_off"),
            E::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            E::NotKept | E::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
        };
        if let E::Store(cause) = &error {
            tracing::error!(error = %cause, "a request failed because the database does not answer");
        }
        Self(http::Error::new(status, code, error.to_string()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
