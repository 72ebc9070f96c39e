//! Tools and the choice among them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::BadRequest;
use crate::chat::{ToolChoice, ToolSpec};

/// One entry of `tools`. Only functions are understood; another type stays in the original body.
#[derive(Deserialize)]
#[serde(expecting = "a tool object")]
pub(in crate::http) struct Tool {
    r#type: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
    strict: Option<bool>,
}

impl Tool {
    /// A function must say which one it is.
    pub(in crate::http) fn is_whole(&self) -> bool {
        self.function.is_some() || self.r#type.as_deref().is_some_and(|kind| kind != "function")
    }

    pub(in crate::http) fn into_spec(self) -> Option<ToolSpec> {
        let function = self.function?;
        Some(ToolSpec {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function
                .parameters
                .unwrap_or_else(|| json!({"type": "object", "properties": {}})),
            strict: function.strict,
        })
    }
}

pub(super) fn choice(value: Option<&Value>) -> Result<ToolChoice, BadRequest> {
    match value {
        None | Some(Value::Null) => Ok(ToolChoice::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(BadRequest::new(
                "tool_choice",
                "`tool_choice` is auto, none, required, or an object",
            )),
        },
        Some(object) => match (object["type"].as_str(), object["function"]["name"].as_str()) {
            (_, Some(name)) => Ok(ToolChoice::Named(name.to_owned())),
            (Some("function") | None, None) => Err(BadRequest::new(
                "tool_choice.function.name",
                "`tool_choice.function.name` is missing",
            )),
            // Another type of choice is only understood by a server of the same protocol, which gets the original.
            (Some(_), None) => Ok(ToolChoice::Auto),
        },
    }
}
