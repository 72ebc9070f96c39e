use serde_json::Value;

use crate::provider::{Class, Error};
use crate::providers::refusal::{Refusal, is_about_context, is_html, message_of, rate_class, said_in, shortened};

/// How much of an error object is relayed, in bytes.
const RELAYED: usize = 16 * 1024;

/// What a server says about what went wrong. Codes are words at `OpenAI` and often numbers elsewhere.
struct Fault {
    message: String,
    /// `code` and `type`, in lower case, with a space between them.
    words: String,
    number: Option<u16>,
    object: Option<Value>,
}

/// What a refusal of an OpenAI-compatible server means. The first rule that fits holds:
///
/// 1. a web page: a failing proxy (5xx), else not such a server
/// 2. its content policy refused
/// 3. a bad key or no money left, whatever the status
/// 4. the request is longer than the context
/// 5. the model is missing, or cannot do what is asked
/// 6. the status
pub(super) fn classify(refusal: Refusal<'_>) -> Error {
    let fault = Fault::of_body(refusal.body);
    let status = refusal.status;
    let class = if is_html(refusal.body) {
        if status >= 500 {
            Class::Upstream5xx
        } else {
            Class::Decode
        }
    } else {
        class_of(status, &fault, refusal)
    };
    Error {
        status: Some(status),
        retry_after: refusal.retry_after,
        ..error_of(class, status, fault)
    }
}

/// What an error object in the stream means; the status was 200, so that a number in it counts as the status.
pub(super) fn classify_event(data: &str) -> Error {
    let fault = Fault::of_body(data);
    let status = fault.number.unwrap_or(500);
    let refusal = Refusal {
        status,
        retry_after: None,
        body: data,
    };
    error_of(class_of(status, &fault, refusal), status, fault)
}

fn class_of(status: u16, fault: &Fault, refusal: Refusal<'_>) -> Class {
    let message = fault.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let coded = |words: &[&str]| words.iter().any(|word| fault.words.contains(word));
    if coded(&["content_filter", "content_policy", "moderation_blocked"])
        || says(&[
            "content management policy",
            "flagged by moderation",
            "requires moderation",
        ])
    {
        return Class::Policy;
    }
    if coded(&[
        "insufficient_quota",
        "billing",
        "invalid_api_key",
        "account_deactivated",
    ]) || matches!(status, 401 | 402)
    {
        return Class::HardDown;
    }
    if is_about_context(&fault.words) || is_about_context(&message) {
        return Class::ContextLength;
    }
    if coded(&["model_not_found", "model_decommissioned"]) || (status == 404 && message.contains("model")) {
        return Class::ModelMissing;
    }
    let about_a_parameter = coded(&["unsupported_parameter", "unsupported_value"]);
    let cannot = says(&[
        "does not support",
        "input is not supported",
        "requires --jinja",
        "endpoints found that support",
    ]);
    if status == 508 {
        return Class::Loop;
    }
    if status == 501 || (cannot && !about_a_parameter) {
        return Class::Capability;
    }
    match status {
        403 => Class::HardDown,
        408 | 409 => Class::Transient,
        429 => rate_class(refusal.retry_after),
        503 | 529 if says(&["overloaded", "busy"]) || coded(&["overloaded"]) => Class::Saturated,
        500.. => Class::Upstream5xx,
        400 | 413 | 422 => Class::ClientFault,
        _ if fault.object.is_some() && status >= 400 => Class::ClientFault,
        _ => Class::Decode,
    }
}

fn error_of(class: Class, status: u16, fault: Fault) -> Error {
    let message = match class {
        // Servers like to repeat a part of the key in this message.
        Class::HardDown if status == 401 || fault.words.contains("invalid_api_key") => "the key was refused".into(),
        Class::HardDown if status != 403 => "the quota is used up or the account is not paid".into(),
        Class::Decode => format!("answered with status {status}, so there is no chat API at this address"),
        _ if fault.message.is_empty() => format!("answered with status {status}"),
        _ => fault.message,
    };
    let relayed = matches!(class, Class::ClientFault | Class::Policy);
    let object = fault.object.filter(|_| relayed).map(|object| object.to_string());
    Error {
        body: object.filter(|text| text.len() <= RELAYED).map(Into::into),
        window: None,
        ..Error::new(class, message)
    }
}

