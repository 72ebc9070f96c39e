//! Who asks, and how a body or a query is read.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use jarvis_agent::{Principal, Surface};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::http::{Error, read_body};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The principal of a request. Without the guard in front there is no caller, and then nobody asks.
pub(crate) struct Who(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let surface = parts
            .headers
            .get("x-jarvis-surface")
            .and_then(|value| value.to_str().ok());
        let caller = parts.extensions.get::<Caller>().ok_or(jarvis_agent::Error::Forbidden)?;
        Ok(Self(Principal::of(caller, Surface::from_header(surface))))
    }
}

/// A message has at most 100,000 characters, which is at most 400 KB of UTF-8, or more when JSON escapes it.
const BODY_LIMIT: usize = 1024 * 1024;

/// A JSON body, read with a limit, whose faults are answered in our error shape. Its media type does not matter: what
/// keeps foreign pages out is the guard.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        Unread(request).read().await.map(Self)
    }
}

/// A JSON body for a handler that looks first whether the caller may ask at all.
pub(crate) struct Unread(Request);

impl Unread {
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let (parts, body) = self.0.into_parts();
        let bytes = read_body(&parts.headers, body, BODY_LIMIT).await?;
        let fault =
            |error: serde_json::Error| Error::invalid(None, "invalid_body", format!("the body does not fit: {error}"));
        Ok(serde_json::from_slice(&bytes).map_err(fault)?)
    }
}

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        Ok(Self(request))
    }
}
