use serde_json::json;

use super::*;
use crate::chat::{ToolCallDelta, ToolChoice, ToolSpec};

fn offering(choice: ToolChoice) -> Request {
    let tool = |name: &str| ToolSpec {
        name: name.into(),
        description: String::new(),
        parameters: json!({}),
        strict: None,
    };
    Request {
        tools: vec![tool("f"), tool("g")],
        tool_choice: choice,
        ..Request::default()
    }
}

fn call(index: u32, name: Option<&str>, arguments: &str) -> Step {
    Step::Say(Event::ToolCall(ToolCallDelta {
        index,
        id: name.map(|_| format!("id{index}")),
        name: name.map(str::to_owned),
        arguments: arguments.into(),
    }))
}

fn ends(reason: FinishReason) -> Step {
    Step::Say(Event::Finish(Finish::because(reason)))
}

/// An event in short; ids that were made are left out.
fn short(event: &Result<Event, Error>) -> String {
    match event {
        Ok(Event::Served(served)) => format!("by {}", served.target),
        Ok(Event::Text(text)) => format!("says {text}"),
        Ok(Event::Reasoning(text)) => format!("thinks {text}"),
        Ok(Event::ToolCall(call)) => {
            format!(
                "call {} {} {}",
                call.index,
                call.name.as_deref().unwrap_or("…"),
                call.arguments
            )
        }
        Ok(Event::Wire(chunk)) => {
            let chunk: serde_json::Value = serde_json::from_slice(&chunk.data).unwrap();
            let choice = &chunk["choices"][0];
            let calls = choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|call| {
                    let function = &call["function"];
                    let name = function["name"].as_str().unwrap_or("…");
                    format!(
                        "call {} {name} {} ",
                        call["index"],
                        function["arguments"].as_str().unwrap_or("")
                    )
                });
            let calls: String = calls.collect();
            let text = choice["delta"]["content"].as_str().unwrap_or_default();
            let end = choice["finish_reason"].as_str().unwrap_or_default();
            format!("wire {} {text}{calls}{end}", chunk["id"].as_str().unwrap_or("?"))
        }
        Ok(Event::Finish(finish)) => format!("ends {:?}", finish.reason),
        Ok(Event::Reset) => "reset".into(),
        Ok(Event::Logprobs(_)) => "logprobs".into(),
        Err(error) => format!("error {}", error.class.as_str()),
    }
}

async fn check_of(request: Request, script: &[Step], expect: &[&str]) {
    let given = format!("{:?} {:?}", request.tool_choice, request.delivery);
    let rig = rig(&[&[script], &[&[text("other"), finish()]]]);
    let seen: Vec<String> = rig.ask_with(request).await.iter().map(short).collect();
    let said: Vec<_> = script
        .iter()
        .map(|step| match step {
            Step::Say(event) => short(&Ok(event.clone())),
            Step::Wait(_) | Step::Fail(_) | Step::Cut => String::new(),
        })
        .collect();
    assert_eq!(seen, expect, "given {said:?}, {given}");
}

