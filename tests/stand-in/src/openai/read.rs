use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::play::{Asked, Tool};
use crate::route::object;

/// Reads a request as strictly as `OpenAI` does; the error is the message of a 400.
pub(super) fn asked(body: &Bytes) -> Result<Asked, String> {
    let fields = object(body)?;
    let model = fields
        .get("model")
        .and_then(Value::as_str)
        .filter(|model| !model.is_empty());
    let stream = flag(&fields, "stream")?;
    let options = fields.get("stream_options").filter(|options| !options.is_null());
    if options.is_some() && !stream {
        return Err("The 'stream_options' parameter is only allowed when 'stream' is enabled.".into());
    }
    let mut asked = Asked {
        model: model.ok_or("you must provide a model parameter")?.to_owned(),
        stream,
        include_usage: options.is_some_and(|options| options["include_usage"] == true),
        thinks: fields.get("reasoning_effort").is_some_and(|effort| effort != "none"),
        prompt_tokens: body.len() / 4 + 1,
        ..Asked::default()
    };
    for tool in list(&fields, "tools")? {
        asked.tools.push(read_tool(tool)?);
    }
    if asked.tools.is_empty() && fields.get("tool_choice").is_some_and(|choice| choice != "none") {
        return Err(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.".into(),
        );
    }
    if fields.get("tool_choice").is_some_and(|choice| choice == "none") {
        asked.tools.clear();
    }
    let messages = list(&fields, "messages")?;
    if messages.is_empty() {
        return Err("Missing required parameter: 'messages'.".into());
    }
    let begun = messages.last().filter(|last| last["role"] == "assistant");
    asked.ends_with_assistant = begun.is_some();
    asked.begun = begun
        .and_then(|begun| begun["content"].as_str())
        .unwrap_or_default()
        .into();
    let mut open = HashSet::new();
    for (at, message) in messages.iter().enumerate() {
        read_message(message, &mut open, &mut asked).map_err(|problem| format!("messages[{at}]: {problem}"))?;
    }
    if !open.is_empty() {
        return Err(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                    'tool_call_id'."
                .into(),
        );
    }
    Ok(asked)
}

fn read_tool(tool: &Value) -> Result<Tool, String> {
    let function = &tool["function"];
    let name = function["name"].as_str().filter(|name| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !name.is_empty() && name.len() <= 64 && name.chars().all(fits)
    });
    if tool["type"] != "function" || !(function["parameters"].is_object() || function["parameters"].is_null()) {
        return Err("Invalid type for 'tools'.".into());
    }
    Ok(Tool {
        name: name
            .ok_or("Invalid 'tools[].function.name': it must match ^[a-zA-Z0-9_-]{1,64}$.")?
            .to_owned(),
        parameters: function["parameters"].clone(),
    })
}

/// `open` holds the ids of the calls that were not answered yet.
fn read_message(message: &Value, open: &mut HashSet<String>, asked: &mut Asked) -> Result<(), String> {
    let role = message["role"].as_str().unwrap_or_default();
    let text = text_of(&message["content"])?;
    if role != "tool" && !open.is_empty() {
        return Err("tool messages must follow the 'tool_calls' that they answer".into());
    }
    match role {
        "system" | "developer" => {}
        "user" => {
            asked.last_user_text = text.ok_or("a user message needs content")?;
            asked.results.clear();
        }
        "assistant" => {
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let id = call["id"]
                    .as_str()
                    .filter(|id| !id.is_empty())
                    .ok_or("a tool call needs an id")?;
                if call["type"] != "function" || !call["function"]["name"].is_string() {
                    return Err("a tool call needs the type 'function' and a name".into());
                }
                if !call["function"]["arguments"].is_string() {
                    return Err("Invalid type for 'arguments': expected a string.".into());
                }
                if !open.insert(id.to_owned()) {
                    return Err(format!("Duplicate tool_call id {id}"));
                }
            }
            if text.is_none() && open.is_empty() {
                return Err("an assistant message needs content or tool calls".into());
            }
        }
        "tool" => {
            let id = message["tool_call_id"]
                .as_str()
                .ok_or("Missing required parameter: 'tool_call_id'.")?;
            if !open.remove(id) {
                return Err(
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.".into(),
                );
            }
            asked.results.push(text.ok_or("a tool message needs content")?);
        }
        _ => {
            return Err(format!(
                "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', and 'tool'."
            ));
        }
    }
    Ok(())
}

fn text_of(content: &Value) -> Result<Option<String>, String> {
    match content {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| match part["type"].as_str() {
                Some("text") => part["text"].as_str().ok_or("a text part needs a text"),
                Some("image_url") if part["image_url"]["url"].is_string() => Ok(""),
                Some("input_audio" | "file" | "refusal") => Ok(""),
                Some(_) | None => Err("Invalid value for the type of a content part."),
            });
            Ok(Some(texts.collect::<Result<Vec<_>, _>>()?.join("")))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err("Invalid type for 'content'.".into()),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("Invalid type for '{name}': expected a boolean.")),
    }
}

fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("Invalid type for '{name}': expected an array.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn refuses_what_openai_refuses() {
        let user = json!({"role": "user", "content": "x"});
        let with = |messages: Value| json!({"model": "m", "messages": messages});
        refuses(json!({"messages": [user]}), "you must provide a model");
        refuses(with(json!([])), "Missing required parameter: 'messages'");
        refuses(with(json!("hello")), "expected an array");
        refuses(
            with(json!([{"role": "robot", "content": "x"}])),
            "Invalid value: 'robot'",
        );
        refuses(with(json!([{"role": "user"}])), "needs content");
        refuses(
            with(json!([{"role": "tool", "tool_call_id": "a", "content": "x"}])),
            "preceding message",
        );
        let call = |arguments: Value| {
            let function = json!({"name": "f", "arguments": arguments});
            json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": function}]})
        };
        refuses(with(json!([user, call(json!({}))])), "expected a string");
        refuses(
            with(json!([user, call(json!("{}"))])),
            "must be followed by tool messages",
        );
        refuses(
            with(json!([user, call(json!("{}")), user])),
            "tool messages must follow",
        );
        refuses(
            json!({"model": "m", "messages": [user], "stream_options": {"include_usage": true}}),
            "only allowed when 'stream' is enabled",
        );
        refuses(
            json!({"model": "m", "messages": [user], "tool_choice": "auto"}),
            "'tools' are specified",
        );
        let tool = json!({"type": "function", "function": {"name": "no spaces"}});
        refuses(
            json!({"model": "m", "messages": [user], "tools": [tool]}),
            "tools[].function.name",
        );
    }
}
