use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::play::{Asked, Tool};
use crate::route::object;

/// What Ollama knows; it ignores the rest, the stand-in does not, because such a field was meant to do something. But for
/// names that begin with `x_`.
const FIELDS: [&str; 12] = [
    "model",
    "messages",
    "stream",
    "format",
    "keep_alive",
    "tools",
    "options",
    "think",
    "truncate",
    "shift",
    "logprobs",
    "top_logprobs",
];
const INTEGERS: [&str; 7] = [
    "num_ctx",
    "num_predict",
    "num_batch",
    "num_gpu",
    "num_thread",
    "seed",
    "top_k",
];
const NUMBERS: [&str; 6] = [
    "temperature",
    "top_p",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repeat_penalty",
];

/// Reads a request as strictly as Ollama does; the error is the message of a 400.
pub(super) fn asked(body: &Bytes) -> Result<Asked, String> {
    let fields = object(body)?;
    if let Some(unknown) = fields
        .keys()
        .find(|name| !FIELDS.contains(&name.as_str()) && !is_unknown(name))
    {
        return Err(format!("unknown field {unknown}"));
    }
    let model = fields
        .get("model")
        .and_then(Value::as_str)
        .filter(|model| !model.is_empty());
    let mut asked = Asked {
        model: model.ok_or("model is required")?.to_owned(),
        stream: fields.get("stream") != Some(&Value::Bool(false)),
        thinks: thinks(&fields)?,
        prompt_tokens: body.len() / 4 + 1,
        unknown: fields
            .clone()
            .into_iter()
            .filter(|(name, _)| is_unknown(name))
            .collect(),
        ..Asked::default()
    };
    check_options(fields.get("options").unwrap_or(&Value::Null))?;
    check_format(fields.get("format").unwrap_or(&Value::Null))?;
    for tool in list(&fields, "tools")? {
        asked.tools.push(read_tool(tool)?);
    }
    let messages = list(&fields, "messages")?;
    let begun = messages.last().filter(|last| last["role"] == "assistant");
    asked.ends_with_assistant = begun.is_some();
    asked.begun = begun
        .and_then(|begun| begun["content"].as_str())
        .unwrap_or_default()
        .into();
    for message in messages {
        read_message(message, &mut asked)?;
    }
    Ok(asked)
}

fn is_unknown(name: &str) -> bool {
    name.starts_with("x_")
}

/// Reads a prompt, which is a conversation of one message. Raw ones and those with a suffix are too.
pub(super) fn prompted(body: &Bytes) -> Result<Asked, String> {
    let mut fields = object(body)?;
    let mut message = json!({"role": "user", "content": fields.remove("prompt").unwrap_or_default()});
    if let Some(images) = fields.remove("images") {
        message["images"] = images;
    }
    for name in ["system", "suffix", "raw", "template", "context"] {
        fields.remove(name);
    }
    fields.insert("messages".into(), json!([message]));
    asked(&Value::Object(fields).to_string().into())
}

fn thinks(fields: &Map<String, Value>) -> Result<bool, String> {
    match fields.get("think") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(Value::String(level)) if matches!(level.as_str(), "low" | "medium" | "high" | "max") => Ok(true),
        Some(other) => Err(format!("invalid think value: {other}")),
    }
}

fn check_options(options: &Value) -> Result<(), String> {
    let Value::Object(options) = options else {
        return if options.is_null() {
            Ok(())
        } else {
            Err(mismatch("options", options, "map[string]interface {}"))
        };
    };
    for (name, value) in options {
        let name = name.as_str();
        if INTEGERS.contains(&name) && !value.is_i64() {
            return Err(format!("option \"{name}\" must be of type integer"));
        }
        if NUMBERS.contains(&name) && !value.is_number() {
            return Err(format!("option \"{name}\" must be of type float32"));
        }
        let strings = |list: &Vec<Value>| list.iter().all(Value::is_string);
        if name == "stop" && !value.as_array().is_some_and(strings) {
            return Err("option \"stop\" must be of an array of strings".into());
        }
    }
    Ok(())
}

fn check_format(format: &Value) -> Result<(), String> {
    match format {
        Value::Null | Value::Object(_) => Ok(()),
        Value::String(word) if word == "json" || word.is_empty() => Ok(()),
        other => Err(format!(
            "invalid format: {other}; expected \"json\" or a valid JSON Schema object"
        )),
    }
}

