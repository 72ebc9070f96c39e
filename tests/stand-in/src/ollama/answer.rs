use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::read;
use super::runner::Aborted;
use super::write::{self, Lines};
use crate::control::{Model, State, is_name};
use crate::faults::{Answer, Break, Lack, Play, Refusal};
use crate::log::Watch;
use crate::play::{Asked, Script};
use crate::route::{Connection, answered, hang, object, reset};
use crate::wire::{Body, Cut, json as json_response, page, streamed, with_retry_after};

/// What those are told that waited for a load whose request was left.
const LOAD_ABORTED: &str = "timed out waiting for llama runner to start: context canceled";

pub(crate) async fn chat(
    state: &State,
    connection: &Connection,
    body: &Bytes,
    watch: Watch,
) -> Result<Response<Body>, Cut> {
    match read::asked(body) {
        Ok(asked) => answer(state, connection, body, watch, asked, "/api/chat").await,
        Err(message) => Ok(answered(watch, error(400, &message))),
    }
}

async fn answer(
    state: &State,
    connection: &Connection,
    body: &Bytes,
    watch: Watch,
    asked: Asked,
    path: &str,
) -> Result<Response<Body>, Cut> {
    let play = state.play(path, &asked.model);
    let script = match play {
        None => return Ok(answered(watch, refuse(Refusal::Missing, &asked.model))),
        Some(Play::Hang) => return hang(watch).await,
        Some(Play::Reset) => return reset(connection, watch),
        Some(Play::Html) => return Ok(answered(watch, page())),
        Some(Play::Refuse(refusal)) => return Ok(answered(watch, refuse(refusal, &asked.model))),
        Some(Play::Lacks(Lack::Thinking)) if asked.thinks => {
            return Ok(answered(
                watch,
                error(400, &format!("\"{}\" does not support thinking", asked.model)),
            ));
        }
        Some(Play::Lacks(Lack::Tools)) if !asked.tools.is_empty() => {
            let message = format!("registry.ollama.ai/library/{} does not support tools", asked.model);
            return Ok(answered(watch, error(400, &message)));
        }
        Some(Play::Lacks(Lack::Prefill)) if asked.ends_with_assistant => {
            return Ok(answered(
                watch,
                error(400, "this model does not support assistant prefill"),
            ));
        }
        Some(Play::Lacks(_)) => Script::answer(Answer::Ok, &asked),
        Some(Play::Answer(answer)) => Script::answer(answer, &asked),
        Some(Play::Broken(broken, place)) => Script::broken(broken, place),
    };
    let load = match load(state, &asked.model, body).await {
        Ok(load) => load,
        Err(Aborted) => return Ok(answered(watch, error(500, LOAD_ABORTED))),
    };
    let lines = Lines::new(&asked, load, path == "/api/generate");
    if asked.stream {
        return Ok(streamed(lines, script, watch));
    }
    let broken = script.broken.map(|(broken, _)| broken);
    // A whole answer that was cut off is a 200 with `done: false`, as the real server gives it.
    let done = !matches!(broken, Some(Break::NoDone | Break::Undone));
    match broken {
        None | Some(Break::NoMark | Break::NoDone | Break::Undone) => {}
        Some(Break::Stall) => return hang(watch).await,
        Some(Break::Die | Break::Malformed | Break::Garbage) => return reset(connection, watch),
        Some(Break::ErrorLine | Break::ErrorFirst) => return Ok(answered(watch, error(500, write::ENGINE_DIED))),
    }
    let mut whole = lines.whole(&script);
    whole["done"] = done.into();
    Ok(answered(watch, json_response(200, &whole)))
}

/// Waits until the model is loaded with what the request asks for.
async fn load(state: &State, model: &str, body: &Bytes) -> Result<Duration, Aborted> {
    let fields = object(body).unwrap_or_default();
    state.runners.ready(model, &fields, state.load_time(model)).await
}

