//! A question, its readings and its answer.

use std::time::Duration;

use jarvis_gateway::chat::{Event, FinishReason, Role, Served};
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{Step, call, calls, fails, finish, says};
use jarvis_memory::records::{Message, MessageRole, Run, RunStatus, ToolCall};
use serde_json::json;

use crate::support::house::NOW;
use crate::support::{House, Manner, short, until};

const WEB: &str = r#"{"name":"web"}"#;

#[tokio::test]
async fn a_question_is_answered_through_a_tool_call() {
    let house = House::new([calls("c1", "read_state", WEB), says("web is running.")]).await;
    let mut seen = house.watch();
    let answer = house.ask("is web up?").await;

    assert_eq!(
        seen.lines(),
        [
            "message user: is web up?",
            "run started",
            "tool read_state web running",
            "tool read_state web ok",
            "delta \"web is running.\"",
            "message assistant: web is running.",
            "run finished answered",
        ]
    );
    assert_eq!(
        house.audit().await,
        [
            r#"tool.intent owner/console read_state {"name":"web"} allow read"#,
            "tool.outcome owner/console read_state ok",
        ]
    );
    let run_id = answer.run_id.clone().expect("an answer has a run");
    let call = house.calls_of(&answer).await.remove(0);
    let expect = ToolCall {
        id: call.id.clone(),
        run_id: run_id.clone(),
        call_id: "c1".into(),
        tool: "read_state".into(),
        arguments: json!({ "name": "web" }),
        effect: "read".into(),
        outcome: "ok".into(),
        result: Some(json!({
            "status": "ok", "summary": "**web** is running.", "data": { "name": "web", "state": "running" },
        })),
        at: NOW,
        took_ms: Some(0),
    };
    assert_eq!(call, expect);
    let expect = Message {
        id: answer.id.clone(),
        conversation_id: house.conversation.clone(),
        run_id: Some(run_id.clone()),
        person_id: None,
        trust: 0,
        role: MessageRole::Assistant,
        text: "web is running.".into(),
        detail: json!({
            "target": null,
            "tools": [{
                "conversation_id": house.conversation, "run_id": run_id, "call_id": "c1", "name": "read_state",
                "target": "web", "status": "ok",
            }],
            "why": "answered",
            "tainted": true,
            "saw_private": true,
        }),
        external_id: None,
        created_at: NOW,
    };
    assert_eq!(answer, expect);
    let run = house.run_of(&answer).await;
    let expect = Run {
        id: run_id,
        conversation_id: house.conversation.clone(),
        person_id: Some("owner".into()),
        status: RunStatus::Done,
        target: None,
        model_calls: 2,
        tool_calls: 1,
        tainted: true,
        saw_private: true,
        started_at: NOW,
        ended_at: Some(NOW),
        stop_reason: Some("answered".into()),
        nested_in: None,
        // What the upstream does not report is estimated.
        ..run.clone()
    };
    assert_eq!(run, expect);
    assert!(run.tokens_in > 0);
}

