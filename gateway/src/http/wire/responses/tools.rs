//! Tools and the choice among them.

use serde_json::{Map, Value, json};

use super::part::invalid;
use crate::chat::{ToolChoice, ToolSpec};
use crate::http::error::Error;

/// Only functions can be offered: what the caller runs. What OpenAI runs itself, nobody runs here.
pub(super) fn tools(list: &[Value]) -> Result<Vec<ToolSpec>, Error> {
    list.iter()
        .enumerate()
        .map(|(index, tool)| {
            let at = format!("tools[{index}]");
            let kind = tool["type"].as_str().unwrap_or_default();
            if kind != "function" {
                let kind: String = kind.chars().take(100).collect();
                let message = format!("tools of type `{kind}` are not supported here; only `function` is");
                return Err(Error::invalid(Some(&format!("{at}.type")), "unsupported_tool", message));
            }
            if tool["defer_loading"] == true {
                let message = "all tools are offered at once here, so `defer_loading` must be false";
                return Err(Error::invalid(
                    Some(&format!("{at}.defer_loading")),
                    "unsupported_parameter",
                    message,
                ));
            }
            let name = tool["name"].as_str().filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| invalid(&format!("{at}.name"), format!("`{at}.name` is missing")))?;
            Ok(ToolSpec {
                name: name.to_owned(),
                description: tool["description"].as_str().unwrap_or_default().to_owned(),
                parameters: match &tool["parameters"] {
                    Value::Null => json!({"type": "object", "properties": {}}),
                    parameters => parameters.clone(),
                },
                strict: tool["strict"].as_bool(),
            })
        })
        .collect()
}

/// The choice, and the tools that it leaves.
pub(super) fn choice(value: &Value, mut tools: Vec<ToolSpec>) -> Result<(ToolChoice, Vec<ToolSpec>), Error> {
    let choice = match value {
        Value::Null => ToolChoice::Auto,
        Value::String(word) => mode(word)?,
        object => match object["type"].as_str() {
            Some("function") => ToolChoice::Named(name(object)?.to_owned()),
            Some("allowed_tools") => {
                let allowed = object["tools"].as_array().into_iter().flatten();
                let allowed: Vec<&str> = allowed.map(name).collect::<Result<_, Error>>()?;
                if let Some(unknown) = allowed.iter().find(|name| !has(&tools, name)) {
                    return Err(not_among(unknown));
                }
                tools.retain(|tool| allowed.contains(&tool.name.as_str()));
                mode(object["mode"].as_str().unwrap_or("auto"))?
            }
            kind => {
                let kind: String = kind.unwrap_or_default().chars().take(100).collect();
                let message = format!("a `tool_choice` of type `{kind}` is not supported here");
                return Err(Error::invalid(Some("tool_choice"), "unsupported_tool", message));
            }
        },
    };
    match &choice {
        ToolChoice::Named(name) if !has(&tools, name) => Err(not_among(name)),
        ToolChoice::Required if tools.is_empty() => Err(invalid(
            "tool_choice",
            "`tool_choice` is required, but there are no tools",
        )),
        ToolChoice::Named(_) | ToolChoice::Required | ToolChoice::Auto | ToolChoice::None => Ok((choice, tools)),
    }
}

fn mode(word: &str) -> Result<ToolChoice, Error> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(invalid(
            "tool_choice",
            "`tool_choice` is auto, none, required, or an object",
        )),
    }
}

fn name(object: &Value) -> Result<&str, Error> {
    let name = object["name"].as_str();
    name.ok_or_else(|| invalid("tool_choice", "`tool_choice` needs the `name` of a function"))
}

fn has(tools: &[ToolSpec], name: &str) -> bool {
    tools.iter().any(|tool| tool.name == name)
}

fn not_among(name: &str) -> Error {
    let name: String = name.chars().take(100).collect();
    invalid(
        "tool_choice",
        format!("`tool_choice` names `{name}`, which is not among the tools"),
    )
}

/// The tools as the answer repeats them: with the keys that clients rely on.
pub(super) fn repeated(list: &[Value]) -> Vec<Value> {
    let tool = |tool: &Value| {
        let mut fields: Map<String, Value> = tool.as_object().cloned().unwrap_or_default();
        for name in ["parameters", "strict"] {
            fields.entry(name).or_insert(Value::Null);
        }
        Value::Object(fields)
    };
    list.iter().map(tool).collect()
}
