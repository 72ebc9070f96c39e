use std::borrow::Cow;

use bytes::Bytes;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::settings::Settings;
use crate::provider::{Class, Error};
use crate::upstream::{NotJson, Scanner};

/// A body that came in, made fit for one upstream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spliced {
    pub(super) body: Bytes,
    /// How many answers were asked for (`n`).
    pub(super) choices: u32,
}

/// `original` with another `model`, streamed, and with the usage at its end. Everything else, known to us or not,
/// stays in its place and byte for byte, but for white space between the fields.
///
/// `only` is the one tool that is told, which has to be called.
pub(super) fn splice(
    original: &[u8],
    model: &str,
    (settings, only): (&Settings, Option<&str>),
) -> Result<Spliced, Error> {
    let fields = fields_of(original)?;
    let value = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let renamed = settings.max_tokens_field.map(super::MaxTokensField::as_str);
    let mut ours = vec![
        ("model", quoted(model)),
        ("stream", "true".into()),
        ("stream_options", stream_options(value("stream_options"))?),
    ];
    if let Some(tools) = only.and_then(|only| only_tool(value("tools")?, only)) {
        ours.push(("tools", tools));
        ours.push(("tool_choice", r#""required""#.into()));
        // A tool that is named is called once.
        ours.push(("parallel_tool_calls", "false".into()));
    }
    if let Some(name) = renamed
        && let Some(limit) = value(name).or_else(|| value("max_completion_tokens").or_else(|| value("max_tokens")))
    {
        ours.push((name, limit.to_owned()));
    }
    let mut out = Writer::with_capacity(original.len() + 64);
    for (key, value) in &fields {
        let key: &str = key;
        if let Some(at) = ours.iter().position(|(name, _)| *name == key) {
            // A second field of the same name finds nothing here and is left out, so that it cannot win upstream.
            let (name, value) = ours.remove(at);
            out.field(name, &value);
        } else if !is_ours(key, renamed) && !settings.drop.iter().any(|dropped| dropped == key) {
            out.field(key, value);
        }
    }
    for (name, value) in ours {
        out.field(name, &value);
    }
    Ok(Spliced {
        body: out.close(),
        choices: value("n").and_then(|n| n.parse().ok()).unwrap_or(1),
    })
}

/// `original` with another `model`, without what the server refuses; everything else as it is.
pub(super) fn with_model(original: &[u8], model: &str, settings: &Settings) -> Result<Bytes, Error> {
    let mut out = Writer::with_capacity(original.len() + 64);
    out.field("model", &quoted(model));
    for (key, value) in fields_of(original)? {
        if key != "model" && !settings.drop.iter().any(|dropped| *dropped == key) {
            out.field(&key, value);
        }
    }
    Ok(out.close())
}

/// The list with the function `name` alone, as it is written; `None` when it is not in it.
fn only_tool(tools: &str, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Tool {
        function: Option<Function>,
    }
    #[derive(Deserialize)]
    struct Function {
        name: String,
    }

    let tools: Vec<&RawValue> = serde_json::from_str(tools).ok()?;
    let is_meant = |tool: &&&RawValue| {
        let read = serde_json::from_str::<Tool>(tool.get()).ok();
        read.and_then(|tool| tool.function)
            .is_some_and(|function| function.name == name)
    };
    tools.iter().find(is_meant).map(|tool| format!("[{}]", tool.get()))
}

fn is_ours(key: &str, renamed: Option<&str>) -> bool {
    match key {
        "model" | "stream" | "stream_options" => true,
        "max_tokens" | "max_completion_tokens" => renamed.is_some(),
        _ => false,
    }
}

fn stream_options(given: Option<&str>) -> Result<String, Error> {
    let Some(given) = given.filter(|given| *given != "null") else {
        return Ok(r#"{"include_usage":true}"#.into());
    };
    let mut out = Writer::with_capacity(given.len() + 32);
    for (key, value) in fields_of(given.as_bytes())? {
        if key != "include_usage" {
            out.field(&key, value);
        }
    }
    out.field("include_usage", "true");
    Ok(String::from_utf8_lossy(&out.close()).into_owned())
}

/// The fields of a JSON object in their order, values as they are written.
fn fields_of(json: &[u8]) -> Result<Vec<(Cow<'_, str>, &str)>, Error> {
    let unreadable = || {
        Error::new(
            Class::ClientFault,
            "the request cannot be read: it is not a JSON object, or is nested more than 128 levels deep",
        )
    };
    let mut scanner = Scanner::new(std::str::from_utf8(json).map_err(|_| unreadable())?);
    let mut fields = Vec::with_capacity(16);
    let mut read = || {
        let mut object = scanner.object()?;
        while let Some(key) = scanner.key(&mut object)? {
            fields.push((key, scanner.value()?));
        }
        scanner.end()
    };
    read().map_err(|NotJson| unreadable()).map(|()| fields)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes one JSON object.
struct Writer(Vec<u8>);

impl Writer {
    fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    fn field(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.0.push(b'"');
            self.0.extend_from_slice(name.as_bytes());
            self.0.push(b'"');
        } else {
            self.0.extend_from_slice(quoted(name).as_bytes());
        }
        self.0.push(b':');
        self.0.extend_from_slice(value.as_bytes());
    }

    fn close(mut self) -> Bytes {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::openai::MaxTokensField;

    fn check(settings: &Settings, given: &str, expect: &str, choices: u32) {
        let expect = Spliced {
            body: Bytes::copy_from_slice(expect.as_bytes()),
            choices,
        };
        assert_eq!(
            splice(given.as_bytes(), "up\"1", (settings, None)).unwrap(),
            expect,
            "given {given}"
        );
    }

    #[test]
    fn changes_only_what_must_change() {
        let plain = Settings::default();
        let tail = r#""stream":true,"stream_options":{"include_usage":true}"#;
        check(&plain, "{}", &format!(r#"{{"model":"up\"1",{tail}}}"#), 1);
        check(
            &plain,
            r#" { "x": 1.00 , "model":"jarvis" ,"messages": [ {"role":"user", "content":"h\u00e9", "new":null} ], "n":3 } "#,
            &format!(
                r#"{{"x":1.00,"model":"up\"1","messages":[ {{"role":"user", "content":"h\u00e9", "new":null}} ],"n":3,{tail}}}"#
            ),
            3,
        );
        check(
            &plain,
            r#"{"stream":false,"stream_options":{"include_usage":false,"include_obfuscation":false},"model":"a","model":"b"}"#,
            r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"up\"1"}"#,
            1,
        );
        check(
            &plain,
            r#"{"stream_options":null,"max_tokens":5,"top_k":1}"#,
            r#"{"stream_options":{"include_usage":true},"max_tokens":5,"top_k":1,"model":"up\"1","stream":true}"#,
            1,
        );
    }

    #[test]
    fn follows_the_settings_of_the_target() {
        let settings = Settings {
            max_tokens_field: Some(MaxTokensField::MaxCompletionTokens),
            drop: vec!["top_k".into()],
        };
        let tail = r#""model":"up\"1","stream":true,"stream_options":{"include_usage":true}"#;
        let limit = |limit: u32| format!(r#"{{{tail},"max_completion_tokens":{limit}}}"#);
        check(&settings, r#"{"max_tokens":5,"top_k":1}"#, &limit(5), 1);
        check(
            &settings,
            r#"{"max_tokens":5,"max_completion_tokens":6}"#,
            &format!(r#"{{"max_completion_tokens":6,{tail}}}"#),
            1,
        );
    }

    #[test]
    fn the_one_tool_is_all_that_is_told() {
        let check = |only: &str, expect: &str| {
            let given = r#"{"tools":[{"function":{"name":"a"}}, {"type":"x"},{ "function": {"name":"b"}, "new": 1.0}],"tool_choice":{"function":{"name":"b"}}}"#;
            let seen = splice(given.as_bytes(), "m", (&Settings::default(), Some(only)))
                .unwrap()
                .body;
            let tail = r#","model":"m","stream":true,"stream_options":{"include_usage":true}"#;
            assert_eq!(seen, expect.replace("TAIL", tail), "{only}");
        };
        check(
            "b",
            r#"{"tools":[{ "function": {"name":"b"}, "new": 1.0}],"tool_choice":"required"TAIL,"parallel_tool_calls":false}"#,
        );
        check(
            "c",
            r#"{"tools":[{"function":{"name":"a"}}, {"type":"x"},{ "function": {"name":"b"}, "new": 1.0}],"tool_choice":{"function":{"name":"b"}}TAIL}"#,
        );
    }

    #[test]
    fn only_the_model_changes() {
        let settings = Settings {
            drop: vec!["user".into()],
            ..Settings::default()
        };
        let given = br#"{"input":["a", "b"],"model":"x","user":"me","x_new":1.00,"model":"y"}"#;
        let expect = r#"{"model":"up/1","input":["a", "b"],"x_new":1.00}"#;
        assert_eq!(with_model(given, "up/1", &settings).unwrap(), expect);
        assert!(with_model(b"[]", "m", &settings).is_err());
    }

    #[test]
    fn refuses_what_is_not_an_object() {
        for given in ["", "[]", "{\"a\":}", "{} x", "{\"stream_options\":1}"] {
            let error = splice(given.as_bytes(), "m", (&Settings::default(), None)).unwrap_err();
            assert_eq!(error.class, Class::ClientFault, "given {given}");
        }
    }
}
