//! Arguments of a call held against the schema of a tool that is `strict`, for servers that promise nothing.
//!
//! Checked are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, the bounds of numbers,
//! texts and lists, `anyOf`, `oneOf`, `allOf`, and references inside of the schema. What else a schema may demand is not
//! checked, and [`unchecked`] names it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::chat::ToolSpec;
use crate::provider::{Class, Error};

/// How deep schemas in schemas are followed, and how many are looked at for one call. Both are of the caller.
const DEPTH: usize = 64;
const STEPS: u32 = 5_000;

const UNCHECKED: [&str; 16] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "format",
    "if",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// The arguments as they may be handed on, or what is wrong with them. The text stays as it is, except that a field is
/// added which must be there, is not, and may be null: small models leave such fields out.
fn fitted(tool: &ToolSpec, arguments: &str) -> Result<String, String> {
    let mut value: Value = serde_json::from_str(arguments).map_err(|_| "they are not JSON".to_owned())?;
    let before = value.clone();
    let mut check = Check {
        root: &tool.parameters,
        steps: 0,
    };
    check.fit(&tool.parameters, &mut value, 0)?;
    if value == before {
        return Ok(arguments.to_owned());
    }
    Ok(value.to_string())
}

/// The same for a call of `tool`, as what a target did wrong.
pub(crate) fn call(tool: &ToolSpec, arguments: &str) -> Result<String, Error> {
    fitted(tool, arguments).map_err(|wrong| {
        let message = format!("called `{}` with arguments that do not fit: {wrong}", tool.name);
        Error::new(Class::NoCall, message)
    })
}

/// Keywords in the schemas of strict tools that nobody checks, as `tools.strict.pattern`.
pub(crate) fn unchecked(tools: &[ToolSpec]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for tool in tools.iter().filter(|tool| tool.strict == Some(true)) {
        gather(&tool.parameters, 0, &mut found);
    }
    found.into_iter().map(|name| format!("tools.strict.{name}")).collect()
}

fn gather(schema: &Value, depth: usize, found: &mut BTreeSet<&'static str>) {
    let Value::Object(fields) = schema else {
        return;
    };
    if depth > DEPTH {
        return;
    }
    found.extend(UNCHECKED.into_iter().filter(|name| fields.contains_key(*name)));
    for (name, value) in fields {
        match (name.as_str(), value) {
            // The keys are names of fields, of which one may be called `pattern`.
            ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                for inner in named.values() {
                    gather(inner, depth + 1, found);
                }
            }
            ("items" | "additionalProperties", inner) => gather(inner, depth + 1, found),
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => {
                for inner in all {
                    gather(inner, depth + 1, found);
                }
            }
            _ => {}
        }
    }
}

struct Check<'a> {
    root: &'a Value,
    steps: u32,
}

impl Check<'_> {
    fn fit(&mut self, schema: &Value, value: &mut Value, depth: usize) -> Result<(), String> {
        self.steps += 1;
        if depth > DEPTH || self.steps > STEPS {
            return Err("their schema is too deep to be checked".to_owned());
        }
        let fields = match schema {
            Value::Object(fields) => fields,
            Value::Bool(false) => return Err("there is a value where none may be".to_owned()),
            _ => return Ok(()),
        };
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            let target = target.ok_or("their schema refers to something outside of it")?;
            self.fit(target, value, depth + 1)?;
        }
        kind(fields, value)?;
        words(fields, value)?;
        bounds(fields, value)?;
        for (name, at_most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            if let Some(Value::Array(choices)) = fields.get(name) {
                self.one_of(choices, at_most, value, depth)?;
            }
        }
        if let Some(Value::Array(all)) = fields.get("allOf") {
            for part in all {
                self.fit(part, value, depth + 1)?;
            }
        }
        match value {
            Value::Object(object) => self.object(fields, object, depth),
            Value::Array(list) => {
                let inner = fields.get("items").unwrap_or(&Value::Null);
                list.iter_mut().try_for_each(|one| self.fit(inner, one, depth + 1))
            }
            _ => Ok(()),
        }
    }

    fn one_of(&mut self, choices: &[Value], at_most: usize, value: &mut Value, depth: usize) -> Result<(), String> {
        let mut fitting = Vec::new();
        for choice in choices {
            let mut tried = value.clone();
            if self.fit(choice, &mut tried, depth + 1).is_ok() {
                fitting.push(tried);
            }
        }
        if fitting.len() > at_most {
            return Err("more than one of several forms fits".to_owned());
        }
        let first = fitting.into_iter().next();
        *value = first.ok_or("none of several forms fits")?;
        Ok(())
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        object: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if object.contains_key(name) {
                continue;
            }
            let inner = properties.get(name);
            if inner.is_none_or(|inner| self.fit(inner, &mut Value::Null, depth + 1).is_err()) {
                return Err(format!("`{}` is missing", short(name)));
            }
            object.insert(name.to_owned(), Value::Null);
        }
        for (name, value) in object {
            let inner = properties.get(name).or_else(|| schema.get("additionalProperties"));
            if let (Some(Value::Bool(false)), None) = (inner, properties.get(name)) {
                return Err(format!("`{}` is not one of its fields", short(name)));
            }
            self.fit(inner.unwrap_or(&Value::Null), value, depth + 1)
                .map_err(|error| format!("`{}`: {error}", short(name)))?;
        }
        Ok(())
    }
}

