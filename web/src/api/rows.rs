//! Bodies and queries.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use jarvis_gateway::breaker::ForcedTo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saying {
    pub(crate) text: String,
    /// The client's own id of the message, to make repeated delivery harmless.
    #[serde(default)]
    pub(crate) id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deciding {
    pub(crate) yes: bool,
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// Yes, and to acts like it for an hour.
    #[serde(default)]
    pub(crate) grant: bool,
}

/// What nothing may do for a while.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Freezing {
    /// `all`, or the name of a tool.
    pub(crate) what: String,
    /// For how long; without it, until it is taken away.
    #[serde(default)]
    pub(crate) seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unfreezing {
    pub(crate) what: String,
}

/// What is done to a job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changing {
    #[serde(rename = "do")]
    pub(crate) change: jarvis_agent::schedule::Change,
}

/// Which tool of an MCP server may be used as it is now; all of them when none is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowing {
    #[serde(default)]
    pub(crate) tool: Option<String>,
}

/// What a person wants of a circuit breaker.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forcing {
    pub(crate) to: ForceTo,
    /// For how long; must be there unless it is let go of.
    #[serde(default)]
    pub(crate) seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ForceTo {
    Open,
    Closed,
    Reset,
}

/// What is held longer than this should be taken out of the configuration instead.
const LONGEST_FORCE: u64 = 24 * 60 * 60;

impl Forcing {
    /// The state and its length; `None` to let go.
    pub(crate) fn state(&self) -> Result<Option<(ForcedTo, Duration)>, ApiError> {
        let to = match self.to {
            ForceTo::Reset => return Ok(None),
            ForceTo::Open => ForcedTo::Open,
            ForceTo::Closed => ForcedTo::Closed,
        };
        match self.seconds {
            Some(seconds @ 1..=LONGEST_FORCE) => Ok(Some((to, Duration::from_secs(seconds)))),
            Some(_) | None => Err(ApiError::bad_request(
                "seconds",
                "`seconds` says for how long, from 1 to 86400",
            )),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    #[serde(default)]
    pub(crate) before: Option<String>,
    #[serde(default = "fifty")]
    pub(crate) limit: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardFilter {
    #[serde(default)]
    pub(crate) status: Option<jarvis_agent::view::CardStatus>,
    #[serde(default = "fifty")]
    pub(crate) limit: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditWindow {
    #[serde(default)]
    pub(crate) before: Option<i64>,
    #[serde(default = "fifty")]
    pub(crate) limit: i64,
}

fn fifty() -> i64 {
    50
}

/// A query string whose faults are answered in our error shape.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(asked) = query.map_err(|fault| ApiError::bad_request("query", fault.body_text()))?;
        Ok(Self(asked))
    }
}
