//! The routes.

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router, middleware};
use http::StatusCode;

use super::cache::Cache;
use super::error::Error;
use super::guard::{Door, guard};
use super::traced::{Surface, traced};
use super::upload::Uploads;
use super::{audio, chat, completions, embeddings, images, metrics, models, ollama, responses, usage};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::trace::Tracer;
use crate::usage::Books;

/// What the routes work with.
#[derive(Clone)]
pub struct State {
    pub registry: Arc<Registry>,
    pub door: Arc<Door>,
    pub clock: Arc<dyn Clock>,
    pub ready: Arc<dyn Ready>,
    pub metrics: Arc<Metrics>,
    pub tracer: Tracer,
    pub responses: Arc<dyn responses::Store>,
    /// What was used.
    pub books: Arc<dyn Books>,
    pub cache: Arc<Cache>,
}

/// Whether the process can do its work: the database answers, what must run runs. Not whether models do, because
/// Jarvis is of use without any.
#[async_trait]
pub trait Ready: Send + Sync {
    /// What is missing, as a sentence.
    async fn ready(&self) -> Result<(), String>;
}

/// The OpenAI-compatible API and the health checks. It has no fallback of its own, so that it can be merged with other
/// routers; the outermost one should use [`not_found`].
pub fn router(state: State) -> Router {
    let door = state.door.clone();
    let surface = Surface {
        tracer: state.tracer.clone(),
        clock: state.clock.clone(),
    };
    let guarded = Router::new()
        .route("/v1/chat/completions", post(chat::completions).fallback(wrong_method))
        .route("/v1/completions", post(completions::completions).fallback(wrong_method))
        .route("/v1/responses", post(responses::create).fallback(wrong_method))
        .route(
            "/v1/responses/{id}",
            get(responses::get).delete(responses::delete).fallback(wrong_method),
        )
        .route(
            "/v1/responses/{id}/input_items",
            get(responses::input_items).fallback(wrong_method),
        )
        .route(
            "/v1/responses/{id}/cancel",
            post(responses::cancel).fallback(wrong_method),
        )
        .route("/v1/models", get(models::list).fallback(wrong_method))
        .route("/v1/models/{*id}", get(models::one).fallback(wrong_method))
        .route("/metrics", get(metrics::metrics).fallback(wrong_method))
        .merge(jobs())
        .route("/v1/jarvis/usage", get(usage::usage).fallback(wrong_method))
        .route("/v1", any(not_found))
        .route("/v1/{*path}", any(not_found))
        .route_layer(middleware::from_fn_with_state(surface.clone(), traced))
        .route_layer(middleware::from_fn_with_state(door, guard));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .merge(guarded)
        .merge(ollama::routes(|routes| {
            routes
                .route_layer(middleware::from_fn_with_state(surface, traced))
                .route_layer(middleware::from_fn_with_state(state.door.clone(), guard))
        }))
        .with_state(state)
}

/// What is done beside chat.
fn jobs() -> Router<State> {
    Router::new()
        .route("/v1/embeddings", post(embeddings::embeddings).fallback(wrong_method))
        .route(
            "/v1/images/generations",
            post(images::generations).fallback(wrong_method),
        )
        .route("/v1/images/edits", post(images::edits).fallback(wrong_method))
        .route(
            "/v1/audio/transcriptions",
            post(audio::transcriptions).fallback(wrong_method),
        )
        .route("/v1/audio/speech", post(audio::speech).fallback(wrong_method))
        .layer(Extension(Arc::new(Uploads::default())))
}

/// 404 in OpenAI's shape.
pub async fn not_found(uri: http::Uri) -> Error {
    let path: String = uri.path().chars().take(200).collect();
    Error::new(
        StatusCode::NOT_FOUND,
        "unknown_url",
        format!("there is nothing at {path}"),
    )
}

async fn wrong_method(method: http::Method) -> Error {
    let message = format!("this address does not understand {method}");
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

async fn ready(axum::extract::State(state): axum::extract::State<State>) -> Response {
    match state.ready.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(missing) => Error::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", missing).into_response(),
    }
}
