//! Arguments as small models write them, brought into the form that the tool asks for.
//!
//! Only asked when the arguments do not fit as they are, and only where there is one thing that can have been meant:
//!
//! 1. all arguments inside of one `arguments`, `input` or `parameters`, or an object written as a string: taken out;
//! 2. a field's name in another case or with other separators, when exactly one field is meant: renamed;
//! 3. `null`, or an empty text where a number or a list is wanted, for what may be left out: left out;
//! 4. `"3"` for 3, `"true"` for true, 8080 for `"8080"`;
//! 5. a number with the unit that its field is named after (`seconds: "30 s"`): the number. Any other unit stays, because
//!    nobody knows what it would have to be multiplied by;
//! 6. one value for a list of one; a list or an object written as a string;
//! 7. a word of a fixed list in another case, with spaces around it or other separators in it;
//! 8. an unknown field that holds nothing: left out. One that holds something stays and is refused, because the model
//!    meant something by it.

use serde_json::{Map, Number, Value};

/// Objects in objects deeper than this stay as they are.
const DEPTH: usize = 8;
const WRAPPERS: [&str; 3] = ["arguments", "input", "parameters"];

/// `arguments` in the form that `schema` asks for, as far as that is plain. What fits already stays as it is.
pub(crate) fn coerce(schema: &Value, arguments: Value) -> Value {
    value(schema, "", unwrapped(schema, arguments), 0)
}

fn unwrapped(schema: &Value, arguments: Value) -> Value {
    let Value::Object(fields) = &arguments else {
        return arguments;
    };
    let mut entries = fields.iter();
    let (Some((name, inner)), None) = (entries.next(), entries.next()) else {
        return arguments;
    };
    let is_wrapper =
        WRAPPERS.contains(&name.as_str()) && schema.get("properties").and_then(|all| all.get(name)).is_none();
    match inner {
        Value::Object(_) if is_wrapper => inner.clone(),
        Value::String(text) if is_wrapper => parsed(text, Value::is_object).unwrap_or(arguments),
        _ => arguments,
    }
}

fn value(schema: &Value, name: &str, given: Value, depth: usize) -> Value {
    if depth > DEPTH || fits(schema, &given) {
        return descended(schema, name, given, depth);
    }
    let words = words(schema);
    if !words.is_empty() {
        return word(&words, given);
    }
    let kinds = kinds(schema);
    let [kind] = kinds.as_slice() else {
        return given;
    };
    match (*kind, given) {
        ("integer" | "number", Value::String(text)) => {
            number(kind, name, &text).map_or(Value::String(text), Value::Number)
        }
        // 3.0 for 3.
        ("integer", Value::Number(number)) => whole(&number).map_or(Value::Number(number), Value::Number),
        ("boolean", Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text),
        },
        // A fraction could lose its zeros.
        ("string", Value::Number(number)) if number.is_i64() || number.is_u64() => Value::String(number.to_string()),
        ("array", Value::String(text)) => {
            let list = parsed(&text, Value::is_array).unwrap_or_else(|| Value::Array(vec![Value::String(text)]));
            descended(schema, name, list, depth)
        }
        ("array", one @ (Value::Object(_) | Value::Number(_) | Value::Bool(_))) => {
            descended(schema, name, Value::Array(vec![one]), depth)
        }
        ("object", Value::String(text)) => match parsed(&text, Value::is_object) {
            Some(object) => descended(schema, name, object, depth),
            None => Value::String(text),
        },
        (_, given) => given,
    }
}

/// Lists and objects of the right kind, their parts each in its own form.
fn descended(schema: &Value, name: &str, given: Value, depth: usize) -> Value {
    if depth > DEPTH {
        return given;
    }
    let schema = of_kind(schema, &given);
    match given {
        Value::Array(items) => match schema.get("items") {
            Some(of_item) => items
                .into_iter()
                .map(|item| value(of_item, name, item, depth + 1))
                .collect(),
            None => Value::Array(items),
        },
        Value::Object(fields) => object(schema, fields, depth),
        given => given,
    }
}

