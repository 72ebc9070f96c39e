use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::settings::{MaxTokensField, Settings};
use crate::chat::{Message, Options, Part, Request, ResponseFormat, ToolChoice, ToolSpec};
use crate::provider::{Class, Error};

/// The body of `POST /chat/completions` for a request that did not come over this protocol.
/// `only` is the one tool that is told, which has to be called.
pub(super) fn body(
    request: &Request,
    model: &str,
    (settings, only): (&Settings, Option<&str>),
) -> Result<Bytes, Error> {
    let only = only.filter(|only| request.tools.iter().any(|tool| tool.name == *only));
    let is_told = |tool: &&ToolSpec| only.is_none_or(|only| tool.name == only);
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), request.messages.iter().map(message).collect());
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({"include_usage": true}));
    if !request.tools.is_empty() {
        let tools = request.tools.iter().filter(is_told).map(|tool| {
            let mut function = json!({
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            });
            add_strict(&mut function, tool.strict);
            json!({"type": "function", "function": function})
        });
        body.insert("tools".into(), tools.collect());
        let choice = only.map_or_else(|| tool_choice(&request.tool_choice), |_| Some("required".into()));
        if let Some(choice) = choice {
            body.insert("tool_choice".into(), choice);
        }
        // A tool that is named is called once.
        let parallel = only.map_or(request.options.parallel_tool_calls, |_| Some(false));
        if let Some(parallel) = parallel {
            body.insert("parallel_tool_calls".into(), parallel.into());
        }
    }
    let field = settings.max_tokens_field.unwrap_or(MaxTokensField::MaxCompletionTokens);
    add_options(&mut body, &request.options, field).map_err(|error| {
        Error::new(
            Class::ClientFault,
            format!("the request cannot be written as JSON: {error}"),
        )
    })?;
    Ok(Value::Object(body).to_string().into())
}

fn add_options(body: &mut Map<String, Value>, options: &Options, limit: MaxTokensField) -> serde_json::Result<()> {
    let format = options.response_format.as_ref().map(|format| match format {
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let mut described = json!({"name": name, "schema": schema});
            add_strict(&mut described, *strict);
            json!({"type": "json_schema", "json_schema": described})
        }
    });
    let fields = [
        (limit.as_str(), options.max_tokens.map(Value::from)),
        ("temperature", options.temperature.map(Value::from)),
        ("top_p", options.top_p.map(Value::from)),
        ("presence_penalty", options.presence_penalty.map(Value::from)),
        ("frequency_penalty", options.frequency_penalty.map(Value::from)),
        ("seed", options.seed.map(Value::from)),
        ("stop", (!options.stop.is_empty()).then(|| options.stop.clone().into())),
        ("response_format", format),
        (
            "reasoning_effort",
            options.reasoning_effort.map(serde_json::to_value).transpose()?,
        ),
        ("logprobs", options.logprobs.map(|_| true.into())),
        (
            "top_logprobs",
            options.logprobs.filter(|&others| others > 0).map(Value::from),
        ),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    body.extend(given);
    Ok(())
}

fn add_strict(described: &mut Value, strict: Option<bool>) {
    if let (Some(fields), Some(strict)) = (described.as_object_mut(), strict) {
        fields.insert("strict".into(), strict.into());
    }
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Named(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

/// Thinking text of earlier steps is not sent: there is no field for it in this protocol.
fn message(message: &Message) -> Value {
    let mut fields = Map::new();
    fields.insert("role".into(), json!(message.role));
    fields.insert("content".into(), content(message));
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call.id, "type": "function", "function": function})
        });
        fields.insert("tool_calls".into(), calls.collect());
    }
    if let Some(id) = &message.tool_call_id {
        fields.insert("tool_call_id".into(), id.as_str().into());
    }
    Value::Object(fields)
}

