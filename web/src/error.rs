//! Errors in OpenAI's shape, so that one client code reads all of them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is an error: status, code, message.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    param: Option<&'static str>,
    message: String,
}

impl ApiError {
    pub(crate) fn bad_request(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_value",
            param: Some(param),
            message: message.into(),
        }
    }

    pub(crate) fn body(status: StatusCode, message: impl Into<String>) -> Self {
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
            "request_too_large"
        } else {
            "invalid_body"
        };
        Self {
            status,
            code,
            param: None,
            message: message.into(),
        }
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
            E::Forbidden => (StatusCode::FORBIDDEN, "insufficient_scope"),
            E::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "message_too_long"),
            E::Empty => (StatusCode::BAD_REQUEST, "message_empty"),
            E::Busy => (StatusCode::TOO_MANY_REQUESTS, "conversation_busy"),
            E::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            E::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
        };
        if let E::Store(cause) = &error {
            tracing::error!(error = %cause, "a request failed because the database does not answer");
        }
        Self {
            status,
            code,
            param: None,
            message: error.to_string(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() {
            "server_error"
        } else {
            "invalid_request_error"
        };
        let body = json!({
            "error": { "message": self.message, "type": kind, "param": self.param, "code": self.code }
        });
        (self.status, Json(body)).into_response()
    }
}
