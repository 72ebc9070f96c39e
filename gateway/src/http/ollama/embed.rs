//! `POST /api/embed`, and `POST /api/embeddings`, which it replaced.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::line::Watch;
use super::name;
use crate::caller::{Caller, Scope};
use crate::demands::Endpoint;
use crate::http::body::read_body;
use crate::http::chat::LONGEST_BODY;
use crate::http::error::Error;
use crate::http::forward::{chain_of, errand};
use crate::http::guard::require;
use crate::http::wire::{BadRequest, explain};
use crate::http::{cache, router, served};
use crate::jobs::{Embed, Embedded, Encoding, Inputs, Vectors};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Asked {
    #[serde(alias = "name")]
    model: Option<String>,
    input: Option<OneOrMany>,
    /// The one text of the older route.
    prompt: Option<String>,
    truncate: Option<bool>,
    dimensions: Option<u32>,
    keep_alive: Option<IgnoredAny>,
    options: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize)]
struct Answer {
    model: String,
    embeddings: Vec<Vec<f32>>,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u64,
}

#[derive(Serialize)]
struct OldAnswer {
    embedding: Vec<f32>,
}

pub(super) async fn embed(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let new = |answer: Answer| Json(answer).into_response();
    answer(&state, caller, &headers, (body, "/api/embed"), new).await
}

pub(super) async fn embeddings(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let old = |answer: Answer| {
        let embedding = answer.embeddings.into_iter().next().unwrap_or_default();
        Json(OldAnswer { embedding }).into_response()
    };
    answer(&state, caller, &headers, (body, "/api/embeddings"), old).await
}

async fn answer(
    state: &router::State,
    caller: Caller,
    headers: &HeaderMap,
    (body, route): (Body, &'static str),
    write: impl FnOnce(Answer) -> Response,
) -> Result<Response, Error> {
    let watch = Watch::start();
    require(&caller, Scope::Embeddings)?;
    let body = read_body(headers, body, LONGEST_BODY).await?;
    let (model, job, dropped) = read(&body)?;
    let model = name::resolve(&state.registry, &caller, &model)?;
    let mut answer = Answer {
        model: model.clone(),
        embeddings: Vec::new(),
        total_duration: 0,
        load_duration: 0,
        prompt_eval_count: 0,
    };
    if job.inputs.is_empty() {
        return Ok(write(answer));
    }
    let chain = chain_of(state, &caller, &model, "embed")?;
    let errand = errand(headers, caller, Endpoint::Embeddings, &model)?;
    let asked = cache::Asked {
        route,
        model: &model,
        body: &body,
        job: &job,
    };
    let found = cache::vectors(state, headers, &chain, errand, asked).await;
    let found = found.map_err(|failed| match failed {
        cache::Failed::Wish(error) => error,
        cache::Failed::Asking(error) => error.into(),
    })?;
    let mut by = found.served.clone();
    by.dropped.extend(dropped);
    let Embedded { vectors, tokens, .. } = &found.done.answer;
    if let Vectors::Numbers(rows) = vectors {
        answer.embeddings.clone_from(rows);
    }
    answer.model.clone_from(&by.model);
    answer.total_duration = watch.elapsed();
    answer.prompt_eval_count = tokens.unwrap_or_else(|| job.inputs.estimated_tokens().into());
    let mut response = write(answer);
    served::tell(response.headers_mut(), Some(&by));
    found.tell(response.headers_mut());
    Ok(response)
}

/// The model, the job, and the names of what no target is told.
fn read(body: &Bytes) -> Result<(String, Embed, Vec<String>), BadRequest> {
    let asked: Asked = serde_json::from_slice(body).map_err(|error| explain::<Asked>(body, &error))?;
    let model = asked.model.filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| BadRequest::new("model", "model is required"))?;
    let texts = match (asked.input, asked.prompt) {
        (Some(OneOrMany::Many(texts)), _) => texts,
        (Some(OneOrMany::One(text)), _) | (None, Some(text)) => {
            vec![text].into_iter().filter(|text| !text.is_empty()).collect()
        }
        (None, None) => Vec::new(),
    };
    let given = [
        ("keep_alive", asked.keep_alive.is_some()),
        ("options", asked.options.is_some()),
    ];
    let dropped = given.into_iter().filter(|(_, is_given)| *is_given);
    let dropped = dropped.map(|(name, _)| name.to_owned()).collect();
    let job = Embed {
        inputs: Inputs::Texts(texts),
        dimensions: asked.dimensions,
        truncate: asked.truncate.unwrap_or(true),
        encoding: Encoding::Float,
        original: None,
    };
    Ok((model, job, dropped))
}
