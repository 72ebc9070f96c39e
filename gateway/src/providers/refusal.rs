//! What refusals of all model servers have in common.

use std::time::Duration;

use serde_json::Value;

use crate::provider::Class;

/// A wait of this length is waited out on the same target (`RateShort`); a longer one parks it.
const SHORT_WAIT: Duration = Duration::from_secs(3);

/// How much of an upstream's message is passed on, in characters.
const MESSAGE: usize = 300;

/// How many lines or events of one stream may be malformed before it is given up.
pub(super) const MALFORMED_LIMIT: u32 = 3;

/// An answer that is not a success.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: &'a str,
}

/// The class of a 429.
pub(super) fn rate_class(retry_after: Option<Duration>) -> Class {
    match retry_after {
        Some(wait) if wait <= SHORT_WAIT => Class::RateShort,
        Some(_) | None => Class::RateLong,
    }
}

/// A web page: what proxies, captive portals and wrong addresses answer with.
pub(super) fn is_html(body: &str) -> bool {
    body.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// Whether a message in lower case says that the request is longer than the model's context. Every server has its own
/// words; these are Ollama's, llama-server's, `vLLM`'s, `LiteLLM`'s and `OpenAI`'s.
pub(super) fn is_about_context(message: &str) -> bool {
    const WORDS: [&str; 10] = [
        "context_length_exceeded",
        "longer than the context length",
        "exceeds the available context",
        "context size",
        "exceed_context_size",
        "input length exceeds",
        "maximum context length",
        "exceeds the context window",
        "prompt is too long",
        "too large to process",
    ];
    WORDS.iter().any(|words| message.contains(words))
}

/// What a refusal says, whatever shape its JSON has: `{"error": "…"}`, `{"error": {"message": "…"}}`,
/// `{"message": "…"}`, `{"detail": "…"}`, or plain text.
pub(super) fn message_of(body: &str) -> String {
    let said = match serde_json::from_str::<Value>(body) {
        Ok(value) => said_in(&value).unwrap_or_default(),
        Err(_) if is_html(body) => String::new(),
        Err(_) => body.trim().to_owned(),
    };
    shortened(&said)
}

pub(super) fn said_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Object(fields) => ["error", "message", "detail"]
            .iter()
            .find_map(|name| said_in(fields.get(*name)?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The beginning of `text` on one line, short enough for a message to people.
pub(super) fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(MESSAGE) {
        words.truncate(at);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_message_in_every_shape() {
        let check = |given: &str, expect: &str| assert_eq!(message_of(given), expect, "given {given}");
        check(r#"{"error":"no"}"#, "no");
        check(r#"{"error":{"message":"no\n way","code":400}}"#, "no way");
        check(r#"{"message":"no"}"#, "no");
        check(r#"{"detail":"no"}"#, "no");
        check(r#"{"detail":[{"msg":"no"}]}"#, "");
        check("  plain\ntext ", "plain text");
        check("<html><body>502</body></html>", "");
        check("", "");
        check(&"é".repeat(400), &format!("{}…", "é".repeat(300)));
    }
}
