//! `POST /v1/embeddings`.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::body::read_body;
use super::error::Error;
use super::forward::{chain_of, errand};
use super::guard::require;
use super::{cache, router, served, wire};
use crate::caller::{Caller, Scope};
use crate::demands::Endpoint;
use crate::jobs::Vectors;
use crate::provider::Class;

const LONGEST_BODY: usize = 10 * 1024 * 1024;
/// Which space the vectors are of: whoever keeps vectors keeps this beside them.
const SPACE: HeaderName = HeaderName::from_static("x-jarvis-space");

pub(super) async fn embeddings(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    require(&caller, Scope::Embeddings)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let (model, job) = wire::embed_request(body.clone())?;
    let chain = chain_of(&state, &caller, &model, "embed")?;
    let errand = errand(&headers, caller, Endpoint::Embeddings, &model)?;
    let asked = cache::Asked {
        route: "/v1/embeddings",
        model: &model,
        body: &body,
        job: &job,
    };
    let found = cache::vectors(&state, &headers, &chain, errand, asked).await;
    let found = found.map_err(|failed| match failed {
        cache::Failed::Wish(error) => error,
        cache::Failed::Asking(error) => {
            let is_about_input = error.class == Class::ContextLength;
            let error = Error::from(error);
            Error {
                param: error.param.or_else(|| is_about_input.then(|| "input".to_owned())),
                ..error
            }
        }
    })?;
    let done = &found.done;
    let body = match &done.answer.vectors {
        Vectors::Wire(body) => body.clone(),
        Vectors::Numbers(rows) => {
            let estimate = u64::from(job.inputs.estimated_tokens());
            let tokens = done.answer.tokens.unwrap_or(estimate);
            wire::embed_answer(&found.served.model, rows, job.encoding, tokens).into()
        }
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(
        done.space
            .as_ref()
            .and_then(|space| Some((SPACE, HeaderValue::try_from(space).ok()?))),
    );
    served::tell(headers, Some(&found.served));
    found.tell(headers);
    Ok(response)
}