fn object(schema: &Value, given: Map<String, Value>, depth: usize) -> Value {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Value::Object(given);
    };
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let required = |name: &str| {
        let list = schema.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|entry| entry == name))
    };
    let names: Vec<String> = given.keys().cloned().collect();
    let mut fields = Map::new();
    for (name, held) in given {
        let meant = if properties.contains_key(&name) {
            Some(name.as_str())
        } else {
            same_name(properties, &names, &name)
        };
        let Some((meant, of_field)) = meant.and_then(|meant| properties.get_key_value(meant)) else {
            if !(closed && is_empty(&held)) {
                fields.insert(name, held);
            }
            continue;
        };
        let says_nothing = held.is_null() || (held == "" && !kinds(of_field).contains(&"string"));
        if says_nothing && !required(meant) && !fits(of_field, &held) {
            continue;
        }
        fields.insert(meant.clone(), value(of_field, meant, held, depth + 1));
    }
    Value::Object(fields)
}

/// The one field that is written like `name` but for its case and separators, when neither it nor another spelling of it
/// is given too.
fn same_name<'a>(properties: &'a Map<String, Value>, given: &[String], name: &str) -> Option<&'a str> {
    let wanted = letters(name);
    let mut alike = properties.keys().filter(|known| letters(known) == wanted);
    let (Some(meant), None) = (alike.next(), alike.next()) else {
        return None;
    };
    let spellings = given.iter().filter(|other| letters(other) == wanted).count();
    (spellings == 1).then_some(meant.as_str())
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn word(words: &[&str], given: Value) -> Value {
    let Value::String(text) = &given else { return given };
    let wanted = letters(text);
    let mut alike = words.iter().filter(|word| letters(word) == wanted);
    match (alike.next(), alike.next()) {
        (Some(word), None) if !wanted.is_empty() => Value::from(*word),
        _ => given,
    }
}

fn number(kind: &str, name: &str, text: &str) -> Option<Number> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic()).trim_end();
    let unit = text.strip_prefix(digits)?.trim();
    if !unit.is_empty() && !is_named_after(name, unit) {
        return None;
    }
    // Not the words `inf` and `nan`, and no `0x`.
    if !digits.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match serde_json::from_str(digits).ok()? {
        Value::Number(number) if kind == "integer" => whole(&number),
        Value::Number(number) => Some(number),
        _ => None,
    }
}

fn whole(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let value = number
        .as_f64()
        .filter(|value| value.fract() == 0.0 && value.abs() < 9e15)?;
    format!("{value:.0}").parse().ok()
}

/// `lines: "50 lines"`, `minutes: "5 min"`.
fn is_named_after(name: &str, unit: &str) -> bool {
    const UNITS: [&[&str]; 5] = [
        &["milliseconds", "millisecond", "millis", "ms"],
        &["seconds", "second", "secs", "sec", "s"],
        &["minutes", "minute", "mins", "min", "m"],
        &["hours", "hour", "h"],
        &["days", "day", "d"],
    ];
    let field = name.rsplit('_').next().unwrap_or_default().to_lowercase();
    let unit = unit.to_lowercase();
    if field.len() > 2 && (field == unit || field.strip_suffix('s') == Some(&unit)) {
        return true;
    }
    UNITS
        .iter()
        .any(|names| names.contains(&field.as_str()) && names.contains(&unit.as_str()))
}

fn parsed(text: &str, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    serde_json::from_str(text.trim()).ok().filter(wanted)
}

/// The branches of a schema: itself, or what `anyOf` and `oneOf` list.
fn branches(schema: &Value) -> Vec<&Value> {
    let listed = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array());
    listed.map_or_else(|| vec![schema], |list| list.iter().flat_map(branches).collect())
}

