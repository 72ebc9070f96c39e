//! The response object.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::chat::{FinishReason, Usage};
use crate::clock::Millis;
use crate::http::error::Error;
use crate::provider;

/// The front of every response's id.
pub(super) const PREFIX: &str = "resp_";

/// What stays the same over all forms of one response, and is known before it begins.
#[derive(Debug, Clone)]
pub(in crate::http) struct Face {
    pub(in crate::http) id: String,
    pub(in crate::http) created_at: Millis,
    pub(in crate::http) model: String,
    pub(in crate::http) store: bool,
    /// What it repeats of the request.
    pub(in crate::http) repeated: Map<String, Value>,
}

/// How far a response is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Status {
    InProgress,
    Completed,
    /// It ended before its end, for this reason.
    Incomplete(&'static str),
    Failed {
        code: &'static str,
        message: String,
    },
}

impl Face {
    /// An id that says nothing and grows with time.
    pub(in crate::http) fn fresh_id() -> String {
        format!("{PREFIX}{}", uuid::Uuid::now_v7().simple())
    }

    pub(in crate::http) fn response(&self, status: &Status, output: &[Value]) -> Value {
        let error = match status {
            Status::Failed { code, message } => json!({"code": code, "message": message}),
            Status::InProgress | Status::Completed | Status::Incomplete(_) => Value::Null,
        };
        let incomplete = match status {
            Status::Incomplete(reason) => json!({"reason": reason}),
            Status::InProgress | Status::Completed | Status::Failed { .. } => Value::Null,
        };
        let mut response = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_at.0 / 1000,
            "status": status.as_str(),
            "model": self.model,
            "output": output,
            "error": error,
            "incomplete_details": incomplete,
            "store": self.store,
        });
        if let Some(fields) = response.as_object_mut() {
            fields.extend(self.repeated.clone());
        }
        response
    }

    /// The response at its end.
    pub(in crate::http) fn ended(&self, status: &Status, output: &[Value], usage: Option<Usage>, at: Millis) -> Value {
        let mut response = self.response(status, output);
        if let Some(usage) = usage {
            response["usage"] = usage_json(usage);
        }
        if *status == Status::Completed {
            response["completed_at"] = (at.0 / 1000).into();
        }
        response
    }
}

impl Status {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }

    pub(in crate::http) fn of_reason(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Stop | FinishReason::ToolCalls => Self::Completed,
            FinishReason::Length => Self::Incomplete("max_output_tokens"),
            FinishReason::ContentFilter => Self::Incomplete("content_filter"),
        }
    }

    pub(in crate::http) fn of_error(error: &provider::Error) -> Self {
        let told = Error::from(error.clone());
        let code = match told.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
            status if status.is_client_error() => "invalid_prompt",
            _ => "server_error",
        };
        Self::Failed {
            code,
            message: told.message,
        }
    }
}

fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
    })
}
