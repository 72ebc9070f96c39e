//! What makes two questions the same.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::shelf::Question;
use crate::caller::Caller;
use crate::chat::Request;

/// What the form of the answer depends on, and not what it says.
const OF_FORM: [&str; 2] = ["stream", "stream_options"];

/// `None` when the request has no body to compare. Bodies are the same when they say the same: the order of keys and
/// blanks do not matter.
pub(super) fn question(request: &Request, model: &str, is_shared: bool) -> Option<Question> {
    let original = request.original.as_ref()?;
    let body: Value = serde_json::from_slice(&original.body).ok()?;
    let mut hash = Sha256::new();
    let whose = match &request.caller {
        _ if is_shared => "",
        Caller::Key(key) => &key.id,
        Caller::Internal => "internal",
        Caller::Loopback => "loopback",
    };
    let local_only = request.demands.local_only || request.caller.is_local_only();
    for part in [
        whose,
        request.origin.endpoint.as_str(),
        model,
        // A stream without its usage at the end lacks it in what was kept, too.
        if original.include_usage { "usage" } else { "" },
        if local_only { "local" } else { "" },
    ] {
        text(&mut hash, part);
    }
    match body {
        Value::Object(mut fields) => {
            for name in OF_FORM {
                fields.remove(name);
            }
            value(&mut hash, &Value::Object(fields));
        }
        other => value(&mut hash, &other),
    }
    Some(hash.finalize().into())
}

/// With its length before it, so that no two lists of texts are the same.
fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// Objects with their keys in order. The depth is bounded by the reader of the JSON.
fn value(hash: &mut Sha256, of: &Value) {
    match of {
        Value::Null => hash.update(b"n"),
        Value::Bool(yes) => hash.update(if *yes { b"t" } else { b"f" }),
        Value::Number(number) => {
            hash.update(b"#");
            text(hash, &number.to_string());
        }
        Value::String(string) => {
            hash.update(b"s");
            text(hash, string);
        }
        Value::Array(items) => {
            hash.update(b"[");
            hash.update((items.len() as u64).to_le_bytes());
            for item in items {
                value(hash, item);
            }
        }
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            hash.update(b"{");
            hash.update((fields.len() as u64).to_le_bytes());
            for (name, of) in fields {
                text(hash, name);
                value(hash, of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Key;
    use crate::chat::{Original, Protocol};

    fn of(body: &str) -> Request {
        Request {
            caller: Caller::Loopback,
            original: Some(Original {
                protocol: Protocol::OpenAiChat,
                body: bytes::Bytes::copy_from_slice(body.as_bytes()),
                include_usage: true,
            }),
            ..Request::default()
        }
    }

    #[test]
    fn the_same_question_in_other_words() {
        let one = question(
            &of(r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1}"#),
            "m",
            false,
        );
        let check = |body: &str, is_same: bool| {
            assert_eq!(question(&of(body), "m", false) == one, is_same, "{body}");
        };
        check(
            r#"{ "temperature":1, "messages":[{"content":"hi","role":"user"}] }"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":true}"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"h\u0069"}],"temperature":1,"stream_options":{}}"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"ho"}],"temperature":1}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":2}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":null}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi","temperature":1}]}"#,
            false,
        );
        check(r#"{"messages":["role","user","content","hi"],"temperature":1}"#, false);
    }

    #[test]
    fn who_asks_and_for_what_belongs_to_the_question() {
        let plain = || of("{}");
        let key = |id: &str| Request {
            caller: Caller::from(Key {
                id: id.to_owned(),
                ..Key::default()
            }),
            ..plain()
        };
        let mut others = vec![
            question(&plain(), "m", false),
            question(&plain(), "other", false),
            question(&key("a"), "m", false),
            question(&key("b"), "m", false),
        ];
        let mut endpoint = plain();
        endpoint.origin.endpoint = crate::demands::Endpoint::Completions;
        others.push(question(&endpoint, "m", false));
        let mut local = plain();
        local.demands.local_only = true;
        others.push(question(&local, "m", false));
        let mut short = plain();
        if let Some(original) = &mut short.original {
            original.include_usage = false;
        }
        others.push(question(&short, "m", false));
        let count = others.len();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), count);
        assert_eq!(question(&key("a"), "m", true), question(&key("b"), "m", true));
    }
}
