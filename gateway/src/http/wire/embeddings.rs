//! The wire forms of embeddings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::request::{BadRequest, text};
use crate::jobs::{Embed, Encoding, Inputs};

/// As many as `OpenAI` takes.
const MOST_INPUTS: usize = 2048;

/// Reads a body. Fields that are not known here stay in [`Embed::original`].
pub(in crate::http) fn embed_request(body: Bytes) -> Result<(String, Embed), BadRequest> {
    #[derive(Deserialize)]
    struct Wire {
        model: Option<String>,
        input: Option<Input>,
        dimensions: Option<u32>,
        encoding_format: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Input {
        Text(String),
        Texts(Vec<String>),
        Tokens(Vec<u32>),
        TokenLists(Vec<Vec<u32>>),
        Other(serde::de::IgnoredAny),
    }

    let wire: Wire = serde_json::from_str(text(&body)?).map_err(|error| BadRequest {
        message: format!("the body cannot be read: {error}"),
        param: None,
    })?;
    let model = wire
        .model
        .ok_or_else(|| BadRequest::new("model", "`model` is missing"))?;
    let inputs = match wire.input {
        None => return Err(BadRequest::new("input", "`input` is missing")),
        Some(Input::Text(text)) => Inputs::Texts(vec![text]),
        Some(Input::Texts(texts)) => Inputs::Texts(texts),
        Some(Input::Tokens(tokens)) => Inputs::Tokens(vec![tokens]),
        Some(Input::TokenLists(lists)) => Inputs::Tokens(lists),
        Some(Input::Other(_)) => {
            let message = "`input` is a text, a list of texts, or lists of token numbers";
            return Err(BadRequest::new("input", message));
        }
    };
    if inputs.is_empty() || inputs.len() > MOST_INPUTS {
        let message = format!("`input` has 1 to {MOST_INPUTS} texts, not {}", inputs.len());
        return Err(BadRequest::new("input", message));
    }
    let encoding = match wire.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(other) => {
            let message = format!("`encoding_format` is `float` or `base64`, not `{other}`");
            return Err(BadRequest::new("encoding_format", message));
        }
    };
    if wire.dimensions == Some(0) {
        return Err(BadRequest::new("dimensions", "`dimensions` is at least 1"));
    }
    let embed = Embed {
        inputs,
        dimensions: wire.dimensions,
        truncate: false,
        encoding,
        original: Some(body),
    };
    Ok((model, embed))
}

/// Vectors of a server that speaks another protocol, as `OpenAI` writes them.
pub(in crate::http) fn embed_answer(model: &str, rows: &[Vec<f32>], encoding: Encoding, tokens: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: Vec<Item<'a>>,
        model: &'a str,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Item<'a> {
        object: &'static str,
        index: usize,
        embedding: Vector<'a>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Vector<'a> {
        Numbers(&'a [f32]),
        Base64(String),
    }
    #[derive(Serialize)]
    struct Usage {
        prompt_tokens: u64,
        total_tokens: u64,
    }

    let items = rows.iter().enumerate().map(|(index, row)| Item {
        object: "embedding",
        index,
        embedding: match encoding {
            Encoding::Float => Vector::Numbers(row),
            Encoding::Base64 => {
                let bytes: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        },
    });
    let list = List {
        object: "list",
        data: items.collect(),
        model,
        usage: Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    };
    // Texts and finite numbers always become JSON.
    serde_json::to_vec(&list).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_form_of_input_is_read() {
        let texts = |texts: &[&str]| Inputs::Texts(texts.iter().map(|&text| text.to_owned()).collect());
        let check = |given: Value, expect: Inputs| {
            let body = Bytes::from(json!({"model": "m", "input": given}).to_string());
            let (model, embed) = embed_request(body.clone()).unwrap();
            assert_eq!(
                (model.as_str(), &embed.inputs, embed.original),
                ("m", &expect, Some(body))
            );
        };
        check(json!("a"), texts(&["a"]));
        check(json!(""), texts(&[""]));
        check(json!(["a", "b"]), texts(&["a", "b"]));
        check(json!([1, 2]), Inputs::Tokens(vec![vec![1, 2]]));
        check(json!([[1, 2], [3]]), Inputs::Tokens(vec![vec![1, 2], vec![3]]));
        let refuse = |given: Value, expect: &str| {
            let error = embed_request(Bytes::from(given.to_string())).unwrap_err();
            assert_eq!(
                error.param.as_deref(),
                Some(expect).filter(|param| !param.is_empty()),
                "{given} {}",
                error.message
            );
        };
        refuse(json!({"input": "a"}), "model");
        refuse(json!({"model": "m"}), "input");
        refuse(json!({"model": "m", "input": []}), "input");
        refuse(json!({"model": "m", "input": 1}), "input");
        refuse(json!({"model": "m", "input": ["a", 1]}), "input");
        refuse(json!({"model": "m", "input": vec!["a"; 2049]}), "input");
        refuse(
            json!({"model": "m", "input": "a", "encoding_format": "hex"}),
            "encoding_format",
        );
        refuse(json!({"model": "m", "input": "a", "dimensions": 0}), "dimensions");
        refuse(json!({"model": "m", "input": "a", "dimensions": -1}), "");
        refuse(json!([]), "");
    }

    #[test]
    fn both_encodings_are_written() {
        let rows = [vec![1.0, -0.5], vec![0.25, 2.0]];
        let check = |encoding: Encoding, first: Value, second: Value| {
            let seen: Value = serde_json::from_slice(&embed_answer("m", &rows, encoding, 7)).unwrap();
            let item =
                |index: usize, embedding: Value| json!({"object": "embedding", "index": index, "embedding": embedding});
            let usage = json!({"prompt_tokens": 7, "total_tokens": 7});
            let data = [item(0, first), item(1, second)];
            assert_eq!(
                seen,
                json!({"object": "list", "data": data, "model": "m", "usage": usage})
            );
        };
        check(Encoding::Float, json!([1.0, -0.5]), json!([0.25, 2.0]));
        check(Encoding::Base64, json!("AACAPwAAAL8="), json!("AACAPgAAAEA="));
    }
}