/// The kinds that a schema asks for, without `null`.
fn kinds(schema: &Value) -> Vec<&str> {
    let mut kinds: Vec<&str> = branches(schema).into_iter().flat_map(kinds_of_branch).collect();
    kinds.retain(|kind| *kind != "null");
    kinds.dedup();
    kinds
}

fn kinds_of_branch(branch: &Value) -> Vec<&str> {
    match branch.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The words that a schema allows, when it allows nothing else.
fn words(schema: &Value) -> Vec<&str> {
    let mut words = Vec::new();
    for branch in branches(schema) {
        let listed = branch.get("enum").and_then(Value::as_array).map(Vec::as_slice);
        let listed = listed.or_else(|| branch.get("const").map(std::slice::from_ref));
        match listed {
            Some(listed) => words.extend(listed.iter().filter_map(Value::as_str)),
            None if branch.get("type").is_some_and(|kind| kind == "null") => {}
            None => return Vec::new(),
        }
    }
    words
}

/// The branch that is for values like `given`.
fn of_kind<'a>(schema: &'a Value, given: &Value) -> &'a Value {
    let kind = if given.is_array() { "array" } else { "object" };
    let mut alike = branches(schema)
        .into_iter()
        .filter(|branch| kinds_of_branch(branch).contains(&kind));
    match (alike.next(), alike.next()) {
        (Some(branch), None) => branch,
        _ => schema,
    }
}

/// Whether `given` is of a kind that `schema` asks for. Its parts are looked at one by one.
fn fits(schema: &Value, given: &Value) -> bool {
    let words = words(schema);
    let nullable = branches(schema)
        .iter()
        .any(|branch| kinds_of_branch(branch).contains(&"null"));
    match given {
        Value::Null => nullable || kinds(schema).is_empty() && words.is_empty(),
        Value::String(text) if !words.is_empty() => words.contains(&text.as_str()),
        _ if !words.is_empty() => false,
        _ => {
            let kinds = kinds(schema);
            kinds.is_empty() || kinds.iter().any(|kind| is_of(kind, given))
        }
    }
}

