use bytes::BytesMut;
use serde_json::{Value, json};

use super::output::Thoughts;
use super::*;
use crate::chat::{FinishReason, ToolCallDelta, Usage};
use crate::clock::Millis;
use crate::provider;

/// One streamed answer, event by event: `type` without its front, and what the event is about in short.
struct Played {
    answer: Answer,
    out: BytesMut,
}

impl Played {
    fn new(thoughts: Thoughts, one_call: bool) -> Self {
        let id = "resp_0".to_owned();
        let face = Face {
            id: id.clone(),
            created_at: Millis(1_000),
            model: "m".into(),
            store: true,
            repeated: serde_json::Map::new(),
        };
        Self {
            answer: Answer::new(face, Output::new(&id, thoughts), one_call),
            out: BytesMut::new(),
        }
    }

    fn call(&mut self, index: u32, name: Option<&str>, arguments: &str) {
        let delta = ToolCallDelta {
            index,
            id: name.map(|_| format!("call_{index}")),
            name: name.map(str::to_owned),
            arguments: arguments.to_owned(),
        };
        self.answer.call(&delta, &mut self.out);
    }

    /// Ends it, and returns all events in short and the last response.
    fn end(mut self, status: &Status) -> (Vec<String>, Value) {
        let usage = Usage {
            prompt_tokens: 3,
            completion_tokens: 4,
            ..Usage::default()
        };
        let response = self.answer.end(status, Some(usage), Millis(2_000), &mut self.out);
        self.answer.last(&response, &mut self.out);
        let text = String::from_utf8(self.out.to_vec()).unwrap();
        let events: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|block| {
                let (event, data) = block.split_once('\n').unwrap();
                let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                assert_eq!(event.strip_prefix("event: "), data["type"].as_str());
                data
            })
            .collect();
        let numbers: Vec<u64> = events
            .iter()
            .map(|event| event["sequence_number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
        let response = events.last().unwrap()["response"].clone();
        (events.iter().map(short).collect(), response)
    }
}

fn short(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap().trim_start_matches("response.");
    let about = ["delta", "text", "arguments"]
        .iter()
        .find_map(|name| event[name].as_str());
    let status = event["item"]["status"].as_str().or(about);
    match (event["output_index"].as_u64(), status) {
        (Some(at), Some(about)) => format!("{kind} {at} {about}"),
        (Some(at), None) => format!("{kind} {at}"),
        (None, _) => kind.to_owned(),
    }
}

#[test]
fn thinking_then_words_then_calls() {
    let mut played = Played::new(Thoughts::Text, false);
    played.answer.reasoning("hm", &mut played.out);
    played.answer.text("o", &mut played.out);
    played.answer.text("k", &mut played.out);
    played.call(0, Some("f"), "{\"a\"");
    played.call(1, Some("g"), "");
    played.call(0, None, ": 1}");
    played.call(2, None, "lost");
    let (events, response) = played.end(&Status::Completed);
    let expect = [
        "created",
        "in_progress",
        "output_item.added 0 in_progress",
        "content_part.added 0",
        "reasoning_text.delta 0 hm",
        "reasoning_text.done 0 hm",
        "content_part.done 0",
        "output_item.done 0 completed",
        "output_item.added 1 in_progress",
        "content_part.added 1",
        "output_text.delta 1 o",
        "output_text.delta 1 k",
        "output_text.done 1 ok",
        "content_part.done 1",
        "output_item.done 1 completed",
        "output_item.added 2 in_progress",
        "function_call_arguments.delta 2 {\"a\"",
        "output_item.added 3 in_progress",
        "function_call_arguments.delta 2 : 1}",
        "function_call_arguments.done 2 {\"a\": 1}",
        "output_item.done 2 completed",
        "function_call_arguments.delta 3 {}",
        "function_call_arguments.done 3 {}",
        "output_item.done 3 completed",
        "completed",
    ];
    assert_eq!(events, expect);
    let expect = json!({
        "id": "resp_0", "object": "response", "created_at": 1, "status": "completed", "model": "m",
        "output": [
            {"id": "rs_0b00000", "type": "reasoning", "status": "completed", "summary": [],
             "content": [{"type": "reasoning_text", "text": "hm"}], "encrypted_content": null},
            {"id": "msg_0b00001", "type": "message", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": "ok", "annotations": [], "logprobs": []}]},
            {"id": "fc_0b00002", "type": "function_call", "status": "completed", "call_id": "call_0", "name": "f",
             "arguments": "{\"a\": 1}"},
            {"id": "fc_0b00003", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "g",
             "arguments": "{}"},
        ],
        "error": null, "incomplete_details": null, "store": true,
        "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                  "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7},
        "completed_at": 2,
    });
    assert_eq!(response, expect);
}

#[test]
fn thinking_as_its_summary_and_tokens_with_their_words() {
    let token = json!({"token": "ok", "logprob": -0.5, "bytes": [111, 107], "top_logprobs": []});
    let mut played = Played::new(Thoughts::Summary, true);
    played.answer.reasoning("hm", &mut played.out);
    played.answer.logprobs(std::slice::from_ref(&token));
    played.answer.text("ok", &mut played.out);
    played.answer.logprobs(std::slice::from_ref(&token));
    played.call(0, Some("f"), "{}");
    played.call(1, Some("f"), "{}");
    let (events, response) = played.end(&Status::Completed);
    assert_eq!(
        events[2..8],
        [
            "output_item.added 0 in_progress",
            "reasoning_summary_part.added 0",
            "reasoning_summary_text.delta 0 hm",
            "reasoning_summary_text.done 0 hm",
            "reasoning_summary_part.done 0",
            "output_item.done 0 completed",
        ]
    );
    assert_eq!(
        response["output"][0]["summary"],
        json!([{"type": "summary_text", "text": "hm"}])
    );
    assert_eq!(response["output"][1]["content"][0]["logprobs"], json!([token, token]));
    assert_eq!(
        response["output"].as_array().map(Vec::len),
        Some(3),
        "one call was asked for"
    );
}

#[test]
fn what_was_cut_off_says_so_and_is_no_call() {
    let check = |status: &Status, events: &[&str], statuses: &[&str]| {
        let mut played = Played::new(Thoughts::Text, false);
        played.answer.text("ok", &mut played.out);
        played.call(0, Some("f"), "{}");
        played.call(1, Some("g"), "{\"a\": ");
        let (found, response) = played.end(status);
        assert_eq!(found[10..], *events, "{status:?}");
        let output = response["output"].as_array().unwrap();
        let found: Vec<&str> = output.iter().map(|item| item["status"].as_str().unwrap()).collect();
        assert_eq!(found, statuses, "{status:?}");
        (response["error"].clone(), response["incomplete_details"].clone())
    };
    let ended = check(
        &Status::of_reason(FinishReason::Length),
        &[
            "output_item.added 2 in_progress",
            "function_call_arguments.delta 2 {\"a\": ",
            "function_call_arguments.done 1 {}",
            "output_item.done 1 completed",
            "incomplete",
        ],
        &["completed", "completed", "incomplete"],
    );
    assert_eq!(ended, (Value::Null, json!({"reason": "max_output_tokens"})));
    let died = provider::Error::new(provider::Class::Truncated, "the answer was cut off");
    let ended = check(
        &Status::of_error(&died),
        &[
            "output_item.added 2 in_progress",
            "function_call_arguments.delta 2 {\"a\": ",
            "failed",
        ],
        &["completed", "incomplete", "incomplete"],
    );
    let error = json!({"code": "server_error", "message": "the answer was cut off"});
    assert_eq!(ended, (error, Value::Null));
}

#[test]
fn an_answer_without_words_is_an_answer() {
    let (events, response) = Played::new(Thoughts::Text, false).end(&Status::of_reason(FinishReason::ContentFilter));
    assert_eq!(events, ["created", "in_progress", "incomplete"]);
    assert_eq!(response["incomplete_details"], json!({"reason": "content_filter"}));
}
