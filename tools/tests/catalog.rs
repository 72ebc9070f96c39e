//! What models and people are told of the tools. A change of a name, a description or a schema changes how models
//! use a tool, so it shows here: run with `UPDATE_SNAPSHOTS=1` and read the difference.

use std::path::Path;
use std::sync::Arc;

use jarvis_gateway::clock::{Clock, System};
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Config, Error, catalog};
use serde_json::{Value, json};

fn standard() -> catalog::Catalog {
    let clock: Arc<dyn Clock> = Arc::new(System);
    catalog::standard(Config::default(), &clock)
}

#[test]
fn models_are_told_of_the_tools_as_the_snapshot_says() {
    let tools: Vec<Value> = standard()
        .iter()
        .map(|tool| {
            let spec = catalog::spec(tool.as_ref());
            json!({"name": spec.name, "description": spec.description, "parameters": spec.parameters})
        })
        .collect();
    let now = serde_json::to_string_pretty(&tools).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap();
    assert_eq!(now, pinned, "run with UPDATE_SNAPSHOTS=1 and look at what git shows");
}

#[test]
fn the_risk_follows_from_the_arguments() {
    let check = |tool: &str, arguments: Value, expect: Risk, target: Option<&str>| {
        let prepared = standard().get(tool).unwrap().prepare(&arguments).unwrap();
        assert_eq!(
            (prepared.risk, prepared.target.as_deref()),
            (expect, target),
            "{tool} {arguments}"
        );
    };
    let read = Risk::read(Trust::Operator);
    let acts = |effect| Risk::acts(effect, Trust::Operator);
    check("list_containers", json!({}), read, None);
    let inspect = json!({"container": "web"});
    check("inspect_container", inspect, read.private(), Some("web"));
    check("container_stats", json!({}), read, None);
    check("container_stats", json!({"container": "web"}), read, Some("web"));
    check(
        "get_container_logs",
        json!({"container": "web"}),
        read.private(),
        Some("web"),
    );
    check("get_server_status", json!({}), read, None);
    let action = |action: &str| json!({"action": action, "container": "web"});
    check("docker_action", action("start"), acts(Effect::Reversible), Some("web"));
    check(
        "docker_action",
        action("restart"),
        acts(Effect::Reversible),
        Some("web"),
    );
    check("docker_action", action("stop"), acts(Effect::Destructive), Some("web"));
}

#[test]
fn an_argument_that_does_not_fit_is_named() {
    let check = |tool: &str, arguments: Value, parts: &[&str]| {
        let error = standard().get(tool).unwrap().prepare(&arguments).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }));
        for part in parts {
            assert!(error.to_string().contains(part), "{error} does not say {part}");
        }
    };
    let logs = "get_container_logs";
    check(logs, json!({}), &["get_container_logs", "missing field `container`"]);
    check(
        logs,
        json!({"container": "web", "lines": 5}),
        &["unknown field `lines`", "`tail`"],
    );
    check(
        logs,
        json!({"container": "web", "tail": "many"}),
        &["`tail`", "invalid type"],
    );
    check(
        logs,
        json!({"container": "web", "tail": 1001}),
        &["`tail`", "not within 1 and 1000"],
    );
    check(
        logs,
        json!({"container": "web", "tail": 0}),
        &["`tail`", "not within 1 and 1000"],
    );
    check(
        logs,
        json!({"container": "web", "tail": -1}),
        &["`tail`", "invalid value"],
    );
    check(
        logs,
        json!({"container": "web", "since": "8d"}),
        &["`since`", "at most `7d`"],
    );
    check(logs, json!({"container": "web", "grep": ""}), &["`grep`", "1 to 100"]);
    check(
        logs,
        json!({"container": "web", "grep": "x".repeat(101)}),
        &["`grep`", "1 to 100"],
    );
    check(
        logs,
        json!({"container": "web", "stream": "both!"}),
        &["`stream`", "unknown variant"],
    );
    check(logs, json!({"container": 5}), &["`container`", "invalid type"]);
    check(logs, json!([]), &["get_container_logs"]);
    let action = "docker_action";
    check(
        action,
        json!({"container": "web", "action": "remove"}),
        &["`action`", "`restart`"],
    );
    check(
        action,
        json!({"container": "web", "action": "stop", "timeout_s": 121}),
        &["`timeout_s`", "1 and 120"],
    );
    check(
        action,
        json!({"container": "a/b", "action": "stop"}),
        &["`container`", "`a/b` is not a container name"],
    );
    check("get_server_status", json!({"host": "x"}), &["unknown field `host`"]);
}

#[test]
fn optional_arguments_may_be_null() {
    let arguments = json!({"container": "web", "tail": null, "since": null, "grep": null, "stream": null});
    assert!(
        standard()
            .get("get_container_logs")
            .unwrap()
            .prepare(&arguments)
            .is_ok()
    );
}

/// Command mode finds calls by their phrases, so every hole must be filled and every call must fit its tool.
#[test]
fn every_command_makes_calls_that_fit() {
    let catalog = standard();
    let mut phrases = Vec::new();
    for command in catalog.commands() {
        assert!(!command.help.is_empty());
        for phrase in command.phrases {
            assert_eq!(*phrase, phrase.to_lowercase());
            assert!(
                phrase.chars().all(|c| c.is_ascii_alphanumeric() || " {}".contains(c)),
                "{phrase}"
            );
            phrases.push(*phrase);
            for call in command.calls {
                let arguments: serde_json::Map<String, Value> = call
                    .arguments
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), filled(value, phrase)))
                    .collect();
                let prepared = catalog.get(call.tool).unwrap().prepare(&Value::Object(arguments));
                assert!(prepared.is_ok(), "{phrase}: {prepared:?}");
            }
        }
    }
    let all = phrases.len();
    phrases.sort_unstable();
    phrases.dedup();
    assert_eq!(phrases.len(), all, "two commands share a phrase");
}

fn filled(value: &str, phrase: &str) -> Value {
    match value {
        hole if hole.starts_with('{') => {
            assert!(phrase.contains(hole), "`{phrase}` does not take {hole}");
            if hole == "{lines}" { json!(50) } else { json!("web") }
        }
        text => text.parse::<u32>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}