fn is_of(kind: &str, given: &Value) -> bool {
    match kind {
        "integer" => given.is_i64() || given.is_u64(),
        "number" => given.is_number(),
        "string" => given.is_string(),
        "boolean" => given.is_boolean(),
        "array" => given.is_array(),
        "object" => given.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "lines": { "type": ["integer", "null"] },
                "timeout_seconds": { "type": "integer" },
                "ratio": { "type": "number" },
                "follow": { "type": "boolean" },
                "action": { "enum": ["start", "restart", "set_state"], "type": "string" },
                "mode": { "anyOf": [{ "oneOf": [{ "const": "on" }, { "const": "off" }] }, { "type": "null" }] },
                "names": { "type": "array", "items": { "type": "string" } },
                "place": { "type": "object", "properties": { "room": { "type": "string" }, "floor": { "type": "integer" } } },
            },
            "required": ["name"],
            "additionalProperties": false,
        })
    }

    #[test]
    fn what_can_only_mean_one_thing_is_taken_for_it() {
        let check = |given: Value, expect: Value| assert_eq!(coerce(&schema(), given.clone()), expect, "given {given}");
        check(
            json!({ "lines": "3", "ratio": " 0.5 " }),
            json!({ "lines": 3, "ratio": 0.5 }),
        );
        check(json!({ "lines": 3.0 }), json!({ "lines": 3 }));
        check(json!({ "follow": "True" }), json!({ "follow": true }));
        check(json!({ "name": 8080 }), json!({ "name": "8080" }));
        check(json!({ "names": "web" }), json!({ "names": ["web"] }));
        check(json!({ "names": "[\"web\",1]" }), json!({ "names": ["web", "1"] }));
        check(
            json!({ "place": "{\"floor\":\"2\"}" }),
            json!({ "place": { "floor": 2 } }),
        );
        check(
            json!({ "action": " RESTART ", "mode": "Off" }),
            json!({ "action": "restart", "mode": "off" }),
        );
        check(json!({ "action": "set-state" }), json!({ "action": "set_state" }));
        check(json!({ "follow": null, "name": "a" }), json!({ "name": "a" }));
        check(json!({ "timeout_seconds": "" }), json!({}));
        check(json!({ "timeout_seconds": "30 s" }), json!({ "timeout_seconds": 30 }));
        check(json!({ "lines": "50 lines" }), json!({ "lines": 50 }));
        check(
            json!({ "timeoutSeconds": "5", "NAME": "a" }),
            json!({ "timeout_seconds": 5, "name": "a" }),
        );
        check(
            json!({ "name": "a", "extra": null, "more": [] }),
            json!({ "name": "a" }),
        );
        check(json!({ "arguments": { "lines": "3" } }), json!({ "lines": 3 }));
        check(json!({ "input": "{\"name\":\"a\"}" }), json!({ "name": "a" }));
    }

    #[test]
    fn what_could_mean_something_else_stays() {
        let check = |given: Value| assert_eq!(coerce(&schema(), given.clone()), given);
        check(json!({ "timeout_seconds": "5 m" }));
        check(json!({ "timeout_seconds": "5,5" }));
        check(json!({ "lines": "3.5" }));
        check(json!({ "lines": "all" }));
        check(json!({ "lines": "0x10" }));
        check(json!({ "ratio": "inf" }));
        check(json!({ "follow": "yes" }));
        check(json!({ "follow": 1 }));
        check(json!({ "name": 1.10 }));
        check(json!({ "name": null }));
        check(json!({ "name": true }));
        check(json!({ "action": "stop" }));
        check(json!({ "name": "a", "force": true }));
        check(json!({ "name": "a", "NAME": "b" }));
        check(
            json!({ "names": null, "name": { "a": 1 } })
                .as_object()
                .map_or(Value::Null, |_| json!({ "name": { "a": 1 } })),
        );
        check(json!({ "arguments": 3 }));
    }

    #[test]
    fn odd_schemas_change_nothing() {
        for schema in [
            json!(null),
            json!(true),
            json!({}),
            json!({ "type": 3 }),
            json!({ "properties": [] }),
        ] {
            let given = json!({ "a": "3", "b": null });
            assert_eq!(coerce(&schema, given.clone()), given, "{schema}");
        }
    }

    fn valid() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            Just("3".to_owned()),
            Just("true".to_owned()),
            Just("null".to_owned())
        ];
        let texts = proptest::collection::vec(text.clone(), 0..3);
        let optional = (
            proptest::option::of(proptest::option::of(any::<i64>())),
            proptest::option::of(any::<i32>().prop_map(f64::from)),
            proptest::option::of(any::<bool>()),
            proptest::option::of(prop_oneof![Just("start"), Just("set_state")]),
            proptest::option::of(proptest::option::of(Just("on"))),
            proptest::option::of(texts),
            proptest::option::of((text.clone(), any::<i64>())),
        );
        (text, optional).prop_map(|(name, (lines, ratio, follow, action, mode, names, place))| {
            let mut fields = json!({ "name": name });
            let mut put = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    fields[name] = value;
                }
            };
            put("lines", lines.map(Value::from));
            put("ratio", ratio.map(Value::from));
            put("follow", follow.map(Value::from));
            put("action", action.map(Value::from));
            put("mode", mode.map(Value::from));
            put("names", names.map(Value::from));
            put(
                "place",
                place.map(|(room, floor)| json!({ "room": room, "floor": floor })),
            );
            fields
        })
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
            Just(json!("[1")),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let name = prop_oneof![
                Just("names".to_owned()),
                Just("place".to_owned()),
                Just("Lines".to_owned()),
                "[a-z]{0,3}"
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_valid_input_is_never_changed(given in valid()) {
            prop_assert_eq!(coerce(&schema(), given.clone()), given);
        }

        #[test]
        fn once_is_enough(given in any_value()) {
            let once = coerce(&schema(), given);
            prop_assert_eq!(coerce(&schema(), once.clone()), once);
        }
    }
}
