use crate::provider::{Class, Error};
use crate::providers::refusal::{Refusal, is_about_context, is_html, message_of, rate_class, shortened};

/// What a refusal of Ollama means. The first rule that fits holds:
///
/// 1. a web page: a failing proxy (5xx), else not Ollama
/// 2. what the message says of context, capability, queue or a missing model, because the status alone is ambiguous
/// 3. the status
pub(super) fn classify(refusal: Refusal<'_>) -> Error {
    let said = message_of(refusal.body);
    let status = refusal.status;
    let class = class_of(refusal, &said);
    let message = match class {
        Class::Decode if is_html(refusal.body) => format!("answered with a web page ({status}), so it is not Ollama"),
        Class::Decode => format!("answered with status {status}, so it is not Ollama's API"),
        Class::HardDown if said.is_empty() => {
            format!("Ollama refuses requests from here or under this name ({status})")
        }
        _ if said.is_empty() => format!("answered with status {status}"),
        _ => said,
    };
    Error {
        status: Some(status),
        retry_after: refusal.retry_after,
        ..Error::new(class, message)
    }
}

/// What an `{"error": …}` line in the stream means; the status was 200 and says nothing.
pub(super) fn classify_line(said: &str) -> Error {
    let class = class_of_message(&said.to_lowercase()).unwrap_or(Class::Upstream5xx);
    Error::new(class, shortened(said))
}

fn class_of(refusal: Refusal<'_>, said: &str) -> Class {
    if is_html(refusal.body) {
        return match refusal.status {
            500.. => Class::Upstream5xx,
            _ => Class::Decode,
        };
    }
    match (refusal.status, class_of_message(&said.to_lowercase())) {
        (401..=403, _) => Class::HardDown,
        (429, _) => rate_class(refusal.retry_after),
        (508, _) => Class::Loop,
        (_, Some(class)) => class,
        (408 | 409 | 499, None) => Class::Transient,
        (501, None) => Class::Capability,
        (500.., None) => Class::Upstream5xx,
        (400 | 413 | 422, None) => Class::ClientFault,
        (_, None) => Class::Decode,
    }
}

/// `said` is in lower case.
fn class_of_message(said: &str) -> Option<Class> {
    let says = |words: &str| said.contains(words);
    if is_about_context(said) {
        Some(Class::ContextLength)
    } else if says("does not support") || says("is not supported for this model") {
        Some(Class::Capability)
    } else if says("server busy") || says("maximum pending requests") {
        Some(Class::Saturated)
    } else if (says("model") && says("not found")) || says("try pulling it first") {
        Some(Class::ModelMissing)
    } else if says("unauthorized") {
        Some(Class::HardDown)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(status: u16, body: &str, class: Class, message: &str) {
        let given = Refusal {
            status,
            retry_after: None,
            body,
        };
        let expect = Error {
            status: Some(status),
            ..Error::new(class, message)
        };
        assert_eq!(classify(given), expect, "given {status} {body}");
    }

    /// A body as Ollama writes it: one message, which is passed on.
    fn check_message(status: u16, message: &str, class: Class) {
        check(
            status,
            &serde_json::json!({"error": message}).to_string(),
            class,
            message,
        );
    }

    #[test]
    fn sorts_what_ollama_says() {
        check_message(
            400,
            "registry.ollama.ai/library/gemma3:4b does not support tools",
            Class::Capability,
        );
        check_message(400, "\"m\" does not support thinking", Class::Capability);
        check_message(501, "not implemented", Class::Capability);
        check_message(508, "in a circle", Class::Loop);
        check_message(
            400,
            "the prompt is longer than the context length currently available",
            Class::ContextLength,
        );
        check_message(
            400,
            "the request exceeds the available context size, try increasing it",
            Class::ContextLength,
        );
        check_message(500, "input length exceeds maximum context length", Class::ContextLength);
        check_message(400, "invalid message format", Class::ClientFault);
        check_message(404, "model 'qwen3:14b' not found", Class::ModelMissing);
        check_message(404, "model \"m\" not found, try pulling it first", Class::ModelMissing);
        check_message(
            503,
            "server busy, please try again. maximum pending requests exceeded",
            Class::Saturated,
        );
        check_message(503, "starting", Class::Upstream5xx);
        check_message(500, "model runner has unexpectedly stopped", Class::Upstream5xx);
        check_message(
            500,
            "model requires more system memory (9 GiB) than is available",
            Class::Upstream5xx,
        );
        check_message(502, "upstream error", Class::Upstream5xx);
        check_message(401, "unauthorized", Class::HardDown);
        check_message(403, "cloud is disabled", Class::HardDown);
        check_message(429, "too many requests", Class::RateLong);
        check_message(499, "request canceled", Class::Transient);
        check(
            403,
            "",
            Class::HardDown,
            "Ollama refuses requests from here or under this name (403)",
        );
        check(500, "", Class::Upstream5xx, "answered with status 500");
        check(
            404,
            "404 page not found",
            Class::Decode,
            "answered with status 404, so it is not Ollama's API",
        );
        check(
            405,
            "",
            Class::Decode,
            "answered with status 405, so it is not Ollama's API",
        );
        check(
            301,
            "",
            Class::Decode,
            "answered with status 301, so it is not Ollama's API",
        );
        check(
            404,
            "<!doctype html>",
            Class::Decode,
            "answered with a web page (404), so it is not Ollama",
        );
        check(
            502,
            "<html>Bad Gateway</html>",
            Class::Upstream5xx,
            "answered with status 502",
        );
    }

    #[test]
    fn a_short_wait_is_told_from_a_long_one() {
        let refusal = |seconds| Refusal {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
            body: r#"{"error":"slow down"}"#,
        };
        assert_eq!(classify(refusal(3)).class, Class::RateShort);
        assert_eq!(classify(refusal(4)).class, Class::RateLong);
        assert_eq!(classify(refusal(4)).retry_after, Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_line_is_sorted_by_its_words() {
        let check = |said: &str, class: Class| assert_eq!(classify_line(said), Error::new(class, said));
        check("an error was encountered while running the model", Class::Upstream5xx);
        check("prompt is longer than the context length", Class::ContextLength);
        check("unauthorized", Class::HardDown);
    }
}