fn kind(schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let wanted: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let is = |kind: &str| match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
        Value::Number(number) => {
            let is_whole = !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0);
            kind == "number" || (kind == "integer" && is_whole)
        }
    };
    if wanted.iter().any(|kind| is(kind)) {
        return Ok(());
    }
    Err(format!("it must be {}", short(&wanted.join(" or "))))
}

fn words(schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let is_constant = schema.get("const").is_none_or(|constant| constant == value);
    let is_among = match schema.get("enum") {
        Some(Value::Array(all)) => all.contains(value),
        _ => true,
    };
    if is_constant && is_among {
        return Ok(());
    }
    Err("it is none of the values that it may have".to_owned())
}

fn bounds(schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let check = |name: &str, holds: &dyn Fn(f64) -> bool| match schema.get(name).and_then(Value::as_f64) {
        Some(bound) if !holds(bound) => Err(format!("`{name}` is {bound}")),
        _ => Ok(()),
    };
    let length = |length: usize, least: &str, most: &str| {
        // A length in memory is far below what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "lengths of texts and lists are small")]
        let length = length as f64;
        check(least, &|bound| length >= bound)?;
        check(most, &|bound| length <= bound)
    };
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            check("minimum", &|bound| number >= bound)?;
            check("maximum", &|bound| number <= bound)?;
            check("exclusiveMinimum", &|bound| number > bound)?;
            check("exclusiveMaximum", &|bound| number < bound)
        }
        Value::String(text) => length(text.chars().count(), "minLength", "maxLength"),
        Value::Array(list) => length(list.len(), "minItems", "maxItems"),
        Value::Null | Value::Bool(_) | Value::Object(_) => Ok(()),
    }
}

/// Names come from the model.
fn short(name: &str) -> String {
    name.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(parameters: Value) -> ToolSpec {
        ToolSpec {
            name: "f".into(),
            description: String::new(),
            parameters,
            strict: Some(true),
        }
    }

    fn object(property: &Value) -> ToolSpec {
        tool(
            json!({"type": "object", "properties": {"p": property}, "required": ["p"],
                    "additionalProperties": false}),
        )
    }

    #[test]
    fn what_fits_stays_as_it_is_and_what_does_not_is_told() {
        let check = |property: Value, arguments: &str, expect: Result<&str, &str>| {
            let found = fitted(&object(&property), arguments);
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expect, "{property} {arguments}");
        };
        let same = |property: Value, arguments: &str| check(property, arguments, Ok(arguments));
        same(json!({"type": "string"}), "{ \"p\" : \"é\"}");
        same(json!({"type": "integer"}), "{\"p\":3.0}");
        same(json!({"type": ["string", "null"]}), "{\"p\":null}");
        same(json!({"enum": ["a", 1]}), "{\"p\":1}");
        same(
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]}),
            "{\"p\":[1]}",
        );
        same(
            json!({"type": "string", "minLength": 1, "maxLength": 1}),
            "{\"p\":\"é\"}",
        );
        check(json!({"type": "string"}), "{", Err("they are not JSON"));
        check(json!({"type": "string"}), "[]", Err("it must be object"));
        check(json!({"type": "string"}), "{}", Err("`p` is missing"));
        check(json!({"type": "string"}), "{\"p\":1}", Err("`p`: it must be string"));
        check(
            json!({"type": "integer"}),
            "{\"p\":1.5}",
            Err("`p`: it must be integer"),
        );
        check(json!({}), "{\"p\":1,\"q\":1}", Err("`q` is not one of its fields"));
        check(
            json!({"const": 1}),
            "{\"p\":2}",
            Err("`p`: it is none of the values that it may have"),
        );
        check(json!({"maximum": 2}), "{\"p\":3}", Err("`p`: `maximum` is 2"));
        check(json!({"minItems": 1}), "{\"p\":[]}", Err("`p`: `minItems` is 1"));
        check(
            json!({"oneOf": [{}, {}]}),
            "{\"p\":1}",
            Err("`p`: more than one of several forms fits"),
        );
        check(
            json!({"$ref": "http://x"}),
            "{\"p\":1}",
            Err("`p`: their schema refers to something outside of it"),
        );
    }

    #[test]
    fn what_may_be_null_may_be_left_out() {
        let nullable = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        assert_eq!(fitted(&object(&nullable), "{}").unwrap(), "{\"p\":null}");
        let inner = json!({"type": "array", "items": object(&nullable).parameters});
        assert_eq!(
            fitted(&object(&inner), "{\"p\":[{}]}").unwrap(),
            "{\"p\":[{\"p\":null}]}"
        );
    }

    #[test]
    fn a_schema_of_a_hostile_caller_comes_to_an_end() {
        let check = |parameters: Value| {
            let found = fitted(&tool(parameters), "{\"p\":{}}").unwrap_err();
            assert!(!found.is_empty());
        };
        check(json!({"$ref": "#"}));
        check(json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}));
        assert!(fitted(&tool(json!({"properties": {"p": {"$ref": "#"}}})), "{\"p\":{\"p\":{}}}").is_ok());
    }

    #[test]
    fn what_is_not_checked_is_named() {
        let asked = json!({"type": "object", "properties": {
            "pattern": {"type": "string", "pattern": "^a", "format": "date"},
            "list": {"type": "array", "items": {"multipleOf": 2}},
        }});
        let lax = ToolSpec {
            strict: None,
            ..tool(asked.clone())
        };
        let names = ["tools.strict.format", "tools.strict.multipleOf", "tools.strict.pattern"];
        assert_eq!(unchecked(&[lax.clone(), tool(asked)]), names);
        assert_eq!(unchecked(&[lax]), Vec::<String>::new());
    }
}
