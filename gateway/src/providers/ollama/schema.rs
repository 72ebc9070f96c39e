use serde_json::{Map, Value, json};

/// How deep references are followed; a schema that refers to itself ends here.
const DEPTH: usize = 8;

/// A JSON Schema in the words that Ollama keeps: `type`, `description`, `enum`, `items`, `properties`, `required` and
/// `anyOf`. It drops all others without a word, and refuses the request when a property is `true`, so their meaning is
/// moved: references are filled in, `oneOf` and `allOf` of one become `anyOf`, constants become `enum`.
pub(super) fn simplified(schema: &Value) -> Value {
    let mut simple = simplify(schema, schema, 0);
    simple.entry("type").or_insert_with(|| "object".into());
    simple.entry("properties").or_insert_with(|| json!({}));
    Value::Object(simple)
}

fn simplify(schema: &Value, root: &Value, depth: usize) -> Map<String, Value> {
    let Value::Object(fields) = schema else {
        // `true`: anything goes.
        return Map::new();
    };
    let mut simple = Map::new();
    if let Some(target) = fields.get("$ref").and_then(Value::as_str)
        && depth < DEPTH
        && let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        simple = simplify(target, root, depth + 1);
    }
    let inner = |value: &Value| Value::Object(simplify(value, root, depth + 1));
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let properties = properties.iter().map(|(name, value)| (name.clone(), inner(value)));
                simple.insert(name.clone(), properties.collect());
            }
            ("items", value) => {
                simple.insert(name.clone(), inner(value));
            }
            ("anyOf" | "oneOf", Value::Array(choices)) => one_of(choices.iter().map(inner).collect(), &mut simple),
            ("allOf", Value::Array(all)) => {
                for part in all {
                    simple.extend(simplify(part, root, depth + 1));
                }
            }
            ("const", value) => {
                simple.insert("enum".into(), json!([value]));
            }
            ("type" | "description" | "enum" | "required", value) => {
                simple.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
    simple
}

/// Choices that are all constants become one `enum`, with what each means in the description.
fn one_of(choices: Vec<Value>, simple: &mut Map<String, Value>) {
    let constants = choices.iter().map(|choice| choice["enum"].as_array());
    let Some(constants) = constants.collect::<Option<Vec<_>>>() else {
        simple.insert("anyOf".into(), choices.into());
        return;
    };
    let all: Vec<Value> = constants.into_iter().flatten().cloned().collect();
    let meanings = choices.iter().filter_map(|choice| {
        let meaning = choice["description"].as_str()?;
        let constant = choice["enum"].get(0)?;
        Some(format!(
            "{}: {meaning}",
            constant.as_str().map_or_else(|| constant.to_string(), str::to_owned)
        ))
    });
    let said = simple.get("description").and_then(Value::as_str).map(str::to_owned);
    let description: Vec<String> = said.into_iter().chain(meanings).collect();
    if !description.is_empty() {
        simple.insert("description".into(), description.join("\n").into());
    }
    if let Some(kind) = choices.first().and_then(|choice| choice.get("type")) {
        simple.insert("type".into(), kind.clone());
    }
    simple.insert("enum".into(), all.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! at the call reads better without a borrow"
    )]
    fn check(given: Value, expect: Value) {
        let object = |property: Value| json!({"type": "object", "properties": {"p": property}});
        assert_eq!(simplified(&object(given.clone())), object(expect), "given {given}");
    }

    #[test]
    fn keeps_what_ollama_would_drop() {
        check(
            json!({"type": "string", "pattern": "^a", "minLength": 1}),
            json!({"type": "string"}),
        );
        check(json!({"type": ["string", "null"]}), json!({"type": ["string", "null"]}));
        check(json!(true), json!({}));
        check(
            json!({"type": "array", "items": true}),
            json!({"type": "array", "items": {}}),
        );
        check(json!({"const": "a"}), json!({"enum": ["a"]}));
        check(
            json!({"description": "what", "oneOf": [
                {"const": "start", "type": "string", "description": "starts it"},
                {"enum": ["stop", "kill"], "type": "string"},
            ]}),
            json!({"description": "what\nstart: starts it", "type": "string", "enum": ["start", "stop", "kill"]}),
        );
        check(
            json!({"oneOf": [{"type": "string"}, {"type": "null"}]}),
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        );
        check(
            json!({"allOf": [{"type": "string", "description": "a"}], "description": "b"}),
            json!({"type": "string", "description": "b"}),
        );
    }

    #[test]
    fn fills_in_references_but_not_for_ever() {
        let given = json!({
            "type": "object",
            "properties": {"who": {"$ref": "#/$defs/Who", "description": "the one"}},
            "required": ["who"],
            "$defs": {"Who": {"type": "string", "enum": ["a", "b"], "description": "anyone"}},
        });
        let expect = json!({
            "type": "object",
            "properties": {"who": {"type": "string", "enum": ["a", "b"], "description": "the one"}},
            "required": ["who"],
        });
        assert_eq!(simplified(&given), expect);
        let endless = json!({"properties": {"next": {"$ref": "#"}}});
        assert!(simplified(&endless).to_string().len() < 1000);
        assert_eq!(simplified(&json!({})), json!({"type": "object", "properties": {}}));
    }
}