async fn check(script: &[Step], expect: &[&str]) {
    check_of(offering(ToolChoice::Auto), script, expect).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_written_as_text_is_a_call() {
    use FinishReason::{Length, Stop};
    let one = ["by t0/m", "call 0 f {\"x\":1}", "ends ToolCalls"];
    let leak = text("<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}</tool_call>");
    check(&[leak.clone(), ends(Stop)], &one).await;
    let pieces = [
        "<",
        "tool_",
        "call>\n{\"name\":",
        "\"f\",\"arguments\":{\"x\":1}}\n",
        "</tool",
        "_call>",
    ]
    .map(text);
    check(&[&pieces[..], &[ends(Stop)]].concat(), &one).await;
    check(
        &[text("{\"name\":\"f\",\"parameters\":"), text("{\"x\":1}}"), ends(Stop)],
        &one,
    )
    .await;
    let after_words = ["by t0/m", "says I look. ", "call 0 g {}", "ends ToolCalls"];
    check(
        &[text("I look. "), text("<function=g>{}</function>"), ends(Stop)],
        &after_words,
    )
    .await;
    check(
        &[text("I look. <function=g>{}</function>"), ends(Stop)],
        &["by t0/m", "says I look.", "call 0 g {}", "ends ToolCalls"],
    )
    .await;
    check(
        &[text("{\"age\":"), text("1}"), ends(Stop)],
        &["by t0/m", "says {\"age\":", "says 1}", "ends Stop"],
    )
    .await;
    check(
        &[text("{\"name\":\"Bob\"}"), ends(Stop)],
        &["by t0/m", "says {\"name\":\"Bob\"}", "ends Stop"],
    )
    .await;
    check(
        &[text("a < b"), text(" and [c]"), ends(Stop)],
        &["by t0/m", "says a < b", "says  and [c]", "ends Stop"],
    )
    .await;
    // What is no whole call, or of no tool that was offered, is never shown.
    let other = ["by t1/m", "says other", "ends Stop"];
    check(&[text("<tool_call>{\"name\":\"f\",\"argu"), ends(Stop)], &other).await;
    check(&[text("<tool_call>{\"name\":\"rm\"}</tool_call>"), ends(Stop)], &other).await;
    check(
        &[text("<tool_call>{\"name\":\"f\",\"argu"), ends(Length)],
        &["by t0/m", "ends Length"],
    )
    .await;
    let reset = ["by t0/m", "says words ", "reset", "by t1/m", "says other", "ends Stop"];
    check(&[text("words "), text("<tool_call>{\"na"), ends(Stop)], &reset).await;
    // Without tools it is only text.
    let script = [leak, ends(Stop)];
    let shown = "says <tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}</tool_call>";
    check_of(Request::default(), &script, &["by t0/m", shown, "ends Stop"]).await;
}

#[tokio::test(start_paused = true)]
async fn calls_written_as_text_are_one_and_strict_where_that_is_wanted() {
    use FinishReason::Stop;
    let mut one = offering(ToolChoice::Auto);
    one.options.parallel_tool_calls = Some(false);
    let two = "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}</tool_call>\
               <tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>";
    let script = [text(two), ends(Stop)];
    let first = ["by t0/m", "call 0 f {\"x\":1}", "ends ToolCalls"];
    check_of(one, &script, &first).await;
    let mut strict = offering(ToolChoice::Auto);
    strict.tools[0].strict = Some(true);
    strict.tools[0].parameters = json!({"properties": {"x": {"type": "string"}}});
    check_of(strict.clone(), &script, &["by t1/m", "says other", "ends Stop"]).await;
    strict.tools[0].parameters = json!({"properties": {"x": {"type": "integer"}}});
    let both = ["by t0/m", "call 0 f {\"x\":1}", "call 1 g {}", "ends ToolCalls"];
    check_of(strict, &script, &both).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_is_handed_on_when_it_is_whole() {
    use FinishReason::{Length, Stop, ToolCalls};
    let whole = [call(0, Some("f"), "{\"x\""), call(0, None, ":1}"), ends(ToolCalls)];
    check(
        &whole,
        &["by t0/m", "call 0 f {\"x\"", "call 0 … :1}", "ends ToolCalls"],
    )
    .await;
    let cut = [call(0, Some("f"), "{}"), call(1, Some("g"), "{\"x\":"), ends(Length)];
    check(&cut, &["by t0/m", "call 0 f {}", "ends Length"]).await;
    check(
        &[call(0, Some("f"), "{\"x\":"), ends(Length)],
        &["by t0/m", "ends Length"],
    )
    .await;
    check(
        &[call(0, Some("f"), ""), ends(Stop)],
        &["by t0/m", "call 0 f ", "ends Stop"],
    )
    .await;
    // The stream ends in the middle of a call: nobody hears of it.
    let cut = [text("words"), call(0, Some("f"), "{\"x\":"), Step::Cut];
    check(
        &cut,
        &["by t0/m", "says words", "reset", "by t1/m", "says other", "ends Stop"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_tool_choice_demands_is_checked() {
    use FinishReason::{Length, Stop, ToolCalls};
    let right = [text("well"), call(0, Some("f"), "{}"), ends(ToolCalls)];
    let said = ["by t0/m", "says well", "call 0 f {}", "ends ToolCalls"];
    check_of(offering(ToolChoice::Required), &right, &said).await;
    check_of(offering(ToolChoice::Named("f".into())), &right, &said).await;
    let nobody = ["error no_call"];
    check_of(offering(ToolChoice::Named("g".into())), &right, &nobody).await;
    check_of(offering(ToolChoice::Required), &[text("no"), ends(Stop)], &nobody).await;
    let reset = ["by t0/m", "says well", "reset", "by t1/m", "says other", "ends Stop"];
    check_of(offering(ToolChoice::None), &right, &reset).await;
    check_of(
        offering(ToolChoice::Required),
        &[text("no"), ends(Length)],
        &["by t0/m", "says no", "ends Length"],
    )
    .await;
    let leak = [text("<tool_call>{\"name\":\"f\"}</tool_call>"), ends(Stop)];
    check_of(
        offering(ToolChoice::Required),
        &leak,
        &["by t0/m", "call 0 f {}", "ends ToolCalls"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_demanded_call_gets_a_second_try() {
    let words: &[Step] = &[text("no"), finish()];
    let calls: &[Step] = &[call(0, Some("f"), "{}"), ends(FinishReason::ToolCalls)];
    let rig = rig(&[&[words, calls], &[&[text("other"), finish()]]]);
    let seen: Vec<String> = rig
        .ask_with(offering(ToolChoice::Required))
        .await
        .iter()
        .map(short)
        .collect();
    assert_eq!(seen, ["by t0/m", "call 0 f {}", "ends ToolCalls"]);
    assert_eq!(rig.asked(), [2, 0]);
    assert_eq!(rig.states(), [Shown::Closed, Shown::Closed]);
}

fn chunk(delta: &serde_json::Value, end: Option<&str>) -> Step {
    let meaningful = *delta != json!({});
    let chunk = json!({"id": "u", "created": 1, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]});
    Step::Say(Event::Wire(WireChunk {
        data: chunk.to_string().into(),
        meaningful,
    }))
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_passed_on_are_guarded_too() {
    let wire = || Request {
        original: Some(Original {
            protocol: Protocol::OpenAiChat,
            body: Bytes::from_static(b"{}"),
            include_usage: false,
        }),
        delivery: Delivery::Live,
        ..offering(ToolChoice::Auto)
    };
    let says = |text: &str| chunk(&json!({ "content": text }), None);
    let calls = |arguments: &str| {
        let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}});
        chunk(&json!({ "tool_calls": [call] }), None)
    };
    let end = |reason: &str| chunk(&json!({}), Some(reason));
    let plain = [says("a <b"), says(" c"), end("stop"), finish()];
    let expect = ["by t0/m", "wire u a <b", "wire u  c", "wire u stop", "ends Stop"];
    check_of(wire(), &plain, &expect).await;
    let leak = [
        says("<tool_"),
        says("call>{\"name\":\"f\"}</tool_call>"),
        end("stop"),
        finish(),
    ];
    let expect = ["by t0/m", "wire u call 0 f {} ", "wire u tool_calls", "ends ToolCalls"];
    check_of(wire(), &leak, &expect).await;
    let cut = [says("hm"), calls("{\"x\":"), end("length"), ends(FinishReason::Length)];
    check_of(wire(), &cut, &["by t0/m", "wire u hm", "wire u length", "ends Length"]).await;
    let whole = [calls("{\"x\":1}"), end("tool_calls"), ends(FinishReason::ToolCalls)];
    let expect = [
        "by t0/m",
        "wire u call 0 f {\"x\":1} ",
        "wire u tool_calls",
        "ends ToolCalls",
    ];
    check_of(wire(), &whole, &expect).await;
    // Text and end in one chunk.
    let at_once = [
        chunk(&json!({"content": "<function=f>{}</function>"}), Some("stop")),
        finish(),
    ];
    let expect = ["by t0/m", "wire u call 0 f {} ", "wire u tool_calls", "ends ToolCalls"];
    check_of(wire(), &at_once, &expect).await;
}
