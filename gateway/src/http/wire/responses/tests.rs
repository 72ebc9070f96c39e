use bytes::Bytes;
use serde_json::{Value, json};

use super::output::Thoughts;
use super::*;
use crate::chat::{Message, Part, Role, ToolCall, ToolChoice, ToolSpec};

fn read(body: &Value) -> Result<Asked, String> {
    parse(&Bytes::from(body.to_string())).map_err(|error| {
        let code = error.code.unwrap_or_default();
        format!("{code} {}: {}", error.param.unwrap_or_default(), error.message)
    })
}

/// The conversation that a model is given for this input.
fn conversation(input: &Value) -> Result<Vec<Message>, String> {
    let asked = read(&json!({"model": "m", "input": input, "instructions": "be brief"}))?;
    let messages = messages(asked.instructions.as_deref(), &asked.input);
    messages.map_err(|error| error.message)
}

fn said(role: Role, text: &str) -> Message {
    Message::text(role, text)
}

fn calls(reasoning: Option<&str>, content: &[&str], ids: &[&str]) -> Message {
    Message {
        content: content.iter().map(|text| Part::Text((*text).to_owned())).collect(),
        reasoning: reasoning.map(str::to_owned),
        tool_calls: ids
            .iter()
            .map(|id| ToolCall {
                id: (*id).to_owned(),
                name: "f".to_owned(),
                arguments: "{}".to_owned(),
            })
            .collect(),
        ..said(Role::Assistant, "")
    }
}

fn result(id: &str, text: &str) -> Message {
    Message {
        tool_call_id: Some(id.to_owned()),
        ..said(Role::Tool, text)
    }
}

#[test]
fn what_a_model_did_in_one_step_is_one_message() {
    let check = |input: Value, expect: &[Message]| {
        let found = conversation(&input).unwrap();
        assert_eq!(found[0], said(Role::System, "be brief"));
        assert_eq!(&found[1..], expect, "{input}");
    };
    let user = || said(Role::User, "hi");
    let hi = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let output = |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
    let thought = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]});
    let answer = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]});

    check(json!("hi"), &[user()]);
    check(
        json!([{"role": "developer", "content": "x"}, hi]),
        &[said(Role::System, "x"), user()],
    );
    check(
        json!([
            hi,
            thought,
            answer,
            call("a"),
            call("b"),
            output("b", "2"),
            output("a", "1")
        ]),
        &[
            user(),
            calls(Some("hm"), &["ok"], &["a", "b"]),
            result("b", "2"),
            result("a", "1"),
        ],
    );
    check(
        json!([
            hi,
            thought,
            call("a"),
            thought,
            call("b"),
            output("a", "1"),
            output("b", "2"),
            answer,
            hi
        ]),
        &[
            user(),
            calls(None, &[], &["a", "b"]),
            result("a", "1"),
            result("b", "2"),
            said(Role::Assistant, "ok"),
            user(),
        ],
    );
    // Two answers in a row stay two, and thinking that led to nothing is nothing.
    check(
        json!([hi, answer, answer, thought]),
        &[user(), said(Role::Assistant, "ok"), said(Role::Assistant, "ok")],
    );
    let cut =
        json!({"type": "function_call", "status": "incomplete", "call_id": "c", "name": "f", "arguments": "{\"a"});
    check(json!([hi, cut, hi]), &[user(), user()]);
}

#[test]
fn pictures_and_files_come_along() {
    let picture = || Part::Image {
        url: "data:image/png;base64,AA==".to_owned(),
        detail: None,
    };
    let image = json!({"type": "input_image", "image_url": "data:image/png;base64,AA=="});
    let mut large = image.clone();
    large["detail"] = "high".into();
    let closely = Part::Image {
        url: "data:image/png;base64,AA==".to_owned(),
        detail: Some("high".to_owned()),
    };
    let file = json!({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="});
    let input = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "look"}, large, file]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "seen"}, image]},
    ]);
    let part = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}});
    let look = Message {
        content: vec![Part::Text("look".into()), closely, Part::Other(part)],
        ..said(Role::User, "")
    };
    let shown = Message {
        content: vec![Part::Text("Pictures from the results of the tools:".into()), picture()],
        ..said(Role::User, "")
    };
    let expect = [
        said(Role::System, "be brief"),
        look,
        calls(None, &[], &["a"]),
        result("a", "seen"),
        shown,
    ];
    assert_eq!(conversation(&input).unwrap(), expect);
}

