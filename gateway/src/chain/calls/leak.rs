//! Calls that a model wrote as text, in the forms that model families write them.

use serde_json::{Map, Value};

/// What begins or ends such a call. Nobody writes these by chance.
const MARKERS: [&str; 9] = [
    "<tool_call",
    "</tool_call",
    "<function=",
    "</function>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<|tool_call",
    "<\u{ff5c}tool",
    "<|channel|>commentary to=",
];

/// What may stand around the calls.
const TAGS: [&str; 12] = [
    "<tool_call>",
    "</tool_call>",
    "</function>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<|tool_call|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|im_end|>",
    "```json",
    "```",
    ";",
];

/// The first field of a call that is written as plain JSON.
const FIRST_KEYS: [&str; 9] = [
    "name",
    "function",
    "function_name",
    "type",
    "tool",
    "tool_name",
    "tool_calls",
    "arguments",
    "parameters",
];

/// What is to be thought of a text so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Harmless,
    /// It may be the beginning of a call.
    Maybe,
    /// It holds what only a call has; where that begins.
    Leak(usize),
}

/// `is_start` when nothing came before `text`.
pub(super) fn judge(text: &str, is_start: bool) -> Verdict {
    if let Some(at) = marker(text) {
        return Verdict::Leak(at);
    }
    let begins = MARKERS.iter().any(|marker| ends_with_part_of(text, marker));
    if begins || (is_start && may_be_json_call(text)) {
        return Verdict::Maybe;
    }
    Verdict::Harmless
}

/// Where the first marker is. One that is quoted is talked about and not used.
fn marker(text: &str) -> Option<usize> {
    let found = MARKERS.iter().filter_map(|marker| {
        let mut at = text.match_indices(marker).map(|(at, _)| at);
        at.find(|at| !text.get(..*at).is_some_and(|before| before.ends_with(['`', '"', '\''])))
    });
    found.min()
}

fn ends_with_part_of(text: &str, marker: &str) -> bool {
    let parts = marker.char_indices().skip(1).filter_map(|(at, _)| marker.get(..at));
    parts.into_iter().any(|part| text.ends_with(part))
}

/// Whether the whole answer may come to be the JSON of a call. Decided by its first key, so that other JSON is not held
/// for long.
fn may_be_json_call(text: &str) -> bool {
    let text = text.trim_start();
    if text.len() < 7 && "```json".starts_with(text) {
        return true;
    }
    let text = text
        .strip_prefix("```json")
        .or(text.strip_prefix("```"))
        .unwrap_or(text);
    let mut rest = text.trim_start();
    for open in ["[", "{", "\""] {
        if rest.is_empty() {
            return true;
        }
        match rest.strip_prefix(open) {
            Some(after) => rest = after.trim_start(),
            None if open == "[" => {}
            None => return false,
        }
    }
    match rest.split_once('"') {
        Some((key, _)) => FIRST_KEYS.contains(&key),
        None => FIRST_KEYS.iter().any(|key| key.starts_with(rest)),
    }
}

/// A call that was found in a text. `arguments` is the text of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// The calls in `text`, when it consists of nothing else and all of them are `offered`.
pub(super) fn parse(text: &str, offered: impl Fn(&str) -> bool) -> Option<Vec<Found>> {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        rest = without_tags(rest);
        if rest.is_empty() {
            break;
        }
        let (calls, after) = if let Some(function) = rest.strip_prefix("<function=") {
            tagged(function)?
        } else if rest.starts_with(['{', '[']) {
            let (value, after) = json(rest)?;
            (calls_in(&value)?, after)
        } else {
            named(rest)?
        };
        found.extend(calls);
        rest = after;
    }
    let all_offered = !found.is_empty() && found.iter().all(|call| offered(&call.name));
    all_offered.then_some(found)
}

fn without_tags(mut text: &str) -> &str {
    loop {
        text = text.trim();
        let Some(after) = TAGS.iter().find_map(|tag| text.strip_prefix(tag)) else {
            return text;
        };
        text = after;
    }
}

/// The JSON value that `text` begins with, and what follows it.
fn json(text: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, text.get(values.byte_offset()..)?))
}

