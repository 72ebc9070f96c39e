//! What a call came to, in words.

use jarvis_tools::outside_text::clip;
use jarvis_tools::{Error, Output};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

use crate::words;

/// Characters of a result. What is longer than a context is kept by the agent; this bounds what it keeps.
const TEXT: usize = 200_000;
/// Parts of a result.
const PARTS: usize = 200;
/// Characters of a name or an address in it.
const NAME: usize = 200;

/// A result for the model. A part that is no text is named, not passed on and not passed over.
pub(crate) fn read(tool: &str, result: CallToolResult) -> Result<Output, Error> {
    let mut text = bounded(result.content, part);
    if result.is_error == Some(true) {
        let says = if text.trim().is_empty() {
            "it does not say why"
        } else {
            &text
        };
        return Err(Error::refused(format!("`{tool}` answered with an error: {says}")));
    }
    // Servers repeat the structure as text; told twice it would only fill the context.
    if let (true, Some(structure)) = (text.trim().is_empty(), result.structured_content) {
        text = clip(&structure.to_string(), TEXT);
    }
    Ok(Output {
        summary: text,
        data: Value::Null,
    })
}

/// What a resource holds.
pub(crate) fn contents(contents: Vec<ResourceContents>) -> String {
    bounded(contents, content)
}

fn bounded<T>(all: Vec<T>, part: impl Fn(T) -> String) -> String {
    let count = all.len();
    let mut parts: Vec<String> = all.into_iter().take(PARTS).map(part).collect();
    if count > PARTS {
        parts.push(format!("[{} more parts were left out]", count - PARTS));
    }
    let text = parts.join("\n");
    let whole = text.chars().count();
    let mut text = clip(&text, TEXT);
    if whole > TEXT {
        text.push_str(&format!("\n[the result had {whole} characters; the rest was left out]"));
    }
    text
}

fn part(block: ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => binary("a picture", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => binary("a sound", &audio.mime_type, &audio.data),
        ContentBlock::Resource(resource) => content(resource.resource),
        ContentBlock::ResourceLink(link) => {
            let (name, uri) = (words::line(&link.name, NAME), words::line(&link.uri, NAME));
            format!("[a link to {name}: {uri}]")
        }
        _ => "[a part of a kind that is not known here was left out]".to_owned(),
    }
}

fn content(contents: ResourceContents) -> String {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => {
            format!("[the text of {}]\n{text}", words::line(&uri, NAME))
        }
        ResourceContents::BlobResourceContents {
            uri, mime_type, blob, ..
        } => {
            let kind = mime_type.unwrap_or_else(|| "no type".to_owned());
            binary(&format!("a file, {}", words::line(&uri, NAME)), &kind, &blob)
        }
        _ => "[a part of a kind that is not known here was left out]".to_owned(),
    }
}

/// Base64 has four letters for three bytes.
fn binary(what: &str, kind: &str, data: &str) -> String {
    let bytes = data.len() / 4 * 3;
    format!(
        "[{what} ({}, about {bytes} bytes) was left out: only text is read here]",
        words::line(kind, 60)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(value: Value) -> CallToolResult {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_part_of_a_result_is_told() {
        let check = |given: Value, expect: &str| {
            let output = read("mcp_x_y", result(given)).map(|output| output.summary);
            assert_eq!(output.as_deref(), Ok(expect));
        };
        check(
            json!({ "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] }),
            "one\ntwo",
        );
        check(
            json!({ "content": [{ "type": "image", "data": "AAAAAAAA", "mimeType": "image/png" }] }),
            "[a picture (image/png, about 6 bytes) was left out: only text is read here]",
        );
        check(
            json!({ "content": [{ "type": "audio", "data": "AAAA", "mimeType": "audio/wav\u{1b}[2J" }] }),
            "[a sound (audio/wav, about 3 bytes) was left out: only text is read here]",
        );
        check(
            json!({ "content": [{ "type": "resource", "resource": { "uri": "demo://1", "text": "inside" } }] }),
            "[the text of demo://1]\ninside",
        );
        check(
            json!({ "content": [{ "type": "resource", "resource": { "uri": "demo://1", "blob": "AAAA" } }] }),
            "[a file, demo://1 (no type, about 3 bytes) was left out: only text is read here]",
        );
        check(
            json!({ "content": [{ "type": "resource_link", "uri": "demo://1", "name": "a\nb" }] }),
            "[a link to a b: demo://1]",
        );
        check(json!({ "content": [], "structuredContent": { "a": 1 } }), r#"{"a":1}"#);
        check(
            json!({ "content": [{ "type": "text", "text": "a is 1" }], "structuredContent": { "a": 1 } }),
            "a is 1",
        );
        check(json!({ "content": [] }), "");
    }

    #[test]
    fn an_error_of_the_tool_is_for_the_model() {
        let check = |content: Value, expect: &str| {
            let given = result(json!({ "content": content, "isError": true }));
            assert_eq!(read("mcp_x_y", given), Err(Error::refused(expect)));
        };
        check(
            json!([{ "type": "text", "text": "no such light" }]),
            "`mcp_x_y` answered with an error: no such light",
        );
        check(json!([]), "`mcp_x_y` answered with an error: it does not say why");
    }

    #[test]
    fn a_long_result_is_cut_and_says_so() {
        let long = json!({ "content": [{ "type": "text", "text": "x".repeat(300_000) }] });
        let text = read("t", result(long)).unwrap().summary;
        assert!(text.chars().count() < 200_100, "{}", text.len());
        assert!(text.ends_with("[the result had 300000 characters; the rest was left out]"));
        let many: Vec<Value> = (0..1_000).map(|_| json!({ "type": "text", "text": "x" })).collect();
        let text = read("t", result(json!({ "content": many }))).unwrap().summary;
        assert!(text.ends_with("[800 more parts were left out]"));
    }
}
