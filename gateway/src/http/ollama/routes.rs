//! The routes.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get, post};
use http::{Method, StatusCode, Uri};

use super::{ask, embed, error, models};
use crate::http::error::Error;
use crate::http::router;

/// Ollama's routes, for behind the door. `door` adds it, because refusals at the door are told in Ollama's words too.
pub(in crate::http) fn routes(
    door: impl FnOnce(Router<router::State>) -> Router<router::State>,
) -> Router<router::State> {
    let routes = Router::new()
        .route("/api/chat", post(ask::chat).fallback(wrong_method))
        .route("/api/generate", post(ask::generate).fallback(wrong_method))
        .route("/api/embed", post(embed::embed).fallback(wrong_method))
        .route("/api/embeddings", post(embed::embeddings).fallback(wrong_method))
        .route("/api/tags", get(models::tags).fallback(wrong_method))
        .route("/api/show", post(models::show).fallback(wrong_method))
        .route("/api/ps", get(models::ps).fallback(wrong_method))
        .route("/api/version", get(models::version).fallback(wrong_method))
        .route("/api/pull", any(not_managed))
        .route("/api/push", any(not_managed))
        .route("/api/create", any(not_managed))
        .route("/api/copy", any(not_managed))
        .route("/api/delete", any(not_managed))
        .route("/api/blobs/{digest}", any(not_managed))
        .route("/api", any(nothing))
        .route("/api/{*path}", any(nothing));
    door(routes).layer(map_response(in_ollama_words))
}

async fn in_ollama_words(response: Response) -> Response {
    error::in_ollama_words(response)
}

async fn not_managed(uri: Uri) -> Error {
    let verb = uri
        .path()
        .trim_start_matches("/api/")
        .split('/')
        .next()
        .unwrap_or_default();
    let message = format!(
        "{verb} is not offered here: models are managed on the Ollama servers themselves, and named in Jarvis' configuration"
    );
    Error::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message)
}

async fn nothing(uri: Uri) -> Error {
    let path: String = uri.path().chars().take(200).collect();
    Error::new(
        StatusCode::NOT_FOUND,
        "unknown_url",
        format!("there is nothing at {path}"),
    )
}

async fn wrong_method(method: Method) -> Error {
    let message = format!("this address does not understand {method}");
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