/// A request without a prompt loads or unloads a model.
pub(crate) async fn generate(
    state: &State,
    connection: &Connection,
    body: &Bytes,
    watch: Watch,
) -> Result<Response<Body>, Cut> {
    let fields = match object(body) {
        Ok(fields) => fields,
        Err(message) => return Ok(answered(watch, error(400, &message))),
    };
    let model = fields.get("model").and_then(Value::as_str).unwrap_or_default();
    if fields.get("prompt").is_some_and(|prompt| prompt != "") {
        return match read::prompted(body) {
            Ok(asked) => answer(state, connection, body, watch, asked, "/api/generate").await,
            Err(message) => Ok(answered(watch, error(400, &message))),
        };
    }
    if state.play("/api/generate", model).is_none() {
        return Ok(answered(watch, refuse(Refusal::Missing, model)));
    }
    let unload = fields.get("keep_alive").is_some_and(|time| *time == 0 || time == "0");
    let reason = if unload {
        state.runners.unload(model);
        "unload"
    } else {
        if load(state, model, body).await.is_err() {
            return Ok(answered(watch, error(500, LOAD_ABORTED)));
        }
        "load"
    };
    let done = json!({
        "model": model, "created_at": write::CREATED_AT, "response": "", "done": true, "done_reason": reason,
    });
    Ok(answered(watch, json_response(200, &done)))
}

pub(crate) fn tags(state: &State) -> Response<Body> {
    let models = state.models().into_iter().map(|model| {
        json!({
            "name": model.name, "model": model.name, "modified_at": write::CREATED_AT, "size": model.size,
            "digest": digest(&model), "capabilities": model.capabilities,
            "details": {
                "parent_model": "", "format": "gguf", "family": "standin", "families": ["standin"],
                "parameter_size": "8B", "quantization_level": "Q4_K_M", "context_length": model.context_length,
            },
        })
    });
    json_response(200, &json!({"models": models.collect::<Value>()}))
}

/// Without [`crate::Control`] the first model that can chat is in memory, half of it on the graphics card, and with it
/// all that need no time to be loaded. No answer comes while one is being loaded, as it is since 0.32.4.
pub(crate) async fn ps(state: &State) -> Response<Body> {
    state.runners.quiet().await;
    let loaded = state.loaded_models().into_iter().map(|model| {
        json!({
            "name": model.name, "model": model.name, "size": model.size, "digest": digest(&model),
            "expires_at": write::CREATED_AT, "size_vram": model.size / 2,
            "context_length": state.runners.num_ctx(&model.name).unwrap_or(4096),
        })
    });
    json_response(200, &json!({"models": loaded.collect::<Value>()}))
}

pub(crate) fn show(state: &State, body: &Bytes) -> Response<Body> {
    let fields = match object(body) {
        Ok(fields) => fields,
        Err(message) => return error(400, &message),
    };
    let name = fields.get("model").and_then(Value::as_str).unwrap_or_default();
    match state.models().into_iter().find(|model| is_name(&model.name, name)) {
        Some(model) => json_response(
            200,
            &json!({
                "capabilities": model.capabilities, "details": {"family": "standin"},
                "model_info": {"general.architecture": "standin", "standin.context_length": model.context_length},
            }),
        ),
        None => refuse(Refusal::Missing, name),
    }
}

/// Differs from model to model, and changes when its name does.
fn digest(model: &Model) -> String {
    let bytes = model.name.bytes().chain(model.size.to_be_bytes());
    let sum = bytes.fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("{sum:064x}")
}

pub(crate) fn refuse(refusal: Refusal, model: &str) -> Response<Body> {
    match refusal {
        Refusal::Status { status, retry_after } => {
            let message = match status {
                401 => "unauthorized",
                403 => "",
                429 => "too many requests",
                500.. => "model runner has unexpectedly stopped, this may be due to resource limitations",
                _ => "refused on purpose",
            };
            with_retry_after(error(status, message), retry_after)
        }
        Refusal::Context => error(
            400,
            "the prompt is longer than the context length currently available to the model",
        ),
        Refusal::Filter => error(400, "refused by policy"),
        Refusal::Quota => error(402, "payment required"),
        Refusal::Busy => error(503, "server busy, please try again.  maximum pending requests exceeded"),
        Refusal::Missing => error(404, &format!("model '{model}' not found")),
    }
}

pub(crate) fn error(status: u16, message: &str) -> Response<Body> {
    json_response(status, &json!({"error": message}))
}
