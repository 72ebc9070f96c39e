//! JSON-RPC as MCP uses it: one message a request.

use serde_json::{Value, json};

/// What the client wants, as far as it could be read.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    /// A notification, or an answer to what nobody asked: neither is answered.
    Silent,
    /// No message. The id is that of the request, when it can be told.
    Malformed {
        id: Value,
        fault: Fault,
    },
}

/// A fault by its code.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) code: i32,
    pub(super) says: String,
}

impl Fault {
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self::new(-32_700, format!("the body is not JSON: {error}"))
    }

    pub(super) fn invalid(says: &str) -> Self {
        Self::new(-32_600, says.to_owned())
    }

    pub(super) fn no_method(method: &str) -> Self {
        let method: String = method.chars().take(80).collect();
        Self::new(-32_601, format!("there is no method `{method}` here"))
    }

    pub(super) fn params(says: impl Into<String>) -> Self {
        Self::new(-32_602, says.into())
    }

    fn new(code: i32, says: String) -> Self {
        Self { code, says }
    }
}

pub(super) fn read(body: &[u8]) -> Message {
    let malformed = |id: Value, fault| Message::Malformed { id, fault };
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return malformed(Value::Null, Fault::not_json(&error)),
    };
    let Value::Object(mut message) = value else {
        return malformed(Value::Null, Fault::invalid("send one message, as an object"));
    };
    let id = message.remove("id");
    let is_id = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
    let told = id.clone().filter(is_id).unwrap_or_default();
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return malformed(told, Fault::invalid("`jsonrpc` must be \"2.0\""));
    }
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        None if message.contains_key("result") || message.contains_key("error") => return Message::Silent,
        _ => return malformed(told, Fault::invalid("`method` is missing")),
    };
    let params = match message.remove("params") {
        None => json!({}),
        Some(params @ Value::Object(_)) => params,
        Some(_) => return malformed(told, Fault::invalid("`params` must be an object")),
    };
    match id {
        None => Message::Silent,
        Some(id) if is_id(&id) => Message::Request { id, method, params },
        Some(_) => malformed(Value::Null, Fault::invalid("`id` must be a string or a whole number")),
    }
}

pub(super) fn result(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

pub(super) fn error(id: &Value, fault: &Fault) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": fault.code, "message": fault.says } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_strictly() {
        let check = |given: &str, expect: Message| assert_eq!(read(given.as_bytes()), expect, "given {given}");
        let bad = |id: Value, says: &str| Message::Malformed {
            id,
            fault: Fault::invalid(says),
        };
        let asks = |id: Value, method: &str, params: Value| Message::Request {
            id,
            method: method.to_owned(),
            params,
        };
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            asks(json!(1), "ping", json!({})),
        );
        check(
            r#"{"jsonrpc":"2.0","id":"a","method":"x","params":{"y":1}}"#,
            asks(json!("a"), "x", json!({ "y": 1 })),
        );
        check(
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            Message::Silent,
        );
        check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Message::Silent);
        check("[]", bad(Value::Null, "send one message, as an object"));
        check(
            r#"{"id":1,"method":"ping"}"#,
            bad(json!(1), "`jsonrpc` must be \"2.0\""),
        );
        check(r#"{"jsonrpc":"2.0","id":1}"#, bad(json!(1), "`method` is missing"));
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            bad(json!(1), "`method` is missing"),
        );
        let whole = "`id` must be a string or a whole number";
        check(r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, bad(Value::Null, whole));
        check(r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, bad(Value::Null, whole));
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#,
            bad(json!(1), "`params` must be an object"),
        );
        assert!(matches!(
            read(b"{"),
            Message::Malformed {
                fault: Fault { code: -32_700, .. },
                ..
            }
        ));
    }
}
