//! The files in deploy/, held against what the program does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::Jarvis;

const DASHBOARD: &str = include_str!("../../deploy/grafana.json");

/// Every name in an expression that Jarvis can have given to a metric.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    // `gen_ai_request_model` and its like are labels.
    let named = words.filter(|word| {
        word.starts_with("jarvis_") || word.starts_with("gen_ai_client_") || word.starts_with("gen_ai_server_")
    });
    named.map(str::to_owned).collect()
}

/// A metric that has no value yet is told of by its kind all the same.
fn is_served(metrics: &str, name: &str) -> bool {
    let family = ["_total", "_bucket", "_sum", "_count", "_info"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    let kind = metrics
        .lines()
        .find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(family)?.strip_prefix(' '));
    let fits = match kind {
        Some("counter") => name.ends_with("_total"),
        Some("histogram") => name.ends_with("_bucket") || name.ends_with("_sum") || name.ends_with("_count"),
        Some("info") => name.ends_with("_info"),
        Some("gauge") => name == family,
        Some(_) | None => false,
    };
    fits && !family.is_empty()
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_served() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("down", "gone"), ("cloud", "ok")])).await;
    let answer = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let metrics = jarvis.get("/metrics").await.text;
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut asked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let names = metrics_in(expression);
            assert!(!names.is_empty(), "{expression}");
            for name in names {
                asked += 1;
                assert!(
                    is_served(&metrics, &name),
                    "{name} of the panel {} in\n{metrics}",
                    panel["title"]
                );
            }
        }
    }
    assert!(asked >= panels.len());
}
