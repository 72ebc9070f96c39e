use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::settings::Settings;
use super::splice;
use super::worker::refused;
use crate::demands::Hops;
use crate::jobs::{Embed, Embedded, Encoding, Inputs, Vectors};
use crate::provider::{Class, Error};
use crate::upstream::Upstream;

const PATH: &str = "/embeddings";
/// The most that is read: 2048 vectors of 3072 numbers, written as text, are about that long.
const LONGEST_ANSWER: usize = 96 * 1024 * 1024;

pub(super) async fn embed(
    upstream: &Upstream,
    settings: &Settings,
    model: &str,
    (job, hops): (&Embed, Hops),
) -> Result<Embedded, Error> {
    let body = match &job.original {
        Some(original) => splice::with_model(original, model, settings)?,
        None => Bytes::from(body(model, job).to_string()),
    };
    let response = upstream.pass_json(PATH, body, hops).await?;
    if !response.status().is_success() {
        let error = refused(upstream, response, PATH).await;
        return Err(if error.class == Class::ContextLength {
            naming_the_longest(error, job)
        } else {
            error
        });
    }
    match response.whole(LONGEST_ANSWER).await? {
        Some(answer) => read(answer, job),
        None => Err(Error::new(Class::Decode, "answered with more than 96 MiB of vectors")),
    }
}

fn body(model: &str, job: &Embed) -> Value {
    let input = match &job.inputs {
        Inputs::Texts(texts) => json!(texts),
        Inputs::Tokens(lists) => json!(lists),
    };
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("input".into(), input);
    if let Some(dimensions) = job.dimensions {
        body.insert("dimensions".into(), dimensions.into());
    }
    body.insert("encoding_format".into(), "float".into());
    body.into()
}

/// Such servers do not say which of several inputs is too long.
fn naming_the_longest(error: Error, job: &Embed) -> Error {
    let Some(longest) = job.inputs.by_length().first().copied().filter(|_| job.inputs.len() > 1) else {
        return error;
    };
    Error {
        message: format!("{}; the longest input is input[{longest}]", error.message),
        ..error
    }
}

/// The answer as it came, after making sure that it has what was asked for: one vector per input, in their order and
/// encoding, all of the length that was asked for, every number finite.
fn read(answer: Bytes, job: &Embed) -> Result<Embedded, Error> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        data: Vec<Item<'a>>,
        usage: Option<Tokens>,
    }
    #[derive(Deserialize)]
    struct Item<'a> {
        index: Option<usize>,
        #[serde(borrow)]
        embedding: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Tokens {
        prompt_tokens: Option<u64>,
        total_tokens: Option<u64>,
    }

    let parsed: Answer<'_> = serde_json::from_slice(&answer).map_err(|_| no_vectors())?;
    let mut as_asked = job.original.is_some();
    let mut rows = Vec::with_capacity(parsed.data.len());
    for (place, item) in parsed.data.iter().enumerate() {
        let index = item.index.unwrap_or(place);
        let (numbers, encoding) = numbers(item.embedding.get())?;
        as_asked &= index == place && encoding == job.encoding;
        rows.push((index, numbers));
    }
    rows.sort_by_key(|(index, _)| *index);
    let in_order = rows.iter().enumerate().all(|(place, (index, _))| place == *index);
    if !in_order || rows.len() != job.inputs.len() {
        let (got, asked) = (parsed.data.len(), job.inputs.len());
        return Err(Error::new(
            Class::Decode,
            format!("answered with {got} vectors for {asked} inputs"),
        ));
    }
    let tokens = parsed
        .usage
        .and_then(|usage| usage.prompt_tokens.or(usage.total_tokens));
    let rows: Vec<Vec<f32>> = rows.into_iter().map(|(_, row)| row).collect();
    let embedded = Embedded::checked(rows, job.dimensions, tokens)?;
    // Without a usage the answer is not what OpenAI's clients expect.
    Ok(if as_asked && tokens.is_some() {
        Embedded {
            vectors: Vectors::Wire(answer),
            ..embedded
        }
    } else {
        embedded
    })
}

