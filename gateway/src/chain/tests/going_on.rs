use serde_json::{Value, json};

use super::*;
use crate::chat::{Message, ResponseFormat, Role};

/// Targets that go on with what another one began, but for the first.
fn rig_that_goes_on(scripts: &[&[&[Step]]]) -> Rig {
    let rig = rig(scripts);
    let settings = Settings {
        capabilities: Claims {
            prefill: Some(true),
            ..Claims::default()
        },
        ..Settings::default()
    };
    let targets = rig.played.iter().enumerate().map(|(at, played)| {
        let target = Target::new(
            &rig.board,
            &format!("t{at}"),
            "m",
            HostClass::Gpu,
            Arc::new(played.clone()),
        );
        Arc::new(if at == 0 {
            target
        } else {
            target.with_settings(&settings)
        })
    });
    rig.chain.replace(targets.collect());
    rig
}

fn asked() -> Request {
    let mut request = Request {
        messages: vec![Message::text(Role::User, "why?")],
        delivery: Delivery::Live,
        ..Request::default()
    };
    request.demands.goes_on = Some(true);
    request
}

async fn check(request: Request, scripts: &[&[&[Step]]], expect: &[&str]) {
    let rig = rig_that_goes_on(scripts);
    let seen: Vec<String> = rig.ask_with(request).await.iter().map(short).collect();
    assert_eq!(seen, expect);
}

fn short(event: &Result<Event, Error>) -> String {
    match event {
        Ok(Event::Text(text)) => text.clone(),
        Ok(Event::Wire(chunk)) => {
            let json: Value = serde_json::from_slice(&chunk.data).unwrap();
            format!("wire {}", json["choices"][0]["delta"]["content"].as_str().unwrap())
        }
        Ok(Event::Served(served)) => format!("by {}", served.target),
        Ok(Event::Finish(_)) => "ends".into(),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.class.as_str().into(),
    }
}

fn wire(text: &str) -> Step {
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    Step::Say(Event::Wire(WireChunk {
        data: Bytes::from(chunk.to_string()),
        meaningful: true,
    }))
}

#[tokio::test(start_paused = true)]
async fn another_target_goes_on_with_text() {
    let cut: &[&[Step]] = &[&[text("one "), text("two "), Step::Cut]];
    let rest: &[&[Step]] = &[&[text("three"), finish()]];
    check(
        asked(),
        &[cut, rest],
        &["by t0/m", "one ", "two ", "by t1/m", "three", "ends"],
    )
    .await;
    let wires: &[&[Step]] = &[&[wire("one "), wire("two "), fail(Class::Upstream5xx)]];
    let rest_of_wire: &[&[Step]] = &[&[wire("three"), finish()]];
    let expect = ["by t0/m", "wire one ", "wire two ", "by t1/m", "three", "ends"];
    check(asked(), &[wires, rest_of_wire], &expect).await;
    // What is repeated is said once.
    let long: &[&[Step]] = &[&[text("one two three four five "), Step::Cut]];
    let repeats: &[&[Step]] = &[&[text("three four"), text(" five six"), finish()]];
    check(
        asked(),
        &[long, repeats],
        &["by t0/m", "one two three four five ", "by t1/m", "six", "ends"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_error_is_told_when_nobody_goes_on() {
    let cut: &[&[Step]] = &[&[text("one "), Step::Cut]];
    let rest: &[&[Step]] = &[&[text("two"), finish()]];
    let told = ["by t0/m", "one ", "truncated"];
    let unwanted = Request {
        demands: crate::demands::Demands::default(),
        ..asked()
    };
    check(unwanted, &[cut, rest], &told).await;
    let bound = || {
        let mut request = asked();
        request.options.response_format = Some(ResponseFormat::JsonObject);
        request
    };
    check(bound(), &[cut, rest], &told).await;
    check(asked(), &[cut, &[&[fail(Class::ClientFault)]]], &told).await;
    check(asked(), &[cut, &[&[finish()]]], &told).await;
    check(
        asked(),
        &[cut, &[&[Step::Say(Event::Reasoning("hm".into())), finish()]]],
        &told,
    )
    .await;
    check(
        asked(),
        &[cut, &[&[text("two"), Step::Cut]]],
        &["by t0/m", "one ", "by t1/m", "two", "truncated"],
    )
    .await;
    let thought: &[&[Step]] = &[&[Step::Say(Event::Reasoning("hm".into())), text("one "), Step::Cut]];
    check(
        asked(),
        &[thought, rest],
        &["by t0/m", "Reasoning(\"hm\")", "one ", "truncated"],
    )
    .await;
    // Only one is asked.
    let rig = rig_that_goes_on(&[cut, &[&[fail(Class::HostDown)]], rest]);
    let seen: Vec<String> = rig.ask_with(asked()).await.iter().map(short).collect();
    assert_eq!(
        (seen.as_slice(), rig.asked()),
        (told.map(str::to_owned).as_slice(), vec![1, 1, 0])
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_no_longer_waits_is_not_given_the_rest() {
    let slow: &[&[Step]] = &[&[text("one "), Step::Wait(4_000), Step::Cut]];
    let rest: &[&[Step]] = &[&[Step::Wait(3_000), text("two"), finish()]];
    let mut request = asked();
    request.demands.deadline = Some(Duration::from_secs(5));
    check(request, &[slow, rest], &["by t0/m", "one ", "truncated"]).await;
}
