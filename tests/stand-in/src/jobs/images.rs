use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::{Map, Value, json};

use super::form::Fields;
use super::{Job, Quirk, Told};
use crate::openai;
use crate::route::{answered, object};
use crate::wire::{Body, Cut, json as json_response, streamed};

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CREATED: u64 = 1_795_168_000;

/// `POST /v1/images/generations`.
pub(crate) async fn generations(job: Job<'_>, body: &Bytes) -> Result<Response<Body>, Cut> {
    let fields = match object(body) {
        Ok(fields) => fields,
        Err(message) => return Ok(answered(job.watch, openai::invalid(&message))),
    };
    if fields.get("prompt").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Ok(answered(
            job.watch,
            openai::invalid("Missing required parameter: 'prompt'."),
        ));
    }
    made(job, fields, "image_generation").await
}

/// `POST /v1/images/edits`, as a form.
pub(crate) async fn edits(job: Job<'_>, headers: &HeaderMap, body: &Bytes) -> Result<Response<Body>, Cut> {
    let form = match Fields::read(headers, body) {
        Ok(form) => form,
        Err(message) => return Ok(answered(job.watch, openai::invalid(&message))),
    };
    if form
        .bytes("image")
        .or(form.bytes("image[]"))
        .is_none_or(<[u8]>::is_empty)
    {
        return Ok(answered(
            job.watch,
            openai::invalid("Missing required parameter: 'image'."),
        ));
    }
    let mut fields = Map::new();
    for name in ["model", "prompt", "stream"] {
        if let Some(text) = form.text(name) {
            let value = if text == "true" { true.into() } else { text.into() };
            fields.insert(name.into(), value);
        }
    }
    made(job, fields, "image_edit").await
}

async fn made(job: Job<'_>, fields: Map<String, Value>, kind: &'static str) -> Result<Response<Body>, Cut> {
    let model = fields
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or("dall-e-2")
        .to_owned();
    let connection = job.connection;
    let turn = match job.begin(&model, openai::refuse).await {
        Ok(turn) => turn,
        Err(over) => return over,
    };
    let usage = json!({"total_tokens": 110, "input_tokens": 10, "output_tokens": 100,
                       "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}});
    let frame = json!({"b64_json": PIXEL, "created_at": CREATED, "size": "1024x1024", "quality": "low",
                       "background": "opaque", "output_format": "png"});
    if fields.get("stream").is_some_and(|stream| *stream == true) && turn.quirk != Some(Quirk::Lax) {
        let mut done = frame;
        done["type"] = format!("{kind}.completed").into();
        done["usage"] = usage;
        let delta: fn(&str) -> Value = if kind == "image_edit" { partial_edit } else { partial };
        return Ok(streamed(Told { delta, done }, turn.script, turn.watch));
    }
    turn.whole(connection, || {
        let count = fields.get("n").and_then(Value::as_u64).unwrap_or(1);
        let as_url = fields.get("response_format").is_some_and(|format| format == "url");
        let image = if as_url {
            json!({"url": "http://127.0.0.1:9/one.png"})
        } else {
            json!({"b64_json": PIXEL})
        };
        let data: Value = (0..count).map(|_| image.clone()).collect();
        json_response(
            200,
            &json!({"created": CREATED, "data": data, "usage": usage, "x_new": fields.get("x_new")}),
        )
    })
    .await
}

fn partial(_: &str) -> Value {
    json!({"type": "image_generation.partial_image", "b64_json": PIXEL, "created_at": CREATED, "size": "1024x1024",
           "quality": "low", "background": "opaque", "output_format": "png", "partial_image_index": 0})
}

fn partial_edit(text: &str) -> Value {
    let mut event = partial(text);
    event["type"] = "image_edit.partial_image".into();
    event
}
