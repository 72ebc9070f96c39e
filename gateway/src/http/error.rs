//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`, always with all four.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde_json::Value;

use super::wire::BadRequest;
use crate::provider::{self, Class};
use crate::registry::Unknown;

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub status: StatusCode,
    pub message: String,
    /// `invalid_request_error`, `authentication_error`, …: the kind, as OpenAI names kinds.
    pub kind: &'static str,
    pub param: Option<String>,
    pub code: Option<String>,
    pub retry_after: Option<Duration>,
    /// Tells OpenAI's clients not to ask again by themselves: every target was asked already.
    pub exhausted: bool,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl Error {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        Self {
            status,
            message: message.into(),
            kind,
            param: None,
            code: Some(code.to_owned()),
            retry_after: None,
            exhausted: false,
        }
    }

    /// OpenAI's words for an account without money.
    pub fn over_budget(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self {
            kind: "insufficient_quota",
            retry_after,
            exhausted: true,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message)
        }
    }

    /// A request that is wrong in one field.
    pub fn invalid(param: Option<&str>, code: &str, message: impl Into<String>) -> Self {
        Self {
            param: param.map(str::to_owned),
            ..Self::new(StatusCode::BAD_REQUEST, code, message)
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let envelope = Envelope {
            error: Fields {
                message: &self.message,
                kind: self.kind,
                param: self.param.as_deref(),
                code: self.code.as_deref(),
            },
        };
        let mut response = (self.status, Json(envelope)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.extend(HeaderValue::try_from(seconds.to_string()).map(|seconds| (RETRY_AFTER, seconds)));
        }
        if self.exhausted {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For routes whose clients read errors of another shape.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<BadRequest> for Error {
    fn from(bad: BadRequest) -> Self {
        Self::invalid(bad.param.as_deref(), "invalid_request", bad.message)
    }
}

impl From<Unknown> for Error {
    fn from(unknown: Unknown) -> Self {
        Self {
            param: Some("model".to_owned()),
            ..Self::new(StatusCode::NOT_FOUND, "model_not_found", unknown.to_string())
        }
    }
}

/// A request that no target could answer. What is the request's own fault is told as the server that noticed it told it.
impl From<provider::Error> for Error {
    fn from(error: provider::Error) -> Self {
        let (status, code) = match error.class {
            Class::ClientFault => (StatusCode::BAD_REQUEST, "invalid_request"),
            Class::Policy => (StatusCode::BAD_REQUEST, "content_policy_violation"),
            Class::ContextLength => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            Class::Capability | Class::Privacy => (StatusCode::BAD_REQUEST, "unsupported_by_model"),
            Class::Loop => (StatusCode::LOOP_DETECTED, "loop_detected"),
            Class::CallerDeadline => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Class::NoPrice => (StatusCode::SERVICE_UNAVAILABLE, "price_unknown"),
            Class::OverBudget | Class::OverBound => return Self::over_budget(error.message, error.retry_after),
            Class::HostDown
            | Class::Transport
            | Class::TtftTimeout
            | Class::ColdSlow
            | Class::IdleTimeout
            | Class::Upstream5xx
            | Class::Saturated
            | Class::RateShort
            | Class::RateLong
            | Class::Transient
            | Class::HardDown
            | Class::ModelMissing
            | Class::Decode
            | Class::Truncated
            | Class::NoCall
            | Class::Empty
            | Class::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "no_target_available"),
        };
        let ours = Self {
            retry_after: error.retry_after.filter(|_| status.is_server_error()),
            exhausted: true,
            ..Self::new(status, code, error.message)
        };
        match error.body {
            Some(body) => ours.relayed(error.status, &body),
            None => ours,
        }
    }
}

impl Error {
    /// Takes over what the upstream said of a fault of the caller. Servers leave fields out and write numbers as `code`.
    fn relayed(self, status: Option<u16>, body: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            return self;
        };
        let fields = value.get("error").filter(|error| error.is_object()).unwrap_or(&value);
        let text = |name: &str| match &fields[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        Self {
            status: status.filter(StatusCode::is_client_error).unwrap_or(self.status),
            message: text("message").unwrap_or(self.message),
            param: text("param"),
            code: text("code").or(self.code),
            ..self
        }
    }
}