#[test]
fn items_are_kept_in_their_complete_form() {
    let check = |given: Value, expect: Value| {
        let mut asked = read(&json!({"model": "m", "input": [given]})).unwrap();
        with_ids(&mut asked.input, "resp_0123456789abcdef0123456789abcdef");
        assert_eq!(asked.input, [expect]);
    };
    let id = |kind: &str| format!("{kind}_0123456789abcdef0123456789abcdefa00000");
    check(
        json!({"role": "user", "content": "hi", "status": null}),
        json!({"id": id("msg"), "type": "message", "role": "user", "status": "completed",
               "content": [{"type": "input_text", "text": "hi"}]}),
    );
    check(
        json!({"role": "assistant", "id": "msg_mine", "phase": "commentary", "content": "hi"}),
        json!({"id": "msg_mine", "type": "message", "role": "assistant", "status": "completed",
               "content": [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}]}),
    );
    check(
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        json!({"id": id("fc"), "type": "function_call", "status": "completed", "call_id": "c", "name": "f",
               "arguments": "{}"}),
    );
    check(
        json!({"type": "reasoning", "summary": [], "encrypted_content": "gAAA", "content": null}),
        json!({"id": id("rs"), "type": "reasoning", "status": "completed", "summary": [], "content": []}),
    );
    assert_eq!(
        response_of(&id("fco")).as_deref(),
        Some("resp_0123456789abcdef0123456789abcdef")
    );
    for other in ["msg_mine", "x", "msg_0123456789abcdef0123456789abcdefa0000é"] {
        assert_eq!(response_of(other), None, "{other}");
    }
}

#[test]
fn the_fields_of_a_request() {
    let asked = read(&json!({
        "model": "m", "input": "hi", "stream": true, "store": false, "previous_response_id": "resp_1",
        "tools": [{"type": "function", "name": "f", "parameters": null, "strict": true},
                  {"type": "function", "name": "g", "description": "does it", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]},
        "parallel_tool_calls": false, "max_output_tokens": 7, "temperature": 0.5, "top_p": null, "top_logprobs": 2,
        "reasoning": {"effort": "max", "summary": "auto", "context": "auto"}, "truncation": "auto",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true},
                 "verbosity": "high"},
        "metadata": {"a": "b"}, "include": ["reasoning.encrypted_content"], "user": "u", "background": false,
        "stream_options": {"include_obfuscation": false}, "service_tier": "auto", "max_tool_calls": 3,
    }))
    .unwrap();
    let tool = ToolSpec {
        name: "g".into(),
        description: "does it".into(),
        parameters: json!({"type": "object"}),
        strict: None,
    };
    assert_eq!((asked.tool_choice, asked.tools), (ToolChoice::Required, vec![tool]));
    assert_eq!(
        (
            asked.stream,
            asked.store,
            asked.previous.as_deref(),
            asked.may_shorten,
            asked.thoughts == Thoughts::Summary
        ),
        (true, false, Some("resp_1"), true, true)
    );
    let format = crate::chat::ResponseFormat::JsonSchema {
        name: "n".into(),
        schema: json!({"type": "object"}),
        strict: Some(true),
    };
    let options = crate::chat::Options {
        max_tokens: Some(7),
        temperature: Some(0.5),
        response_format: Some(format),
        reasoning_effort: Some(crate::chat::ReasoningEffort::Xhigh),
        parallel_tool_calls: Some(false),
        logprobs: Some(2),
        ..crate::chat::Options::default()
    };
    assert_eq!(asked.options, options);
    assert_eq!(
        asked.dropped,
        ["user", "service_tier", "include", "text.verbosity", "reasoning.context"]
    );
    assert_eq!(
        asked.repeated["tools"][0],
        json!({"type": "function", "name": "f", "strict": true, "parameters": null})
    );
    assert_eq!(asked.repeated["metadata"], json!({"a": "b"}));
    assert_eq!(asked.repeated["reasoning"], json!({"effort": "max", "summary": "auto"}));
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! at the call reads better without a borrow"
)]
fn refused(fields: Value, expect: &str) {
    let mut body = json!({"model": "m", "input": "hi"});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let found = read(&body).map(|_| ()).unwrap_err();
    assert!(found.starts_with(expect), "{fields}: {found}");
}

