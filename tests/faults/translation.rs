//! What an Ollama says, and how a client of OpenAI's API is told: tool calls, letters, counts, thinking.

use serde_json::{Value, json};
use stand_in::{BYTES_TEXT, OK_TEXT};

use crate::answer::Call;
use crate::scene::{Scene, cloud, gpu};
use crate::table::Form;
use crate::verdict::{Judged, Verdict};

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!([{"type": "function", "function": {"name": "weather", "description": "x", "parameters": parameters}}])
}

pub(crate) async fn two_calls(form: Form, plays: &'static str) -> Judged {
    let scene = Scene::of(&[gpu(plays), gpu("echo")]).await;
    let answer = scene.ask_with(form, json!({"tools": weather()})).await;
    let mut judged = Judged::new();
    judged.complete(&answer, "");
    let seen: Vec<(&str, Value)> = answer
        .calls
        .iter()
        .map(|call| (call.name.as_str(), parsed(call)))
        .collect();
    let wanted = vec![
        ("weather", json!({"city": "city 1"})),
        ("weather", json!({"city": "city 2"})),
    ];
    judged.equal("the calls", seen, wanted);
    let ids: Vec<&str> = answer.calls.iter().map(|call| call.id.as_str()).collect();
    let distinct = ids.iter().all(|id| id.len() > 5) && ids.first() != ids.last();
    judged.expect(distinct, Verdict::Fail, format!("the ids are {ids:?}"));
    judged.asked("the second", scene.asked(1), ..1);
    judged
}

fn parsed(call: &Call) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into())
}

pub(crate) async fn index_zero(form: Form) -> Judged {
    let mut judged = two_calls(form, "tools").await;
    let twins = two_calls(form, "tools-twins").await;
    judged.verdict = judged.verdict.min(twins.verdict);
    judged.seen.extend(twins.seen);
    judged
}

/// The order of keys, every letter and every number survive, and the history is an object again for Ollama.
pub(crate) async fn arguments(form: Form) -> Judged {
    const ARGUMENTS: &str = r#"{"z":"Zoë \"東京\" 😀 \\ \n","a":{"y":[1,2.5,-3,true,null],"b":""},"city":"Oslo"}"#;
    let scene = Scene::of(&[gpu("tools"), gpu("echo")]).await;
    let question = json!({"role": "user", "content": format!("call weather {ARGUMENTS}")});
    let answer = scene
        .ask_with(form, json!({"tools": weather(), "messages": [question]}))
        .await;
    let mut judged = Judged::new();
    judged.complete(&answer, "");
    let seen = answer.calls.first().map_or("", |call| call.arguments.as_str());
    judged.equal("the arguments", spaceless(seen), spaceless(ARGUMENTS));
    let id = answer.calls.first().map(|call| call.id.clone()).unwrap_or_default();
    let function = json!({"name": "weather", "arguments": seen});
    let calls = json!([{"id": id, "type": "function", "function": function}]);
    let history = json!([
        question,
        {"role": "assistant", "content": null, "tool_calls": calls},
        {"role": "tool", "tool_call_id": id, "content": "12 degrees"},
    ]);
    let end = scene
        .ask_with(form, json!({"tools": weather(), "messages": history}))
        .await;
    judged.complete(&end, "The tools said: 12 degrees");
    let sent = scene.questions(0).pop().map(|entry| entry.body).unwrap_or_default();
    let back = &sent["messages"][1]["tool_calls"][0]["function"]["arguments"];
    judged.equal("the arguments in the history", back.to_string(), spaceless(ARGUMENTS));
    judged.equal(
        "the tool's name",
        sent["messages"][2]["tool_name"].clone(),
        json!("weather"),
    );
    judged.equal("the call's id", sent["messages"][2]["tool_call_id"].clone(), json!(id));
    judged
}

/// The same JSON as Rust writes it.
fn spaceless(text: &str) -> String {
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| value.to_string())
}

pub(crate) async fn bytes(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [gpu("bytes"), cloud("bytes")] {
        let scene = Scene::of(&[first, gpu("echo")]).await;
        judged.complete(&scene.ask(form).await, BYTES_TEXT);
        judged.asked("the second", scene.asked(1), ..1);
    }
    judged
}

pub(crate) async fn no_counters(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("no-counters"), gpu("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    let count = |name: &str| answer.usage[name].as_u64().unwrap_or_default();
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    judged.expect(
        prompt > 5 && completion > 20,
        Verdict::Partial,
        format!("the usage is {}", answer.usage),
    );
    judged.equal("the sum", count("total_tokens"), prompt + completion);
    judged
}

pub(crate) async fn thinking(form: Form) -> Judged {
    let mut judged = Judged::new();
    let scene = Scene::of(&[gpu("think"), gpu("echo")]).await;
    let answer = scene.ask_with(form, json!({"reasoning_effort": "high"})).await;
    judged.complete(&answer, OK_TEXT);
    judged.expect(
        answer.reasoning.contains("wants to know"),
        Verdict::Partial,
        "the thinking is lost",
    );
    let sent = |scene: &Scene| {
        scene
            .questions(0)
            .iter()
            .map(|it| it.body["think"].clone())
            .collect::<Vec<_>>()
    };
    judged.equal("think", sent(&scene), vec![json!("high")]);

    let scene = Scene::of(&[gpu("ok"), gpu("echo")]).await;
    judged.complete(
        &scene.ask_with(form, json!({"reasoning_effort": "none"})).await,
        OK_TEXT,
    );
    judged.equal("think", sent(&scene), vec![json!(false)]);

    // The server refuses what it said it could.
    let scene = Scene::of(&[gpu("no-think"), gpu("echo")]).await;
    judged.complete(
        &scene.ask_with(form, json!({"reasoning_effort": "high"})).await,
        OK_TEXT,
    );
    judged.equal("think", sent(&scene), vec![json!("high"), Value::Null]);
    judged.asked("the second", scene.asked(1), ..1);
    judged
}