impl Fault {
    fn of_body(body: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            return Self {
                message: message_of(body),
                words: String::new(),
                number: None,
                object: None,
            };
        };
        // The error is in `error`, or it is the whole body.
        let fault = value.get("error").filter(|error| error.is_object()).unwrap_or(&value);
        let codes = [&fault["code"], &fault["type"]];
        let words: Vec<String> = codes
            .iter()
            .filter_map(|code| Some(code.as_str()?.to_lowercase()))
            .collect();
        let number = codes.iter().find_map(|code| match code {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let number = number.and_then(|number| u16::try_from(number).ok());
        Self {
            message: shortened(&said_in(&value).unwrap_or_default()),
            words: words.join(" "),
            number: number.filter(|number| (400..600).contains(number)),
            object: fault.get("message").is_some().then(|| fault.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn check(status: u16, body: &str, class: Class, message: &str) {
        let refusal = Refusal {
            status,
            retry_after: None,
            body,
        };
        let error = classify(refusal);
        assert_eq!(
            (error.class, error.message.as_str()),
            (class, message),
            "given {status} {body}"
        );
        assert_eq!(error.status, Some(status));
    }

    /// A body as `OpenAI` writes it, whose message is passed on.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! at the call reads better without a borrow"
    )]
    fn check_code(status: u16, code: Value, message: &str, class: Class) {
        check(
            status,
            &json!({"error": {"message": message, "type": "some_error", "param": null, "code": code}}).to_string(),
            class,
            message,
        );
    }

    #[test]
    fn sorts_what_servers_say() {
        let none = Value::Null;
        check_code(400, json!("context_length_exceeded"), "too long", Class::ContextLength);
        check_code(
            400,
            none.clone(),
            "This model's maximum context length is 8192 tokens",
            Class::ContextLength,
        );
        check_code(
            400,
            json!(400),
            "the request exceeds the available context size",
            Class::ContextLength,
        );
        check_code(400, json!("content_filter"), "filtered", Class::Policy);
        check_code(403, json!(403), "Your input was flagged by moderation", Class::Policy);
        check_code(404, json!("model_not_found"), "no such thing", Class::ModelMissing);
        check_code(404, none.clone(), "The model `x` does not exist", Class::ModelMissing);
        check_code(
            404,
            json!(404),
            "No endpoints found that support tool use",
            Class::Capability,
        );
        check_code(500, json!(500), "image input is not supported", Class::Capability);
        check_code(400, none.clone(), "m does not support tools", Class::Capability);
        check_code(
            400,
            json!("unsupported_value"),
            "temperature does not support 0.2",
            Class::ClientFault,
        );
        check_code(400, json!("invalid_value"), "wrong", Class::ClientFault);
        check_code(422, none.clone(), "wrong", Class::ClientFault);
        check_code(403, none.clone(), "country not supported", Class::HardDown);
        check_code(409, none.clone(), "again", Class::Transient);
        check_code(408, none.clone(), "slow", Class::Transient);
        check_code(429, json!("rate_limit_exceeded"), "slow down", Class::RateLong);
        check_code(500, json!("server_error"), "oops", Class::Upstream5xx);
        check_code(503, none.clone(), "restarting", Class::Upstream5xx);
        check_code(
            503,
            none.clone(),
            "That model is currently overloaded",
            Class::Saturated,
        );
        check_code(501, none.clone(), "no", Class::Capability);
        check_code(508, none, "no", Class::Loop);
        check(
            400,
            r#"{"detail":"no model given"}"#,
            Class::ClientFault,
            "no model given",
        );
        check(400, r#"{"error":"bad"}"#, Class::ClientFault, "bad");
        check(500, "", Class::Upstream5xx, "answered with status 500");
        check(502, "<html>", Class::Upstream5xx, "answered with status 502");
        let nothing_here = "answered with status 404, so there is no chat API at this address";
        check(404, "404 page not found", Class::Decode, nothing_here);
        check(404, "<!doctype html>", Class::Decode, nothing_here);
    }

    #[test]
    fn a_message_about_the_key_or_money_is_our_own() {
        let body = |code: &str| json!({"error": {"message": "Incorrect key sk-12**89", "code": code}}).to_string();
        check(401, &body("invalid_api_key"), Class::HardDown, "the key was refused");
        let money = "the quota is used up or the account is not paid";
        check(429, &body("insufficient_quota"), Class::HardDown, money);
        check(402, &body(""), Class::HardDown, money);
    }

    #[test]
    fn the_error_object_of_a_client_fault_is_kept_to_be_relayed() {
        let body = r#"{"error":{"message":"wrong","type":"invalid_request_error","param":"n","code":null}}"#;
        let refusal = |status| Refusal {
            status,
            retry_after: Some(Duration::from_secs(2)),
            body,
        };
        let object = r#"{"message":"wrong","type":"invalid_request_error","param":"n","code":null}"#;
        assert_eq!(classify(refusal(400)).body.as_deref(), Some(object));
        assert_eq!(classify(refusal(500)).body, None);
        let short = classify(refusal(429));
        assert_eq!(
            (short.class, short.retry_after),
            (Class::RateShort, Some(Duration::from_secs(2)))
        );
    }

    #[test]
    fn an_error_in_the_stream_is_sorted_by_its_words_and_numbers() {
        let check = |given: &str, class: Class, message: &str| {
            assert_eq!(classify_event(given), Error::new(class, message), "given {given}");
        };
        check(r#"{"error":{"message":"died","code":502}}"#, Class::Upstream5xx, "died");
        check(r#"{"error":{"message":"slow","code":"429"}}"#, Class::RateLong, "slow");
        check(
            r#"{"error":{"message":"oops","type":"server_error"}}"#,
            Class::Upstream5xx,
            "oops",
        );
        check(
            r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
            Class::ContextLength,
            "x",
        );
        check(r#"{"error":"boom"}"#, Class::Upstream5xx, "boom");
        check(r#"{"message":"boom"}"#, Class::Upstream5xx, "boom");
    }
}