#[test]
fn fields_that_cannot_be_done_are_refused_by_name() {
    let check = refused;
    check(json!({"model": null}), "invalid_request model:");
    check(json!({"frequency_penalty": 1}), "unknown_parameter frequency_penalty:");
    check(json!({"background": true}), "unsupported_parameter background:");
    check(
        json!({"conversation": {"id": "c"}}),
        "unsupported_parameter conversation:",
    );
    check(json!({"prompt": {"id": "p"}}), "unsupported_parameter prompt:");
    check(
        json!({"context_management": []}),
        "unsupported_parameter context_management:",
    );
    check(json!({"moderation": {}}), "unsupported_parameter moderation:");
    for kind in [
        "web_search",
        "file_search",
        "computer",
        "code_interpreter",
        "mcp",
        "custom",
        "image_generation",
    ] {
        check(json!({"tools": [{"type": kind}]}), "unsupported_tool tools[0].type:");
    }
    check(
        json!({"tools": [{"type": "function"}]}),
        "invalid_request tools[0].name:",
    );
    check(
        json!({"tools": [{"type": "function", "name": "f", "defer_loading": true}]}),
        "unsupported_parameter tools[0].defer_loading:",
    );
    check(json!({"tool_choice": "maybe"}), "invalid_request tool_choice:");
    check(json!({"tool_choice": "required"}), "invalid_request tool_choice:");
    check(json!({"tool_choice": {"type": "mcp"}}), "unsupported_tool tool_choice:");
    check(
        json!({"tool_choice": {"type": "function", "name": "f"}}),
        "invalid_request tool_choice:",
    );
    check(
        json!({"text": {"format": {"type": "grammar"}}}),
        "invalid_request text.format.type:",
    );
    check(
        json!({"text": {"format": {"type": "json_schema"}}}),
        "invalid_request text.format.name:",
    );
    check(
        json!({"reasoning": {"effort": "much"}}),
        "invalid_request reasoning.effort:",
    );
    check(json!({"truncation": "most"}), "invalid_request truncation:");
    check(json!({"metadata": {"a": 1}}), "invalid_request metadata:");
    check(json!({"stream": "yes"}), "invalid_request stream:");
}

#[test]
fn items_that_cannot_be_done_are_refused_by_name() {
    let check = refused;
    check(json!({"input": 5}), "invalid_request input:");
    check(json!({"input": [5]}), "invalid_request input[0]:");
    check(
        json!({"input": vec![json!({"role": "user", "content": ""}); 10_001]}),
        "invalid_request input:",
    );
    check(json!({"input": [{}]}), "invalid_request input[0].type:");
    check(
        json!({"input": [{"type": "web_search_call"}]}),
        "unsupported_parameter input[0].type:",
    );
    check(
        json!({"input": [{"role": "tool", "content": "x"}]}),
        "invalid_request input[0].role:",
    );
    check(
        json!({"input": [{"role": "user"}]}),
        "invalid_request input[0].content:",
    );
    let part = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    check(
        part(json!({"type": "input_audio"})),
        "unsupported_parameter input[0].content[0].type:",
    );
    check(
        part(json!({"type": "input_image", "file_id": "f"})),
        "unsupported_parameter input[0].content[0].file_id:",
    );
    check(
        part(json!({"type": "input_file", "file_url": "u"})),
        "unsupported_parameter input[0].content[0].file_url:",
    );
    check(
        part(json!({"type": "input_text"})),
        "invalid_request input[0].content[0].text:",
    );
    check(part(json!({})), "invalid_request input[0].content[0].type:");
}

#[test]
fn calls_and_results_belong_together() {
    let check = |input: Value, expect: &str| assert_eq!(conversation(&input).unwrap_err(), expect);
    check(
        json!([{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}]),
        "No tool output found for function call a.",
    );
    check(
        json!([{"type": "function_call_output", "call_id": "a", "output": "x"}]),
        "No tool call found for function call output with call_id a.",
    );
}
