use async_openai::types::chat::{
    CreateChatCompletionRequestArgs, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::chat::{
    Finish, FinishReason, Message, Options, Part, Reply, Request, ResponseFormat, Role, ToolCall, ToolCallDelta,
    ToolChoice, ToolSpec, Usage,
};

fn parsed(body: &Value) -> Asked {
    parse(Bytes::from(body.to_string())).unwrap()
}

fn a_request_with_everything() -> Value {
    json!({
        "model": "m", "stream": true, "stream_options": {"include_usage": true}, "n": 2, "unknown": {"kept": 1},
        "messages": [
            {"role": "developer", "content": "be short"},
            {"role": "user", "name": "x", "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                {"type": "file", "file": {"file_id": "f"}},
            ]},
            {"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "12"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, {"type": "custom"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0, "seed": -1, "stop": "x",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
        "reasoning_effort": "unheard-of",
    })
}

#[test]
fn a_request_is_read_whole() {
    let body = a_request_with_everything();
    let asked = parsed(&body);
    assert_eq!(
        (asked.model.as_str(), asked.stream, asked.include_usage, asked.answers),
        ("m", true, true, 2)
    );
    let Request {
        messages,
        tools,
        tool_choice,
        options,
        original,
        ..
    } = asked.request;
    let call = ToolCall {
        id: "c1".into(),
        name: "f".into(),
        arguments: "{}".into(),
    };
    let user = vec![
        Part::Text("what is this?".into()),
        Part::Image {
            url: "data:image/png;base64,AA==".into(),
            detail: Some("low".into()),
        },
        Part::Other(json!({"type": "file", "file": {"file_id": "f"}})),
    ];
    let expect = [
        Message::text(Role::System, "be short"),
        Message {
            content: user,
            ..Message::text(Role::User, "")
        },
        Message {
            content: vec![],
            reasoning: Some("hm".into()),
            tool_calls: vec![call],
            ..Message::text(Role::Assistant, "")
        },
        Message {
            tool_call_id: Some("c1".into()),
            ..Message::text(Role::Tool, "12")
        },
    ];
    assert_eq!(messages, expect);
    let spec = ToolSpec {
        name: "f".into(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        strict: None,
    };
    assert_eq!((tools, tool_choice), (vec![spec], ToolChoice::Named("f".into())));
    let expect = Options {
        max_tokens: Some(7),
        temperature: Some(0.0),
        seed: Some(-1),
        stop: vec!["x".into()],
        answers: Some(2),
        response_format: Some(ResponseFormat::JsonSchema {
            name: "s".into(),
            schema: json!({"type": "object"}),
            strict: None,
        }),
        ..Options::default()
    };
    assert_eq!(options, expect);
    assert_eq!(original.unwrap().body, body.to_string());
}

#[test]
fn a_request_of_a_real_client_is_read() {
    let request = CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages([])
        .build()
        .unwrap();
    let mut body = serde_json::to_value(request).unwrap();
    body["messages"] = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(parsed(&body).request.messages, [Message::text(Role::User, "hi")]);
}

/// Lists and depth have ends far beyond what clients send; what is refused is named.
#[test]
fn a_request_without_end_is_refused_by_name() {
    let check = |fields: &str, expect: Result<(), (&str, &str)>| {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let read = parse(Bytes::from(body)).map(drop).map_err(|error| {
            let message = error.message.split(" at line").next().unwrap().to_owned();
            (error.param.unwrap_or_default(), message)
        });
        let expect = expect.map_err(|(param, message)| (param.to_owned(), message.to_owned()));
        assert_eq!(read, expect, "{}...", fields.get(..60).unwrap_or(fields));
    };
    let list = |entry: &str, count: usize| vec![entry; count].join(",");
    let user = r#"{"role":"user","content":"x"}"#;
    let said = format!(r#""messages":[{user}]"#);
    check(&format!(r#""messages":[{}]"#, list(user, 10_000)), Ok(()));
    let too_many = |place: &'static str, message: &'static str| Err((place, message));
    check(
        &format!(r#""messages":[{}]"#, list(user, 10_001)),
        too_many("messages", "`messages`: more than 10000 entries"),
    );
    let tool = r#"{"type":"function","function":{"name":"f"}}"#;
    check(
        &format!(r#"{said},"tools":[{}]"#, list(tool, 10_001)),
        too_many("tools", "`tools`: more than 10000 entries"),
    );
    let part = r#"{"type":"text","text":"x"}"#;
    check(
        &format!(r#""messages":[{{"role":"user","content":[{}]}}]"#, list(part, 10_001)),
        too_many("messages[0].content", "`messages[0].content`: more than 10000 entries"),
    );
    let deep = format!("{}1{}", "[".repeat(130), "]".repeat(130));
    let tool = format!(r#"{{"type":"function","function":{{"name":"f","parameters":{deep}}}}}"#);
    let place = "tools[0].function.parameters";
    let says = "`tools[0].function.parameters` is nested more than 128 levels deep";
    let prefix = |error: BadRequest| {
        let param = error.param.unwrap();
        assert!(
            param.starts_with(place) && error.message.starts_with("`tools[0].function.parameters"),
            "{param}"
        );
        assert!(
            error.message.ends_with("is nested more than 128 levels deep"),
            "{} for {says}",
            error.message
        );
    };
    prefix(parse(Bytes::from(format!(r#"{{"model":"m",{said},"tools":[{tool}]}}"#))).unwrap_err());
}

/// Found by fuzzing: the field is not known here, and would have been sent on as it came.
#[test]
fn a_body_that_is_no_text_is_refused() {
    let body = b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"x\":\"\xff\"}";
    let error = parse(Bytes::from_static(body)).unwrap_err();
    assert_eq!(error.message, "the body is not valid JSON: byte 61 is not UTF-8");
}

#[test]
fn a_wrong_request_is_told_what_is_wrong() {
    let check = |body: &str, param: Option<&str>, message: &str| {
        let error = parse(Bytes::copy_from_slice(body.as_bytes())).unwrap_err();
        let expect = BadRequest {
            message: message.to_owned(),
            param: param.map(str::to_owned),
        };
        assert_eq!(error, expect, "{body}");
    };
    check(
        "{\"model\": \"m\",\n \"messages\": [}",
        None,
        "the body is not valid JSON: expected value at line 2 column 15",
    );
    check(
        "",
        None,
        "the body is not valid JSON: EOF while parsing a value at line 1 column 0",
    );
    check(
        "{\"model\": \"m",
        None,
        "the body is not valid JSON: EOF while parsing a string at line 1 column 12",
    );
    check(" [\"no object\"]", None, "the body must be a JSON object");
    check(
        "7",
        None,
        "the body does not fit: invalid type: integer `7`, expected an object at line 1 column 1",
    );
    check("{}", Some("model"), "`model` is missing");
    check("{\"model\": \"m\"}", Some("messages"), "`messages` is missing");
    check(
        "{\"model\": \"m\", \"messages\": []}",
        Some("messages"),
        "`messages` must not be empty",
    );
    let body = |fields: &str| {
        format!("{{\"model\": \"m\", \"messages\": [{{\"role\": \"user\", \"content\": \"x\"}}], {fields}}}")
    };
    check(
        &body("\"temperature\": \"hot\""),
        Some("temperature"),
        "`temperature`: invalid type: string \"hot\", expected f64 at line 1 column 83",
    );
    check(
        &body("\"max_tokens\": -1"),
        Some("max_tokens"),
        "`max_tokens`: invalid value: integer `-1`, expected u32 at line 1 column 79",
    );
    check(
        &body("\"tool_choice\": \"sometimes\""),
        Some("tool_choice"),
        "`tool_choice` is auto, none, required, or an object",
    );
    check(
        "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": 5}]}",
        Some("messages[0].content"),
        "`messages[0].content`: invalid type: integer `5`, expected text or a list of parts at line 1 column 57",
    );
    check(
        "{\"model\": \"m\", \"messages\": [{\"role\": \"king\", \"content\": \"\"}]}",
        Some("messages[0].role"),
        "`messages[0].role`: unknown variant `king`, expected one of `system`, `developer`, `user`, `assistant`, \
         `tool`, `function` at line 1 column 43",
    );
}

fn identity() -> Identity {
    Identity {
        id: "chatcmpl-1".into(),
        created: 5,
        model: "qwen".into(),
        include_usage: true,
    }
}

const USAGE: Usage = Usage {
    prompt_tokens: 3,
    completion_tokens: 4,
    cached_tokens: 1,
    reasoning_tokens: 2,
};

#[test]
fn every_chunk_can_be_read_by_a_strict_client() {
    let identity = identity();
    let first = ToolCallDelta {
        index: 1,
        id: Some("c1".into()),
        name: Some("f".into()),
        arguments: String::new(),
    };
    let more = ToolCallDelta {
        index: 1,
        arguments: "{}".into(),
        ..ToolCallDelta::default()
    };
    let chunks = [
        Chunk::role(&identity),
        Chunk::text(&identity, "hi \"you\"\n"),
        Chunk::reasoning(&identity, "hm"),
        Chunk::tool_call(&identity, &first),
        Chunk::tool_call(&identity, &more),
        Chunk::finish(&identity, FinishReason::ToolCalls),
        Chunk::usage(&identity, USAGE),
    ];
    for chunk in &chunks {
        let json = serde_json::to_value(chunk).unwrap();
        serde_json::from_value::<CreateChatCompletionStreamResponse>(json.clone())
            .unwrap_or_else(|error| panic!("{error}: {json}"));
    }
    let json = |chunk: &Chunk<'_>| serde_json::to_value(chunk).unwrap();
    let delta = |delta: Value, reason: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "qwen",
               "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": null})
    };
    assert_eq!(
        json(&chunks[0]),
        delta(json!({"role": "assistant", "content": ""}), Value::Null)
    );
    let call = json!({"index": 1, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}});
    assert_eq!(json(&chunks[3]), delta(json!({"tool_calls": [call]}), Value::Null));
    let call = json!({"index": 1, "function": {"arguments": "{}"}});
    assert_eq!(json(&chunks[4]), delta(json!({"tool_calls": [call]}), Value::Null));
    assert_eq!(json(&chunks[5]), delta(json!({}), json!("tool_calls")));
}

#[test]
fn a_whole_answer_can_be_read_by_a_strict_client() {
    let reply = Reply {
        text: String::new(),
        reasoning: "hm".into(),
        tool_calls: vec![ToolCall {
            id: "c1".into(),
            name: "f".into(),
            arguments: "{}".into(),
        }],
        logprobs: Vec::new(),
        finish: Finish {
            usage: Some(USAGE),
            ..Finish::because(FinishReason::ToolCalls)
        },
        served: None,
    };
    let json = completion(&identity(), &reply);
    assert_eq!(json["choices"][0]["message"]["content"], Value::Null);
    let read: CreateChatCompletionResponse = serde_json::from_value(json).unwrap();
    assert_eq!(read.usage.map(|usage| usage.total_tokens), Some(7));
    let text = Reply {
        text: "hi".into(),
        tool_calls: vec![],
        ..reply
    };
    let read: CreateChatCompletionResponse = serde_json::from_value(completion(&identity(), &text)).unwrap();
    assert_eq!(read.choices[0].message.content.as_deref(), Some("hi"));
}

fn merged(chunks: &[Value]) -> Value {
    let mut merge = Merge::default();
    for chunk in chunks {
        merge.push(chunk.to_string().as_bytes()).unwrap();
    }
    serde_json::from_slice(&merge.finish()).unwrap()
}

#[test]
fn chunks_of_another_server_become_one_answer() {
    let chunk = |choices: Value, usage: Value| {
        json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "service_tier": "default",
               "x_unknown": {"kept": true}, "choices": choices, "usage": usage})
    };
    let delta = |delta: Value| {
        chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": null}]),
            Value::Null,
        )
    };
    let call = |call: Value| delta(json!({"tool_calls": [call]}));
    let chunks = [
        delta(json!({"role": "assistant", "content": "", "refusal": null})),
        delta(json!({"content": "hel", "x_more": [1]})),
        delta(json!({"content": "lo", "x_more": [2]})),
        call(json!({"index": 0, "id": "c0", "type": "function", "function": {"name": "f", "arguments": ""}})),
        call(json!({"index": 1, "id": "c1", "type": "function", "function": {"name": "g", "arguments": "{\"a\""}})),
        call(json!({"index": 0, "function": {"arguments": "{}"}})),
        call(json!({"index": 1, "type": "function", "function": {"name": "g", "arguments": ":1}"}})),
        chunk(
            json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]),
            Value::Null,
        ),
        chunk(
            json!([]),
            json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        ),
    ];
    let whole = merged(&chunks);
    let expect = json!({
        "id": "a", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "default",
        "x_unknown": {"kept": true},
        "choices": [{
            "index": 0, "finish_reason": "tool_calls", "logprobs": null,
            "message": {
                "role": "assistant", "content": "hello", "refusal": null, "x_more": [1, 2],
                "tool_calls": [
                    {"id": "c0", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c1", "type": "function", "function": {"name": "g", "arguments": "{\"a\":1}"}},
                ],
            },
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    });
    assert_eq!(whole, expect);
    serde_json::from_value::<CreateChatCompletionResponse>(whole).unwrap();
}

#[test]
fn an_answer_without_end_is_not_gathered() {
    let mut merge = Merge::default();
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(100_000)}}]}).to_string();
    let pushed = (0..100).take_while(|_| merge.push(chunk.as_bytes()).is_ok()).count();
    assert_eq!(pushed, 41);
    assert!(Merge::default().push(b"[]").is_err());
}
