//! What is told about a request to those who watch: metrics and traces.

use serde_json::Value;

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::send;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Every span that the collector was sent.
fn spans(log: &[stand_in::Entry]) -> Vec<Value> {
    let documents = log.iter().filter(|entry| entry.path == "/v1/traces");
    let lists = documents.map(|entry| entry.body["resourceSpans"][0]["scopeSpans"][0]["spans"].clone());
    lists.filter_map(|list| list.as_array().cloned()).flatten().collect()
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found = spans.iter().find(|span| span["name"] == name);
    found.unwrap_or_else(|| panic!("no span `{name}` in {spans:#?}"))
}

/// The stand-in takes the part of the collector too: it writes down what it is sent.
#[tokio::test]
async fn one_trace_goes_through_request_turn_model_and_tool() {
    let server = stand_in().await;
    let setup = chain(&server.url(), &[("down", "gone"), ("gpu", "tools")]);
    let jarvis = Jarvis::start(&Setup {
        config: format!("[traces]\nendpoint = \"{}\"\n{}", server.url(), setup.config),
        ..setup
    })
    .await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let answer = send(
        &jarvis.address,
        "POST",
        "/v1/chat/completions",
        &[("traceparent", &traceparent), ("content-type", "application/json")],
        chat("jarvis", "look around\ncall list_containers {}", false).to_string(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let spans = eventually("the request's span", async || {
        let spans = spans(&server.log());
        let ended = spans.iter().any(|span| span["name"] == "POST /v1/chat/completions");
        ended.then_some(spans)
    })
    .await;
    assert!(spans.iter().all(|span| span["traceId"] == TRACE), "{spans:#?}");
    let request = named(&spans, "POST /v1/chat/completions");
    let turn = named(&spans, "invoke_agent jarvis");
    assert_eq!(request["parentSpanId"], CALLER);
    assert_eq!(turn["parentSpanId"], request["spanId"]);
    for name in ["chat tools", "execute_tool list_containers"] {
        assert_eq!(named(&spans, name)["parentSpanId"], turn["spanId"], "{name}");
    }
    let failed = named(&spans, "chat gone");
    assert_eq!(failed["status"]["code"], 2, "{failed}");
}

#[tokio::test]
async fn metrics_tell_of_answers_fallbacks_and_breakers() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("down", "gone"), ("cloud", "ok")])).await;
    let answer = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let metrics = jarvis.get("/metrics").await;
    assert!(
        metrics.headers["content-type"]
            .to_str()
            .is_ok_and(|kind| kind.starts_with("application/openmetrics-text")),
        "{:?}",
        metrics.headers
    );
    for line in [
        r#"jarvis_attempts_total{target="cloud/ok",class="answered"} 1"#,
        r#"jarvis_fallback_total{from="down/gone",to="cloud/ok",class="host_down"} 1"#,
        r#"jarvis_breaker_state{scope="down"} 2"#,
        r#"jarvis_breaker_state{scope="cloud"} 0"#,
        r#"gen_ai_client_token_usage_sum{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="jarvis-chat",gen_ai_response_model="ok",gen_ai_token_type="output"} 12.0"#,
    ] {
        assert!(
            metrics.text.lines().any(|have| have == line),
            "{line} is not in:\n{}",
            metrics.text
        );
    }
}

#[tokio::test]
async fn a_turn_is_shown_step_by_step() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("down", "gone"), ("gpu", "tools")])).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, "look around\ncall list_containers {}").await;
    let run = answer["run_id"].as_str().expect("a run");
    // The ledger is written a moment later than the answer.
    let trace = eventually("the models of the turn", async || {
        let trace = jarvis.get(&format!("/v1/jarvis/runs/{run}")).await.json();
        let steps = trace["steps"].as_array()?;
        let answered = steps.iter().filter(|step| step["outcome"] == "answered").count();
        (trace["ended_by"] == "answered" && answered == 2).then_some(trace)
    })
    .await;
    let mut kinds: Vec<&str> = trace["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["kind"].as_str())
        .collect();
    kinds.dedup();
    assert_eq!(kinds, ["asked", "model", "tool", "model", "answer"], "{trace:#}");
    let start = run.get(..30).expect("a UUID");
    for id in [run, start, "last"] {
        let (text, ok) = jarvis.run(&["trace", id]).await;
        assert!(ok && text.starts_with(&format!("Turn {run}")), "{text}");
        for part in [
            "model down/gone of",
            "model gpu/tools of",
            "list_containers {}: ok, allow by read",
            "ended: answered",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let (json, _) = jarvis.run(&["trace", start, "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), trace);
    let (text, ok) = jarvis.run(&["trace", "ffff"]).await;
    assert!(
        !ok && text.contains("there is no turn") && text.contains("`last`"),
        "{text}"
    );
    let missing = jarvis.get("/v1/jarvis/runs/%25").await;
    assert_eq!((missing.status, missing.error_code().as_str()), (404, "run_not_found"));
}