#[tokio::test]
async fn a_call_that_acts_or_tells_somebody_is_a_row_before_it_runs() {
    for (tool, arguments, effect, rule) in [
        (
            "act",
            r#"{"action":"restart","name":"page"}"#,
            "reversible",
            "reversible",
        ),
        ("read_state", r#"{"name":"page"}"#, "read", "read"),
    ] {
        let house = House::new([calls("c1", tool, arguments), says("done")]).await;
        house.world.set("page", "running");
        let gate = house.world.hold("page");
        let mut seen = house.watch();
        let said = house.say("look at page").await.expect("taken").message;
        gate.arrived().await;
        assert_eq!(
            house.calls(&said).await,
            [format!("{tool} {arguments} {effect} started")]
        );
        assert_eq!(
            house.audit().await,
            [format!("tool.intent owner/console {tool} {arguments} allow {rule}")]
        );
        gate.open();
        seen.finished(&said.run_id.clone().expect("a run")).await;
        assert_eq!(house.calls(&said).await, [format!("{tool} {arguments} {effect} ok")]);
    }
}

#[tokio::test]
async fn a_reading_in_the_house_is_a_row_while_it_runs() {
    let house = House::new([calls("c1", "read_state", WEB), says("up")]).await;
    let gate = house.world.hold("web");
    let said = house.say("is web up?").await.expect("taken").message;
    gate.arrived().await;
    let row = [r#"read_state {"name":"web"} read started"#];
    until("the row of a reading", async {
        while house.calls(&said).await != row {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let intent = [r#"tool.intent owner/console read_state {"name":"web"} allow read"#];
    assert_eq!(house.audit().await, intent);
    gate.open();
}

#[tokio::test]
async fn a_model_is_shown_the_rules_the_tools_and_the_result() {
    let house = House::new([calls("c1", "read_state", WEB), says("up")]).await;
    house.ask("is web up?").await;
    let asked = house.model.calls();
    let roles = |index: usize| -> Vec<Role> {
        let request = &asked[index].request;
        request.messages.iter().map(|message| message.role).collect()
    };
    assert_eq!(roles(0), [Role::System, Role::User]);
    assert_eq!(roles(1), [Role::System, Role::User, Role::Assistant, Role::Tool]);
    let tools: Vec<&str> = asked[0].request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["act", "read_state", "consult"]);
    assert_eq!(asked[0].model, "jarvis-chat");
    let result = &asked[1].request.messages[3];
    assert_eq!(result.tool_call_id.as_deref(), Some("c1"));
    assert_eq!(
        short::unmarked(result),
        r#"{"status":"ok","summary":"**web** is running.","data":{"name":"web","state":"running"}}"#
    );
}

#[tokio::test]
async fn two_readings_run_at_once() {
    let both = vec![
        call(0, "c1", "read_state", WEB),
        call(1, "c2", "read_state", r#"{"name":"plex"}"#),
        finish(FinishReason::ToolCalls),
    ];
    let house = House::new([both, says("both up")]).await;
    let (web, plex) = (house.world.hold("web"), house.world.hold("plex"));
    let mut seen = house.watch();
    let said = house.say("are web and plex up?").await.expect("taken").message;
    // Both stand at their gates before either is opened.
    web.arrived().await;
    plex.arrived().await;
    plex.open();
    web.open();
    seen.finished(said.run_id.as_deref().expect("a run")).await;
    let results: Vec<Option<String>> = house.model.calls()[1]
        .request
        .messages
        .iter()
        .map(|message| message.tool_call_id.clone())
        .collect();
    assert_eq!(results[3..], [Some("c1".to_owned()), Some("c2".to_owned())]);
}

/// Some servers number the calls of every reply anew.
#[tokio::test]
async fn calls_of_one_turn_are_told_apart_when_a_model_repeats_an_id() {
    let house = House::new([
        calls("call_0", "read_state", WEB),
        calls("call_0", "read_state", r#"{"name":"plex"}"#),
        says("both up"),
    ])
    .await;
    let answer = house.ask("are web and plex up?").await;
    let lines = answer.detail["tools"].as_array().expect("tool lines");
    let lines: Vec<_> = lines.iter().map(|line| (&line["target"], &line["status"])).collect();
    assert_eq!(lines, [(&json!("web"), &json!("ok")), (&json!("plex"), &json!("ok"))]);
}

#[tokio::test]
async fn text_before_a_call_is_set_apart_and_the_last_answer_counts() {
    let talks_and_calls = vec![
        Step::Event(Event::Text("Let me look.".into())),
        call(0, "c1", "read_state", WEB),
        finish(FinishReason::ToolCalls),
    ];
    let house = House::new([talks_and_calls, says("web is running.")]).await;
    let mut seen = house.watch();
    let answer = house.ask("is web up?").await;
    let deltas: Vec<String> = seen
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("delta"))
        .collect();
    assert_eq!(
        deltas,
        [
            r#"delta "Let me look.""#,
            r#"delta "\n\n""#,
            r#"delta "web is running.""#
        ]
    );
    assert_eq!(answer.text, "web is running.");
}

#[tokio::test]
async fn a_target_that_dies_voids_what_it_said() {
    let served = |target: &str| {
        Step::Event(Event::Served(Served {
            target: target.into(),
            model: "m".into(),
            attempts: 1,
            left: Vec::new(),
            dropped: Vec::new(),
        }))
    };
    let turn = vec![
        served("gpu/m"),
        Step::Event(Event::Text("half".into())),
        Step::Event(Event::Reset),
        served("cpu/m"),
        Step::Event(Event::Text("whole".into())),
        finish(FinishReason::Stop),
    ];
    let house = House::new([turn]).await;
    let mut seen = house.watch();
    let answer = house.ask("hello").await;
    assert_eq!(
        seen.lines(),
        [
            "message user: hello",
            "run started",
            "delta \"half\"",
            "reset",
            "delta \"whole\"",
            "message assistant: whole",
            "run finished answered",
        ]
    );
    assert_eq!(answer.detail["target"], "cpu/m");
    assert_eq!(house.run_of(&answer).await.target.as_deref(), Some("cpu/m"));
}

#[tokio::test]
async fn mistakes_of_a_model_are_results_it_can_correct() {
    let house = House::new([
        calls("c1", "no_such_tool", "{}"),
        calls("c2", "read_state", "{\"name\":"),
        calls("c3", "read_state", r#"{"title":"web"}"#),
        says("sorry"),
    ])
    .await;
    let answer = house.ask("is web up?").await;
    assert_eq!(
        house.calls(&answer).await,
        [
            r#"no_such_tool "{}" unknown error"#,
            r#"read_state "{\"name\":" unknown error"#,
            r#"read_state "{\"title\":\"web\"}" unknown error"#,
        ]
    );
    let result = house.model.calls()[1].request.messages[3].joined_text();
    assert_eq!(
        result,
        r#"{"status":"error","error":"there is no tool `no_such_tool`","hint":"the tools are: act, read_state, consult","retry":false}"#
    );
    // Three errors in a row end the turn: the fourth call has no tools.
    assert!(house.model.calls()[3].request.tools.is_empty());
    assert_eq!(answer.detail["why"], "errors");
}

#[tokio::test]
async fn a_failing_and_a_slow_reading_are_told_to_the_model() {
    let check = async |manner: Manner, expect: &str| {
        let house = House::new([calls("c1", "read_state", WEB), says("it failed")]).await;
        house.world.set_manner("web", manner);
        let answer = house.ask("is web up?").await;
        assert_eq!(house.calls(&answer).await, [r#"read_state {"name":"web"} read error"#]);
        assert_eq!(short::unmarked(&house.model.calls()[1].request.messages[3]), expect);
        assert_eq!(answer.text, "it failed");
    };
    check(
        Manner::Fails,
        r#"{"status":"error","error":"`web` does not answer","retry":true}"#,
    )
    .await;
    check(
        Manner::Hangs,
        r#"{"status":"error","error":"`read_state` gave no answer within 30ms","retry":true}"#,
    )
    .await;
}

#[tokio::test]
async fn no_model_at_all_still_ends_the_turn_with_words() {
    let house = House::new([
        calls("c1", "read_state", WEB),
        fails(Class::HostDown, "connection refused"),
    ])
    .await;
    let answer = house.ask("is web up?").await;
    assert_eq!(
        answer.text,
        "I could not answer: connection refused.\n\nWhat was done before that:\n\n**web** is running."
    );
    assert_eq!(
        short::run(&house.run_of(&answer).await),
        "failed failed: 2 models, 1 tools"
    );
}
