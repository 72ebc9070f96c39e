use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::{Job, Quirk};
use crate::route::{answered, object};
use crate::wire::{Body, Cut, json as json_response};
use crate::{ollama, openai};

/// Numbers of a vector that is not cut.
const DIMENSIONS: usize = 8;
/// Characters that fit.
const CONTEXT: usize = 2000;

/// `POST /v1/embeddings`.
pub(crate) async fn embeddings(job: Job<'_>, body: &Bytes) -> Result<Response<Body>, Cut> {
    let (fields, model) = match named(
        body,
        &["model", "input", "dimensions", "encoding_format", "user", "x_new"],
    ) {
        Ok(named) => named,
        Err(message) => return Ok(answered(job.watch, openai::invalid(&message))),
    };
    let inputs = match inputs(fields.get("input")) {
        Some(inputs) if !inputs.is_empty() => inputs,
        _ => return Ok(answered(job.watch, openai::invalid("'$.input' is invalid."))),
    };
    let connection = job.connection;
    if inputs.iter().any(|input| input.len() > CONTEXT) {
        return Ok(answered(
            job.watch,
            openai::refuse(crate::faults::Refusal::Context, &model),
        ));
    }
    let turn = match job.begin(&model, openai::refuse).await {
        Ok(turn) => turn,
        Err(over) => return over,
    };
    let quirk = turn.quirk;
    turn.whole(connection, || {
        let wanted = fields
            .get("dimensions")
            .and_then(Value::as_u64)
            .filter(|_| quirk != Some(Quirk::Lax));
        let base64 =
            quirk != Some(Quirk::Lax) && fields.get("encoding_format").is_some_and(|format| format == "base64");
        let data = inputs.iter().enumerate().map(|(index, input)| {
            let numbers = vector(input, wanted);
            let embedding = match quirk {
                Some(Quirk::Nan) => json!([null, 1.0]),
                _ if base64 => {
                    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                    STANDARD.encode(bytes).into()
                }
                _ => json!(numbers),
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        });
        let tokens = tokens(&inputs);
        json_response(
            200,
            &json!({"object": "list", "data": data.collect::<Value>(), "model": model, "x_new": fields.get("x_new"),
                    "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}),
        )
    })
    .await
}

/// `POST /api/embed`.
pub(crate) async fn ollama_embed(job: Job<'_>, body: &Bytes) -> Result<Response<Body>, Cut> {
    let known = ["model", "input", "truncate", "dimensions", "keep_alive", "options"];
    let (fields, model) = match named(body, &known) {
        Ok(named) => named,
        Err(message) => return Ok(answered(job.watch, ollama::error(400, &message))),
    };
    // A text that is alone and empty gets no vector; lists of tokens are no input.
    let inputs: Vec<String> = match fields.get("input") {
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()).into_iter().collect(),
        Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => texts
            .iter()
            .filter_map(|text| Some(text.as_str()?.to_owned()))
            .collect(),
        _ => return Ok(answered(job.watch, ollama::error(400, "invalid input type"))),
    };
    let truncate = fields.get("truncate").is_none_or(|truncate| *truncate != false);
    let connection = job.connection;
    if !truncate && inputs.iter().any(|input| input.len() > CONTEXT) {
        return Ok(answered(
            job.watch,
            ollama::error(400, "the input length exceeds the context length"),
        ));
    }
    let turn = match job.begin(&model, ollama::refuse).await {
        Ok(turn) => turn,
        Err(over) => return over,
    };
    let quirk = turn.quirk;
    turn.whole(connection, || {
        if quirk == Some(Quirk::Nan) {
            return ollama::error(500, "failed to encode response: json: unsupported value: NaN");
        }
        let wanted = fields
            .get("dimensions")
            .and_then(Value::as_u64)
            .filter(|_| quirk != Some(Quirk::Lax));
        let vectors: Value = inputs.iter().map(|input| json!(vector(input, wanted))).collect();
        json_response(
            200,
            &json!({"model": model, "embeddings": vectors, "total_duration": 1_000_000, "load_duration": 1000,
                    "prompt_eval_count": tokens(&inputs)}),
        )
    })
    .await
}

fn named(body: &Bytes, known: &[&str]) -> Result<(Map<String, Value>, String), String> {
    let fields = object(body)?;
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("unknown field {unknown}"));
    }
    let model = fields
        .get("model")
        .and_then(Value::as_str)
        .ok_or("you must provide a model parameter")?;
    let model = model.to_owned();
    Ok((fields, model))
}

/// Lists of tokens are written out, so that they can be told from texts.
fn inputs(input: Option<&Value>) -> Option<Vec<String>> {
    let of_tokens = |list: &[Value]| {
        list.iter()
            .all(Value::is_u64)
            .then(|| format!("tokens {}", json!(list)))
    };
    match input? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => Some(vec![of_tokens(items)?]),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Some(text.clone()),
                Value::Array(list) => of_tokens(list),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn tokens(inputs: &[String]) -> usize {
    inputs.iter().map(|input| input.split_whitespace().count() + 1).sum()
}

/// Texts with common words are near to one another. Of length 1.
fn vector(text: &str, dimensions: Option<u64>) -> Vec<f32> {
    let length = dimensions
        .and_then(|wanted| usize::try_from(wanted).ok())
        .unwrap_or(DIMENSIONS)
        .min(DIMENSIONS);
    let mut numbers = vec![0.01_f32; length];
    for word in text.split_whitespace() {
        let sum = word
            .bytes()
            .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        for (at, number) in (0..).zip(&mut numbers) {
            let bits = sum.rotate_left(at * 4) % 200;
            *number += f32::from(u8::try_from(bits).unwrap_or_default()) / 100.0 - 1.0;
        }
    }
    let norm = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / norm).collect()
}
