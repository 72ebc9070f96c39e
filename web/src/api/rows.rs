//! Bodies and queries.

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

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
