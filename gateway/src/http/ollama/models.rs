//! What clients ask about models.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{line, name};
use crate::caller::{Caller, Scope};
use crate::health::{Capabilities, Facts, Warmth};
use crate::http::body::read_body;
use crate::http::error::Error;
use crate::http::guard::require;
use crate::http::keys::hash_key;
use crate::http::router;
use crate::http::wire::BadRequest;
use crate::registry::{Model, Registry};

/// The version of Ollama whose API this is. Clients compare it with the one that brought what they need.
const SPEAKS: &str = "0.30.0";
const LONGEST_BODY: usize = 64 * 1024;

/// One target of a name, with what is known about it.
struct Behind {
    /// `backend/model`.
    target: String,
    facts: Arc<Facts>,
    /// What it can read as it is set up, in tokens; else what it was made for.
    context: Option<u32>,
}

pub(super) async fn version(Extension(caller): Extension<Caller>) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    Ok(Json(json!({"version": SPEAKS})))
}

pub(super) async fn tags(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    let models = state.registry.models(&caller);
    let models = models.iter().map(|model| tag(&state.registry, model));
    Ok(Json(json!({"models": models.collect::<Vec<_>>()})))
}

pub(super) async fn show(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Error> {
    #[derive(Deserialize)]
    struct Asked {
        model: Option<String>,
        /// What the field was called before.
        name: Option<String>,
    }
    require(&caller, Scope::Chat)?;
    let body = read_body(&headers, body, LONGEST_BODY).await?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| BadRequest {
        message: format!("the body does not fit: {error}"),
        param: None,
    })?;
    let given = asked.model.or(asked.name).filter(|model| !model.is_empty());
    let model = given.ok_or_else(|| BadRequest::new("model", "model is required"))?;
    let model = name::resolve(&state.registry, &caller, &model)?;
    let models = state.registry.models(&caller);
    let found = models.iter().find(|known| known.id == model);
    Ok(Json(
        found.map(|model| shown(&state.registry, model)).unwrap_or_default(),
    ))
}

/// What is in memory, by target.
pub(super) async fn ps(
    State(state): State<router::State>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Error> {
    require(&caller, Scope::Chat)?;
    let mut loaded: Vec<(String, Value)> = Vec::new();
    for model in state.registry.models(&caller) {
        for behind in behind(&state.registry, &model) {
            let is_loaded = matches!(behind.facts.warmth, Warmth::Warm | Warmth::WarmSlow);
            if is_loaded && !loaded.iter().any(|(target, _)| *target == behind.target) {
                loaded.push((behind.target.clone(), running(&behind)));
            }
        }
    }
    let models: Vec<Value> = loaded.into_iter().map(|(_, model)| model).collect();
    Ok(Json(json!({"models": models})))
}

fn tag(registry: &Registry, model: &Model) -> Value {
    let behind = behind(registry, model);
    let first = behind.first().map(|behind| &behind.facts);
    let name = name::listed(&model.id);
    json!({
        "name": name,
        "model": name,
        "modified_at": line::timestamp(model.created),
        "size": first.and_then(|facts| facts.size).unwrap_or_default(),
        "digest": digest(&model.id, first.map(AsRef::as_ref)),
        "details": details(&behind),
        "capabilities": capabilities(model, &behind),
    })
}

fn shown(registry: &Registry, model: &Model) -> Value {
    let behind = behind(registry, model);
    let mut info = Map::new();
    info.insert("general.architecture".into(), "jarvis".into());
    if let Some(context) = behind.iter().filter_map(|behind| behind.context).max() {
        info.insert("jarvis.context_length".into(), context.into());
    }
    if let Some(dimensions) = behind.iter().find_map(|behind| behind.facts.dimensions) {
        info.insert("jarvis.embedding_length".into(), dimensions.into());
    }
    json!({
        "license": "",
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": details(&behind),
        "model_info": info,
        "capabilities": capabilities(model, &behind),
        "modified_at": line::timestamp(model.created),
    })
}

fn running(behind: &Behind) -> Value {
    let Behind { target, facts, .. } = behind;
    let size = facts.size.unwrap_or_default();
    // How much of it is in fast memory is not known when it is not all of it.
    let fast = if facts.warmth == Warmth::Warm { size } else { 0 };
    json!({
        "name": target,
        "model": target,
        "size": size,
        "digest": digest(target, Some(facts)),
        "details": details(std::slice::from_ref(behind)),
        "size_vram": fast,
        "context_length": behind.context.unwrap_or_default(),
    })
}

/// Those of the first target, which is the one that is meant to answer.
fn details(behind: &[Behind]) -> Value {
    let card = behind.first().map(|first| first.facts.card.clone()).unwrap_or_default();
    let families: Vec<&str> = [card.family.as_str()]
        .into_iter()
        .filter(|family| !family.is_empty())
        .collect();
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": card.family,
        "families": families,
        "parameter_size": card.parameter_size,
        "quantization_level": card.quantization,
    })
}

/// What at least one target can do, because requests go to one that can. Where nothing is known, what clients must not
/// be kept from trying.
fn capabilities(model: &Model, behind: &[Behind]) -> Vec<&'static str> {
    let known = behind.iter().filter_map(|behind| behind.facts.capabilities);
    let all = known.reduce(|all, one| Capabilities {
        completion: all.completion || one.completion,
        tools: all.tools || one.tools,
        vision: all.vision || one.vision,
        audio: all.audio || one.audio,
        thinking: all.thinking || one.thinking,
        embedding: all.embedding || one.embedding,
    });
    let is_registered = behind.is_empty() && model.owned_by == "jarvis";
    let all = all.unwrap_or(Capabilities {
        completion: true,
        tools: !is_registered,
        vision: !is_registered,
        ..Capabilities::default()
    });
    let words = [
        ("completion", all.completion),
        ("tools", all.tools),
        ("vision", all.vision),
        ("audio", all.audio),
        ("thinking", all.thinking),
        ("embedding", all.embedding),
    ];
    words
        .into_iter()
        .filter(|(_, has)| *has)
        .map(|(word, _)| word)
        .collect()
}

/// Clients show its first twelve digits, so that there has to be one.
fn digest(name: &str, facts: Option<&Facts>) -> String {
    if let Some(digest) = facts.and_then(|facts| facts.digest.as_deref()) {
        return digest.to_owned();
    }
    hash_key(name)
}

/// The targets of a name, in the order of its chain. None for what is no model server, as the agent.
fn behind(registry: &Registry, model: &Model) -> Vec<Behind> {
    let chain = registry.chain_of(&Caller::Internal, &model.id).ok().flatten();
    let Some(chain) = chain else {
        return Vec::new();
    };
    let targets = chain.targets();
    let behind = targets.iter().map(|target| {
        let facts = target.facts();
        Behind {
            target: target.name().to_owned(),
            context: target.context(&facts).or(facts.context_max),
            facts,
        }
    });
    behind.collect()
}
