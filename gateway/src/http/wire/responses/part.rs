//! Parts of a message: text, pictures, files.

use serde_json::{Value, json};

use crate::chat::Part;
use crate::http::error::Error;

/// Who says a part: what a model said is written as output, everything else as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

/// The content of a message or of a tool's result as a list of parts that are complete.
pub(super) fn list(content: Value, side: Side, at: &str) -> Result<Value, Error> {
    match content {
        Value::String(text) => Ok(json!([text_part(&text, side)])),
        Value::Array(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| one(&part, side, &format!("{at}[{index}]")))
            .collect(),
        _ => Err(invalid(at, format!("`{at}` is text or a list of parts"))),
    }
}

fn one(part: &Value, side: Side, at: &str) -> Result<Value, Error> {
    let text = |name: &str| part[name].as_str();
    let missing = |name: &str| invalid(&format!("{at}.{name}"), format!("`{at}.{name}` is missing"));
    match (text("type"), side) {
        (Some("input_text" | "output_text" | "text"), _) => {
            let said = text("text").ok_or_else(|| missing("text"))?;
            Ok(text_part(said, side))
        }
        (Some("refusal"), Side::Output) => {
            let said = text("refusal").ok_or_else(|| missing("refusal"))?;
            Ok(json!({"type": "refusal", "refusal": said}))
        }
        (Some("input_image"), Side::Input) => {
            refuse_stored(part, at)?;
            let url = text("image_url").ok_or_else(|| missing("image_url"))?;
            let detail = text("detail").unwrap_or("auto");
            Ok(json!({"type": "input_image", "image_url": url, "detail": detail}))
        }
        (Some("input_file"), Side::Input) => {
            refuse_stored(part, at)?;
            if !part["file_url"].is_null() {
                let message = "files are not fetched here; send the file itself as `file_data`";
                return Err(unsupported(&format!("{at}.file_url"), message));
            }
            let data = text("file_data").ok_or_else(|| missing("file_data"))?;
            let name = text("filename").unwrap_or("file");
            Ok(json!({"type": "input_file", "filename": name, "file_data": data}))
        }
        (Some(kind), _) => {
            let kind: String = kind.chars().take(100).collect();
            let message = format!("parts of type `{kind}` are not supported here");
            Err(unsupported(&format!("{at}.type"), message))
        }
        (None, _) => Err(missing("type")),
    }
}

fn text_part(text: &str, side: Side) -> Value {
    match side {
        Side::Input => json!({"type": "input_text", "text": text}),
        Side::Output => json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
    }
}

/// There is no store of files here.
fn refuse_stored(part: &Value, at: &str) -> Result<(), Error> {
    if part["file_id"].is_null() {
        return Ok(());
    }
    let message = "there are no uploaded files here; send the data itself";
    Err(unsupported(&format!("{at}.file_id"), message))
}

/// The parts as models are given them. `content` is complete.
pub(super) fn read(content: &Value) -> Vec<Part> {
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(read_one).collect()
}

fn read_one(part: &Value) -> Option<Part> {
    let text = |name: &str| part[name].as_str().map(str::to_owned);
    match part["type"].as_str()? {
        "input_text" | "output_text" => text("text").map(Part::Text),
        "refusal" => text("refusal").map(Part::Text),
        "input_image" => text("image_url").map(|url| Part::Image {
            url,
            // `auto` is what a server does that is told nothing, and some take nothing else.
            detail: text("detail").filter(|detail| detail != "auto"),
        }),
        "input_file" => {
            let file = json!({"filename": part["filename"], "file_data": part["file_data"]});
            Some(Part::Other(json!({"type": "file", "file": file})))
        }
        _ => None,
    }
}

pub(super) fn invalid(param: &str, message: impl Into<String>) -> Error {
    Error::invalid(Some(param), "invalid_request", message)
}

pub(super) fn unsupported(param: &str, message: impl Into<String>) -> Error {
    Error::invalid(Some(param), "unsupported_parameter", message)
}
