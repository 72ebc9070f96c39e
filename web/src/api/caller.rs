//! Who asks, and how a body or a query is read.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use jarvis_agent::{Principal, Surface};
use jarvis_gateway::caller::Caller;
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

/// A JSON body whose faults are answered in our error shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let fault = |rejection: JsonRejection| ApiError::body(rejection.status(), rejection.body_text());
        let Json(body) = Json::<T>::from_request(request, state).await.map_err(fault)?;
        Ok(Self(body))
    }
}
