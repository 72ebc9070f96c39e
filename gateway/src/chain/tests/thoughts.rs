use serde_json::{Value, json};

use super::*;

/// What the caller is given: thinking and answer, `|` between events.
async fn check_of(request: Request, script: &[Step], expect: &[&str]) {
    let rig = rig(&[&[script]]);
    let seen: Vec<String> = rig.ask_with(request).await.iter().filter_map(short).collect();
    assert_eq!(seen, expect);
}

fn short(event: &Result<Event, Error>) -> Option<String> {
    match event {
        Ok(Event::Text(text)) => Some(format!("says {text}")),
        Ok(Event::Reasoning(text)) => Some(format!("thinks {text}")),
        Ok(Event::Wire(chunk)) => {
            let json: Value = serde_json::from_slice(&chunk.data).unwrap();
            let choice = &json["choices"][0];
            let message = if choice.is_null() {
                &json["message"]
            } else {
                &choice["delta"]
            };
            let word = |name: &str| message[name].as_str().or(json[name].as_str()).unwrap_or_default();
            let thinks = [word("reasoning_content"), word("thinking")].concat();
            let says = [word("content"), word("response")].concat();
            let end = choice["finish_reason"].as_str().unwrap_or_default();
            Some(format!("{thinks}|{says}|{end}"))
        }
        Ok(Event::Finish(_)) => Some("ends".into()),
        Ok(_) => None,
        Err(error) => Some(error.class.as_str().into()),
    }
}

fn wire(data: &Value, meaningful: bool) -> Step {
    Step::Say(Event::Wire(WireChunk {
        data: Bytes::from(data.to_string()),
        meaningful,
    }))
}

fn chunk(text: &str) -> Step {
    wire(
        &json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}], "x": 1}),
        !text.is_empty(),
    )
}

#[tokio::test(start_paused = true)]
async fn thinking_in_the_text_is_told_as_thinking() {
    let check = |script: Vec<Step>, expect: &'static [&str]| async move {
        check_of(Request::default(), &script, expect).await;
    };
    check(
        vec![text("<th"), text("ink>why</thi"), text("nk>\n\nbecause"), finish()],
        &["thinks why", "says because", "ends"],
    )
    .await;
    check(
        vec![text("a <think>b</think>"), text("<think>c"), finish()],
        &["says a <think>b</think>", "says <think>c", "ends"],
    )
    .await;
    check(
        vec![text("<think>why</th"), finish()],
        &["thinks why", "thinks </th", "ends"],
    )
    .await;
    check(vec![text("<"), finish()], &["says <", "ends"]).await;
    check(
        vec![
            Step::Say(Event::Reasoning("why".into())),
            text("<think>b</think>"),
            finish(),
        ],
        &["thinks why", "says <think>b</think>", "ends"],
    )
    .await;
    // What was thought was said, so that nobody takes it for nothing when the rest is missing.
    check(vec![text("<think>why"), Step::Cut], &["thinks why", "truncated"]).await;
}

#[tokio::test(start_paused = true)]
async fn thinking_in_the_text_of_chunks_is_told_as_thinking() {
    let last = |text: &str| {
        wire(
            &json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}),
            !text.is_empty(),
        )
    };
    let check = |script: Vec<Step>, expect: &'static [&str]| async move {
        let request = Request {
            delivery: Delivery::Live,
            ..Request::default()
        };
        check_of(request, &script, expect).await;
    };
    check(
        vec![
            chunk(""),
            chunk("<think"),
            chunk(">why</think>because"),
            chunk(" <think>"),
            last(""),
            finish(),
        ],
        &["||", "||", "why|because|", "| <think>|", "||stop", "ends"],
    )
    .await;
    check(
        vec![chunk(" "), chunk("<think>why</"), last(""), finish()],
        &["||", "why||", "</||stop", "ends"],
    )
    .await;
    check(
        vec![chunk("a<"), chunk("<think>b"), last("c"), finish()],
        &["|a<|", "|<think>b|", "|c|stop", "ends"],
    )
    .await;
    check(vec![chunk("<"), last(""), finish()], &["||", "|<|stop", "ends"]).await;
    // The second of two answers is nobody's business.
    let second = json!({"choices": [{"index": 1, "delta": {"content": "<think>x"}, "finish_reason": null}]});
    check(
        vec![wire(&second, true), chunk("<think>y</think>z"), last(""), finish()],
        &["|<think>x|", "y|z|", "||stop", "ends"],
    )
    .await;
    let line = |text: &str, done: bool| {
        let message = json!({"role": "assistant", "content": text});
        wire(
            &json!({"model": "m", "message": message, "done": done}),
            !text.is_empty(),
        )
    };
    check(
        vec![
            line("<think>", false),
            line("why</think>", false),
            line("so", true),
            finish(),
        ],
        &["||", "why||", "|so|", "ends"],
    )
    .await;
    let line = |text: &str, done: bool| wire(&json!({"response": text, "done": done}), !text.is_empty());
    check(
        vec![
            line("<think>why", false),
            line("</think>so", false),
            line("", true),
            finish(),
        ],
        &["why||", "|so|", "||", "ends"],
    )
    .await;
}

/// Bytes that need no change are the ones that came.
#[tokio::test(start_paused = true)]
async fn chunks_without_thinking_stay_as_they_are() {
    let first = br#"{"choices": [ {"delta":{"content":"\n<b>"}}],"x":1.0}"#;
    let step = Step::Say(Event::Wire(WireChunk {
        data: Bytes::from_static(first),
        meaningful: true,
    }));
    let rig = rig(&[&[&[step, finish()]]]);
    let seen = rig.ask_over_the_api(true).await;
    let Some(Ok(Event::Wire(chunk))) = seen.get(1) else {
        panic!("{seen:?}");
    };
    assert_eq!(chunk.data, first.as_slice());
}