/// One vector, however it is written.
fn numbers(raw: &str) -> Result<(Vec<f32>, Encoding), Error> {
    if !raw.starts_with('"') {
        // A number that is none is written as `null`.
        let numbers: Vec<Option<f32>> = serde_json::from_str(raw).map_err(|_| no_vectors())?;
        let numbers = numbers.into_iter().map(|number| number.unwrap_or(f32::NAN));
        return Ok((numbers.collect(), Encoding::Float));
    }
    let text: String = serde_json::from_str(raw).map_err(|_| no_vectors())?;
    let bytes = STANDARD.decode(text).map_err(|_| no_vectors())?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(no_vectors());
    }
    let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
    Ok((numbers.collect(), Encoding::Base64))
}

fn no_vectors() -> Error {
    Error::new(Class::Decode, "did not answer with vectors")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(encoding: Encoding, dimensions: Option<u32>) -> Embed {
        Embed {
            inputs: Inputs::Texts(vec!["a".into(), "b".into()]),
            dimensions,
            truncate: false,
            encoding,
            original: Some(Bytes::from_static(b"{}")),
        }
    }

    fn answer(first: &str, second: &str) -> String {
        format!(
            r#"{{"object":"list","data":[{{"index":0,"embedding":{first}}},{{"index":1,"embedding":{second}}}],"x":1,"usage":{{"prompt_tokens":2,"total_tokens":2}}}}"#
        )
    }

    #[test]
    fn an_answer_as_asked_passes_untouched_and_another_is_put_right() {
        let check = |job: &Embed, given: &str, expect: Result<Option<Vec<Vec<f32>>>, &str>| {
            let seen = read(Bytes::copy_from_slice(given.as_bytes()), job);
            let seen = seen
                .map_err(|error| error.message)
                .map(|embedded| match embedded.vectors {
                    Vectors::Wire(bytes) => {
                        assert_eq!(bytes, given);
                        None
                    }
                    Vectors::Numbers(rows) => Some(rows),
                });
            assert_eq!(seen, expect.map_err(str::to_owned), "{given}");
        };
        let rows = vec![vec![1.0, -0.5], vec![0.25, 2.0]];
        let plain = answer("[1.0, -0.5]", "[0.25, 2]");
        let coded = answer("\"AACAPwAAAL8=\"", "\"AACAPgAAAEA=\"");
        let (float, base64) = (job(Encoding::Float, None), job(Encoding::Base64, None));
        check(&float, &plain, Ok(None));
        check(&base64, &coded, Ok(None));
        check(&base64, &plain, Ok(Some(rows.clone())));
        check(&float, &coded, Ok(Some(rows.clone())));
        let swapped = plain
            .replace("\"index\":0", "\"index\":9")
            .replace("\"index\":1", "\"index\":0")
            .replace("\"index\":9", "\"index\":1");
        check(&float, &swapped, Ok(Some(vec![rows[1].clone(), rows[0].clone()])));
        check(&float, &plain.replace("\"usage\"", "\"used\""), Ok(Some(rows)));
        check(&job(Encoding::Float, Some(2)), &plain, Ok(None));
        check(
            &job(Encoding::Float, Some(1)),
            &plain,
            Err("does not cut vectors: it answered with 2 numbers where `dimensions` asks for 1"),
        );
        let not_finite = "answered with numbers that are none (NaN or infinite)";
        check(&float, &answer("[1.0, null]", "[0.25, 2]"), Err(not_finite));
        check(&float, &answer("[1.0, 1e99]", "[0.25, 2]"), Err(not_finite));
        check(
            &base64,
            &answer("\"AADAfwAAAL8=\"", "\"AACAPgAAAEA=\""),
            Err(not_finite),
        );
        check(
            &float,
            &answer("[1.0]", "[0.25, 2]"),
            Err("answered with vectors of different lengths"),
        );
        check(&float, &answer("[]", "[]"), Err("answered with empty vectors"));
        check(
            &float,
            &answer("[NaN, 1]", "[0.25, 2]"),
            Err("did not answer with vectors"),
        );
        check(
            &float,
            &answer("\"AAA\"", "[0.25, 2]"),
            Err("did not answer with vectors"),
        );
        check(
            &float,
            r#"{"data":[{"embedding":[1]}]}"#,
            Err("answered with 1 vectors for 2 inputs"),
        );
        let doubled = plain.replace("\"index\":1", "\"index\":0");
        check(&float, &doubled, Err("answered with 2 vectors for 2 inputs"));
        check(&float, "<html>", Err("did not answer with vectors"));
    }
}