fn read_tool(tool: &Value) -> Result<Tool, String> {
    let function = &tool["function"];
    let parameters = &function["parameters"];
    if !parameters["type"].is_string() {
        return Err(mismatch(
            "tools.function.parameters.type",
            &parameters["type"],
            "string",
        ));
    }
    let properties = parameters["properties"].as_object();
    let properties = properties.ok_or_else(|| {
        mismatch(
            "tools.function.parameters.properties",
            &parameters["properties"],
            "map[string]api.ToolProperty",
        )
    })?;
    if let Some(property) = properties.values().find(|property| !property.is_object()) {
        return Err(mismatch(
            "tools.function.parameters.properties",
            property,
            "api.ToolProperty",
        ));
    }
    Ok(Tool {
        name: function["name"].as_str().ok_or("a tool needs a name")?.to_owned(),
        parameters: parameters.clone(),
    })
}

fn read_message(message: &Value, asked: &mut Asked) -> Result<(), String> {
    let content = message["content"].as_str();
    let content = content.ok_or_else(|| mismatch("messages.content", &message["content"], "string"))?;
    for image in message["images"].as_array().into_iter().flatten() {
        let data = image.as_str().unwrap_or_default();
        if data.is_empty() || STANDARD.decode(data).is_err() {
            return Err("illegal base64 data at input byte 4".into());
        }
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let arguments = &call["function"]["arguments"];
        if !arguments.is_object() {
            return Err(mismatch(
                "messages.tool_calls.function.arguments",
                arguments,
                "api.ToolCallFunctionArguments",
            ));
        }
        if !call["function"]["name"].is_string() {
            return Err("a tool call needs a name".into());
        }
    }
    match message["role"].as_str().unwrap_or_default().to_lowercase().as_str() {
        "system" | "assistant" => {}
        "user" => {
            content.clone_into(&mut asked.last_user_text);
            asked.results.clear();
        }
        "tool" => asked.results.push(content.to_owned()),
        role => {
            return Err(format!(
                "invalid role: {role}, role must be one of [system user assistant tool]"
            ));
        }
    }
    Ok(())
}

fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(mismatch(name, other, "[]")),
    }
}

/// The message of Go's JSON reader.
fn mismatch(field: &str, value: &Value, expected: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {kind} into Go struct field ChatRequest.{field} of type {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! at the call reads better without a borrow"
    )]
    fn refuses(given: Value, says: &str) {
        let error = asked(&Bytes::from(given.to_string())).unwrap_err();
        assert!(error.contains(says), "given {given}: {error}");
    }

    #[test]
    fn refuses_what_ollama_refuses() {
        let with = |message: Value| json!({"model": "m", "messages": [message]});
        refuses(json!([]), "not a JSON object");
        refuses(json!({"messages": []}), "model is required");
        refuses(
            json!({"model": "m", "tool_choice": "auto"}),
            "unknown field tool_choice",
        );
        refuses(json!({"model": "m", "think": "hard"}), "invalid think value");
        refuses(json!({"model": "m", "format": "yaml"}), "invalid format");
        refuses(
            json!({"model": "m", "options": {"num_ctx": "8k"}}),
            "\"num_ctx\" must be of type integer",
        );
        refuses(json!({"model": "m", "options": {"stop": "x"}}), "array of strings");
        refuses(
            with(json!({"role": "developer", "content": "x"})),
            "invalid role: developer",
        );
        refuses(with(json!({"role": "user", "content": null})), "cannot unmarshal null");
        refuses(
            with(json!({"role": "user", "content": [{"type": "text"}]})),
            "cannot unmarshal array",
        );
        refuses(
            with(json!({"role": "user", "content": "", "images": ["data:image/png;base64,AA=="]})),
            "base64",
        );
        let call = |arguments: Value| json!([{"function": {"name": "f", "arguments": arguments}}]);
        refuses(
            with(json!({"role": "assistant", "content": "", "tool_calls": call(json!("{}"))})),
            "cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments",
        );
        let tool =
            |parameters: Value| json!({"model": "m", "tools": [{"function": {"name": "f", "parameters": parameters}}]});
        refuses(
            tool(json!({"type": ["object"], "properties": {}})),
            "parameters.type of type string",
        );
        refuses(
            tool(json!({"type": "object", "properties": {"x": true}})),
            "cannot unmarshal bool",
        );
    }
}
