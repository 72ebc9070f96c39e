use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::read;
use super::write::{self, Chunks};
use crate::control::State;
use crate::faults::{Answer, Break, Lack, Play, Refusal};
use crate::log::Watch;
use crate::play::Script;
use crate::route::{Connection, answered, hang, reset};
use crate::wire::{Body, Cut, json as json_response, page, streamed, with_retry_after};

pub(crate) async fn chat(
    state: &State,
    connection: &Connection,
    body: &Bytes,
    watch: Watch,
) -> Result<Response<Body>, Cut> {
    let asked = match read::asked(body) {
        Ok(asked) => asked,
        Err(message) => return Ok(answered(watch, invalid(&message))),
    };
    let play = state.play("/v1/chat/completions", &asked.model);
    let script = match play {
        None => return Ok(answered(watch, refuse(Refusal::Missing, &asked.model))),
        Some(Play::Hang) => return hang(watch).await,
        Some(Play::Reset) => return reset(connection, watch),
        Some(Play::Html) => return Ok(answered(watch, page())),
        Some(Play::Refuse(refusal)) => return Ok(answered(watch, refuse(refusal, &asked.model))),
        Some(Play::Lacks(Lack::Thinking)) if asked.thinks => {
            return Ok(answered(watch, invalid("this model does not support reasoning_effort")));
        }
        Some(Play::Lacks(Lack::Tools)) if !asked.tools.is_empty() => {
            return Ok(answered(watch, invalid("this model does not support tools")));
        }
        Some(Play::Lacks(Lack::Prefill)) if asked.ends_with_assistant => {
            return Ok(answered(
                watch,
                invalid("This model does not support assistant message prefill."),
            ));
        }
        Some(Play::Lacks(_)) => Script::answer(Answer::Ok, &asked),
        Some(Play::Answer(answer)) => Script::answer(answer, &asked),
        Some(Play::Broken(broken, place)) => Script::broken(broken, place),
    };
    if asked.stream {
        return Ok(streamed(Chunks::new(&asked), script, watch));
    }
    match script.broken.map(|(broken, _)| broken) {
        None | Some(Break::NoMark) => {}
        Some(Break::Stall) => return hang(watch).await,
        Some(
            Break::Die
            | Break::NoDone
            | Break::Undone
            | Break::ErrorLine
            | Break::ErrorFirst
            | Break::Malformed
            | Break::Garbage,
        ) => return reset(connection, watch),
    }
    Ok(answered(watch, json_response(200, &write::completion(&asked, &script))))
}

pub(crate) fn models(state: &State) -> Response<Body> {
    let models = state
        .models()
        .into_iter()
        .map(|model| json!({"id": model.name, "object": "model", "created": write::CREATED, "owned_by": "stand-in"}));
    json_response(200, &json!({"object": "list", "data": models.collect::<Value>()}))
}

pub(crate) fn invalid(message: &str) -> Response<Body> {
    error(400, message, "invalid_request_error", &Value::Null)
}

pub(crate) fn refuse(refusal: Refusal, model: &str) -> Response<Body> {
    match refusal {
        Refusal::Status { status, retry_after } => {
            let (message, kind, code) = match status {
                401 => (
                    "Incorrect API key provided: sk-of***************in.",
                    "invalid_request_error",
                    "invalid_api_key",
                ),
                429 => ("Rate limit reached for requests", "requests", "rate_limit_exceeded"),
                500.. => (
                    "The server had an error while processing your request",
                    "server_error",
                    "server_error",
                ),
                _ => ("Refused on purpose", "invalid_request_error", "refused"),
            };
            with_retry_after(error(status, message, kind, &code.into()), retry_after)
        }
        Refusal::Context => error(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
            "invalid_request_error",
            &"context_length_exceeded".into(),
        ),
        Refusal::Filter => error(
            400,
            "The response was filtered due to the prompt triggering the content management policy.",
            "invalid_request_error",
            &"content_filter".into(),
        ),
        Refusal::Quota => error(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            &"insufficient_quota".into(),
        ),
        Refusal::Busy => error(
            503,
            "That model is currently overloaded with other requests.",
            "server_error",
            &Value::Null,
        ),
        Refusal::Missing => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            error(404, &message, "invalid_request_error", &"model_not_found".into())
        }
    }
}

fn error(status: u16, message: &str, kind: &str, code: &Value) -> Response<Body> {
    json_response(
        status,
        &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
    )
}
