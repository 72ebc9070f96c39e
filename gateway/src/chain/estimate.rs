//! How many tokens a request is, roughly, before anybody has counted them.

use serde_json::Value;

use crate::chat::{Message, Part, Request, ToolSpec};

/// Characters per token of prose and code, and of JSON.
const PER_TOKEN: f64 = 3.6;
const PER_TOKEN_OF_JSON: f64 = 3.2;
/// What a chat template adds to every message, in tokens.
const PER_MESSAGE: f64 = 8.0;
/// An image after the scaling that model servers do.
const PER_IMAGE: f64 = 768.0;

pub(super) fn prompt_tokens(request: &Request) -> u32 {
    let messages: f64 = request.messages.iter().map(of_message).sum();
    let tools: f64 = request.tools.iter().map(of_tool).sum();
    whole(messages + tools)
}

/// Of a text that a model wrote.
pub(super) fn text_tokens(characters: usize) -> u64 {
    u64::from(whole(count(characters) / PER_TOKEN))
}

fn of_message(message: &Message) -> f64 {
    let parts: f64 = message.content.iter().map(of_part).sum();
    let reasoning = message.reasoning.as_deref().map_or(0, str::len);
    let calls = message.tool_calls.iter();
    let calls: usize = calls.map(|call| call.name.len() + call.arguments.len()).sum();
    PER_MESSAGE + parts + count(reasoning) / PER_TOKEN + count(calls) / PER_TOKEN_OF_JSON
}

fn of_part(part: &Part) -> f64 {
    match part {
        Part::Text(text) => count(text.chars().count()) / PER_TOKEN,
        Part::Image { .. } | Part::Other(_) => PER_IMAGE,
    }
}

fn of_tool(tool: &ToolSpec) -> f64 {
    let length = tool.name.len() + tool.description.len() + length_of(&tool.parameters);
    count(length) / PER_TOKEN_OF_JSON
}

/// The length of `value` as JSON without white space; escapes are not counted.
fn length_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| length_of(item) + 1).sum::<usize>(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| name.len() + 4 + length_of(value));
            2 + fields.sum::<usize>()
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn count(length: usize) -> f64 {
    length as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of lengths is not negative, and the cast saturates"
)]
fn whole(tokens: f64) -> u32 {
    tokens.ceil() as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Role, ToolCall};

    #[test]
    fn everything_that_a_model_reads_is_counted() {
        let check = |message: Message, tools: Vec<ToolSpec>, expect: u32| {
            let request = Request {
                messages: vec![message],
                tools,
                ..Request::default()
            };
            assert_eq!(prompt_tokens(&request), expect, "given {request:?}");
        };
        let said = |text: &str| Message::text(Role::User, text);
        check(said(""), vec![], 8);
        check(said(&"é".repeat(360)), vec![], 108);
        let picture = Part::Image {
            url: "data:image/png;base64,AAAA".into(),
            detail: None,
        };
        check(
            Message {
                content: vec![picture],
                ..said("")
            },
            vec![],
            776,
        );
        let call = ToolCall {
            id: String::new(),
            name: "f".repeat(16),
            arguments: "x".repeat(16),
        };
        check(
            Message {
                tool_calls: vec![call],
                ..said("")
            },
            vec![],
            18,
        );
        let tool = ToolSpec {
            name: "f".repeat(10),
            description: "d".repeat(4),
            parameters: json!({"type": "object", "a": [1, true]}),
            strict: None,
        };
        // 14 and {"type":"object","a":[1,true]} as 36.
        check(said(""), vec![tool], 24);
    }
}