/// Plain text stays a string, because not every server takes lists.
fn content(message: &Message) -> Value {
    match message.content.as_slice() {
        [] if !message.tool_calls.is_empty() => Value::Null,
        [] => "".into(),
        [Part::Text(text)] if text.is_empty() && !message.tool_calls.is_empty() => Value::Null,
        parts if parts.iter().all(|part| part.as_text().is_some()) => message.joined_text().into(),
        parts => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => json!({"type": "text", "text": text}),
                Part::Image { url, detail: None } => json!({"type": "image_url", "image_url": {"url": url}}),
                Part::Image {
                    url,
                    detail: Some(detail),
                } => json!({"type": "image_url", "image_url": {"url": url, "detail": detail}}),
                Part::Other(part) => part.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use async_openai::types::chat::CreateChatCompletionRequest;

    use super::*;
    use crate::chat::{ReasoningEffort, Role, ToolCall, ToolSpec};

    /// Compares the body, and has the strict reader of a client library read it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "json! at the call reads better without a borrow"
    )]
    fn check(given: &Request, settings: &Settings, expect: Value) {
        let body = body(given, "m", (settings, None)).unwrap();
        let mut written: Value = serde_json::from_slice(&body).unwrap();
        serde_json::from_slice::<CreateChatCompletionRequest>(&body).unwrap();
        let fields = written.as_object_mut().unwrap();
        let constant: Vec<_> = ["model", "stream", "stream_options"]
            .map(|name| fields.shift_remove(name))
            .into();
        assert_eq!(
            constant,
            [
                Some(json!("m")),
                Some(json!(true)),
                Some(json!({"include_usage": true}))
            ]
        );
        assert_eq!(written, expect, "given {given:?}");
    }

    #[test]
    fn the_one_tool_is_all_that_is_told() {
        let tool = |name: &str| ToolSpec {
            name: name.into(),
            description: String::new(),
            parameters: json!({}),
            strict: None,
        };
        let request = Request {
            tools: vec![tool("a"), tool("b")],
            tool_choice: ToolChoice::Named("b".into()),
            ..Request::default()
        };
        let told = |only: Option<&str>| {
            let body = body(&request, "m", (&Settings::default(), only)).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let names = body["tools"].as_array().unwrap().iter();
            let names: Vec<String> = names.map(|tool| tool["function"]["name"].to_string()).collect();
            (names.join(" "), body["tool_choice"].clone())
        };
        let named = json!({"type": "function", "function": {"name": "b"}});
        assert_eq!(told(Some("b")), (r#""b""#.to_owned(), json!("required")));
        assert_eq!(told(None), (r#""a" "b""#.to_owned(), named.clone()));
        assert_eq!(told(Some("c")), (r#""a" "b""#.to_owned(), named));
    }

    #[test]
    fn a_conversation_with_everything_in_it() {
        let picture = Message {
            content: vec![
                Part::Text("what is this?".into()),
                Part::Image {
                    url: "https://example.org/a.png".into(),
                    detail: None,
                },
                Part::Image {
                    url: "https://example.org/b.png".into(),
                    detail: Some("high".into()),
                },
            ],
            ..Message::text(Role::User, "")
        };
        let call = Message {
            reasoning: Some("hm".into()),
            tool_calls: vec![ToolCall {
                id: "a".into(),
                name: "f".into(),
                arguments: r#"{"x": 1}"#.into(),
            }],
            ..Message::text(Role::Assistant, "")
        };
        let answer = Message {
            tool_call_id: Some("a".into()),
            ..Message::text(Role::Tool, "done")
        };
        let given = Request {
            messages: vec![Message::text(Role::System, "be brief"), picture, call, answer],
            tools: vec![ToolSpec {
                name: "f".into(),
                description: "does it".into(),
                parameters: json!({"type": "object", "properties": {}}),
                strict: Some(true),
            }],
            tool_choice: ToolChoice::Named("f".into()),
            options: Options {
                parallel_tool_calls: Some(false),
                ..Options::default()
            },
            ..Request::default()
        };
        let expect = json!({
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/b.png", "detail": "high"}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                ]},
                {"role": "tool", "content": "done", "tool_call_id": "a"},
            ],
            "tools": [{"type": "function", "function": {
                "name": "f", "description": "does it", "parameters": {"type": "object", "properties": {}},
                "strict": true,
            }}],
            "parallel_tool_calls": false,
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        });
        check(&given, &Settings::default(), expect);
    }

    #[test]
    fn options_are_passed_on_and_none_are_invented() {
        let request = |options| Request {
            options,
            messages: vec![Message::text(Role::User, "hi")],
            ..Request::default()
        };
        let said = json!([{"role": "user", "content": "hi"}]);
        check(
            &request(Options::default()),
            &Settings::default(),
            json!({"messages": said}),
        );
        let limit = Options {
            max_tokens: Some(7),
            ..Options::default()
        };
        let old = Settings {
            max_tokens_field: Some(MaxTokensField::MaxTokens),
            ..Settings::default()
        };
        check(&request(limit), &old, json!({"messages": said, "max_tokens": 7}));
        let all = Options {
            answers: None,
            max_tokens: Some(7),
            temperature: Some(0.5),
            top_p: Some(0.25),
            presence_penalty: Some(0.5),
            frequency_penalty: Some(0.25),
            seed: Some(-3),
            stop: vec!["END".into()],
            response_format: Some(ResponseFormat::JsonSchema {
                name: "answer".into(),
                schema: json!({"type": "object"}),
                strict: Some(true),
            }),
            reasoning_effort: Some(ReasoningEffort::Low),
            // Without tools servers refuse to be told.
            parallel_tool_calls: Some(true),
            logprobs: Some(2),
        };
        let expect = json!({
            "messages": said, "max_completion_tokens": 7, "temperature": 0.5, "top_p": 0.25, "presence_penalty": 0.5,
            "frequency_penalty": 0.25, "seed": -3, "stop": ["END"], "reasoning_effort": "low",
            "response_format": {"type": "json_schema", "json_schema": {
                "name": "answer", "schema": {"type": "object"}, "strict": true,
            }},
            "logprobs": true, "top_logprobs": 2,
        });
        check(&request(all), &Settings::default(), expect);
    }
}
