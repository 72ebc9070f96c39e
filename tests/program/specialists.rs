//! Specialists, and the files that they are made of.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::chains::{chain, stand_in};
use crate::jarvis::{Jarvis, Setup, command, eventually};

const ASK: &str = r#"look around
call consult {"specialist":"atlas","question":"what runs here?\ncall list_containers {}"}"#;

fn tool<'a>(steps: &'a Value, name: &str) -> &'a Value {
    let mut steps = steps.as_array().into_iter().flatten();
    let found = steps.find(|step| step["tool"] == name);
    found.unwrap_or_else(|| panic!("no step of {name}"))
}

#[tokio::test]
async fn what_a_specialist_did_is_in_the_trace_the_ledger_and_the_spans() {
    let server = stand_in().await;
    let setup = chain(&server.url(), &[("gpu", "tools")]);
    let jarvis = Jarvis::start(&Setup {
        config: format!("[traces]\nendpoint = \"{}\"\n{}", server.url(), setup.config),
        ..setup
    })
    .await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, ASK).await;
    let line = &answer["detail"]["tools"][0];
    assert_eq!(
        (&line["name"], &line["target"]),
        (&"consult".into(), &"atlas".into()),
        "{answer:#}"
    );
    let run = answer["run_id"].as_str().expect("a run");
    // The ledger is written a moment later than the answer.
    let trace = eventually("the models of the specialist", async || {
        let trace = jarvis.get(&format!("/v1/jarvis/runs/{run}")).await.json();
        let inner = &tool(&trace["steps"], "consult")["consulted"];
        let models = inner["steps"]
            .as_array()?
            .iter()
            .filter(|step| step["kind"] == "model")
            .count();
        (models == 2).then_some(trace)
    })
    .await;
    let inner = &tool(&trace["steps"], "consult")["consulted"];
    assert_eq!(inner["agent"], "atlas");
    assert_eq!(inner["target"], "gpu/tools");
    assert_eq!(tool(&inner["steps"], "list_containers")["rule"], "read");
    let tokens = |of: &Value| of["tokens_in"].as_i64().expect("a count");
    assert!(tokens(inner) > 0 && tokens(&trace) > tokens(inner), "{trace:#}");

    let (text, ok) = jarvis.run(&["trace", "last"]).await;
    assert!(ok && text.starts_with(&format!("Turn {run}")), "{text}");
    let at = |part: &str| {
        text.lines()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part} in {text}"))
    };
    assert!(at("consult {") < at("  atlas by gpu/tools; model calls: 2, tool calls: 1"));
    assert!(at("  atlas by gpu/tools") < at("    list_containers {}: ok, allow by read"));

    let names = eventually("the specialist's span", async || {
        let log = server.log();
        let documents = log.iter().filter(|entry| entry.path == "/v1/traces");
        let spans: Vec<Value> = documents
            .filter_map(|entry| {
                entry.body["resourceSpans"][0]["scopeSpans"][0]["spans"]
                    .as_array()
                    .cloned()
            })
            .flatten()
            .collect();
        let of = |name: &str| spans.iter().find(|span| span["name"] == name).cloned();
        Some((
            of("invoke_agent jarvis")?,
            of("invoke_agent atlas")?,
            of("execute_tool list_containers")?,
        ))
    })
    .await;
    let (jarvis_span, atlas, read) = names;
    assert_eq!(atlas["parentSpanId"], jarvis_span["spanId"]);
    assert_eq!(read["parentSpanId"], atlas["spanId"]);
    assert_eq!(atlas["traceId"], jarvis_span["traceId"]);
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_is_named_with_its_line() {
    let data = TempDir::new().expect("a folder");
    let folder = data.path().join("prompts").join("agents");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("vesta.md");
    let run = async |arguments: &[&str]| {
        let output = command(data.path()).args(arguments).output().await.expect("it runs");
        let says = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&says).into_owned(), output.status.success())
    };
    let text = "+++\nname = \"vesta\"\nabout = \"the hearth\"\ntools = [\"*\"]\n[limits]\nmodel_calls = 9\n+++\nYou are Vesta.\n";
    fs::write(&file, text).expect("a file");
    let wrong = format!("{}, line 6: `model_calls` is 1 to 6, not 9", file.display());
    let (says, ok) = run(&["serve"]).await;
    assert!(!ok && says.contains(&wrong), "{says}");
    let (says, ok) = run(&["doctor"]).await;
    assert!(!ok && says.contains(&format!("wrong  agents     {wrong}")), "{says}");

    fs::write(&file, text.replace("[limits]\nmodel_calls = 9", "model = \"fast\"")).expect("a file");
    let wrong = "vesta.md: there is no alias `fast`";
    for arguments in [["serve"], ["doctor"]] {
        let (says, ok) = run(&arguments).await;
        assert!(!ok && says.contains(wrong), "{says}");
    }

    fs::write(&file, text.replace("model_calls = 9", "model_calls = 2")).expect("a file");
    let (says, _) = run(&["doctor"]).await;
    let well = format!(
        "ok     agents     prime, athena, atlas, mercury, sentinel, vesta; by your files: {}",
        file.display()
    );
    assert!(says.contains(&well), "{says}");
}