fn calls_in(value: &Value) -> Option<Vec<Found>> {
    match value {
        Value::Array(items) => {
            let calls: Option<Vec<_>> = items.iter().map(calls_in).collect();
            Some(calls?.into_iter().flatten().collect())
        }
        Value::Object(fields) => match fields.get("tool_calls") {
            Some(calls) => calls_in(calls),
            None => Some(vec![call_in(fields)?]),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn call_in(fields: &Map<String, Value>) -> Option<Found> {
    let inner = fields.get("function").and_then(Value::as_object).unwrap_or(fields);
    let names = ["name", "function", "function_name", "tool", "tool_name"];
    let name = names.iter().find_map(|key| inner.get(*key)?.as_str())?;
    let keys = ["arguments", "parameters", "args", "input"];
    let arguments = match keys.iter().find_map(|key| inner.get(*key)) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).ok()?,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => return None,
    };
    Some(Found {
        name: name.to_owned(),
        arguments: Value::Object(arguments).to_string(),
    })
}

/// `name>{…}`, or `name>` with `<parameter=key>value</parameter>` after it.
fn tagged(text: &str) -> Option<(Vec<Found>, &str)> {
    let (name, after) = text.split_once('>')?;
    let after = after.trim_start();
    let (arguments, after) = if after.starts_with('{') {
        let (value, after) = json(after)?;
        (value.as_object()?.clone(), after)
    } else {
        parameters(after)?
    };
    let call = Found {
        name: name.trim().to_owned(),
        arguments: Value::Object(arguments).to_string(),
    };
    Some((vec![call], after))
}

fn parameters(mut text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut all = Map::new();
    while let Some(after) = text.trim_start().strip_prefix("<parameter=") {
        let (key, after) = after.split_once('>')?;
        let (value, after) = after.split_once("</parameter>")?;
        let value = value.trim();
        // What is no JSON is a text without its quotes.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        all.insert(key.trim().to_owned(), value);
        text = after;
    }
    text.trim_start().starts_with("</function>").then_some((all, text))
}

/// `name[ARGS]{…}` or `name{…}`, as Mistral's models write it.
fn named(text: &str) -> Option<(Vec<Found>, &str)> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | '.'))?;
    let (name, after) = text.split_at_checked(end)?;
    let after = after.strip_prefix("[ARGS]").unwrap_or(after).trim_start();
    let (value, after) = json(after)?;
    let call = Found {
        name: name.to_owned(),
        arguments: Value::Object(value.as_object()?.clone()).to_string(),
    };
    (!name.is_empty()).then_some((vec![call], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_become_a_call_is_told_from_what_cannot() {
        let check = |text: &str, is_start: bool, expect: Verdict| {
            assert_eq!(judge(text, is_start), expect, "given {text:?}");
        };
        check("hello", true, Verdict::Harmless);
        check("a < b", true, Verdict::Harmless);
        check("a <", true, Verdict::Maybe);
        check("a <tool", false, Verdict::Maybe);
        check("a <table>", false, Verdict::Harmless);
        check("a <tool_call>", false, Verdict::Leak(2));
        check("write `<tool_call>` to call", false, Verdict::Harmless);
        check("[TOOL_CALLS] [", true, Verdict::Leak(0));
        check("[1, 2]", true, Verdict::Harmless);
        check("see [TO", false, Verdict::Maybe);
        check("", true, Verdict::Maybe);
        check(" {", true, Verdict::Maybe);
        check("{", false, Verdict::Harmless);
        check("{\"na", true, Verdict::Maybe);
        check("{\"name\": \"Bob\"", true, Verdict::Maybe);
        check("{\"age\": 3", true, Verdict::Harmless);
        check("[{\"name\"", true, Verdict::Maybe);
        check("```js", true, Verdict::Maybe);
        check("```rust", true, Verdict::Harmless);
        check("```json\n{\"name\"", true, Verdict::Maybe);
    }

    /// The calls as `name arguments`.
    #[test]
    fn calls_are_read_in_the_forms_of_all_families() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let seen = parse(text, |name| name == "f" || name == "g");
            let seen = seen.map(|calls| {
                let words = calls.iter().map(|call| format!("{} {}", call.name, call.arguments));
                words.collect::<Vec<_>>()
            });
            let expect = expect.map(|calls| calls.iter().map(|&call| call.to_owned()).collect());
            assert_eq!(seen, expect, "given {text}");
        };
        let one: Option<&[&str]> = Some(&["f {\"x\":1}"]);
        check(
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>",
            one,
        );
        check("<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}", one);
        check("{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}</tool_call>", one);
        check("<|python_tag|>{\"name\":\"f\",\"parameters\":{\"x\":1}}<|eom_id|>", one);
        check("<function=f>{\"x\":1}</function>", one);
        check(
            "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n</function>\n</tool_call>",
            one,
        );
        check(
            "<function=f><parameter=x>no json</parameter></function>",
            Some(&["f {\"x\":\"no json\"}"]),
        );
        check("[TOOL_CALLS]f[ARGS]{\"x\":1}", one);
        check("[TOOL_CALLS] [{\"name\":\"f\",\"arguments\":{\"x\":1}}]", one);
        check("```json\n{\"name\":\"f\",\"arguments\":{\"x\":1}}\n```", one);
        check(
            "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}",
            one,
        );
        check(
            "{\"tool_calls\":[{\"name\":\"f\"},{\"name\":\"g\"}]}",
            Some(&["f {}", "g {}"]),
        );
        check(
            "<tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>",
            Some(&["f {}", "g {}"]),
        );
        check("{\"name\":\"f\"};{\"name\":\"g\"}", Some(&["f {}", "g {}"]));
        check("<tool_call>{\"name\":\"h\"}</tool_call>", None);
        check("<tool_call>{\"name\":\"f\",\"argum", None);
        check("<tool_call>{\"name\":\"f\"}</tool_call> and more", None);
        check("<tool_call></tool_call>", None);
        check("<function=f><parameter=x>1", None);
        check("{\"name\":\"f\",\"arguments\":[1]}", None);
        check("[1]", None);
        check("", None);
    }
}
