//! What is known of targets, and a person's hand on them.

use serde_json::{Value, json};
use stand_in::{Control, Model};

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::send;

async fn target(jarvis: &Jarvis, name: &str) -> Value {
    let targets = jarvis.get("/v1/jarvis/targets").await.json();
    let found = targets["targets"]
        .as_array()
        .expect("targets")
        .iter()
        .find(|target| target["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {targets}")).clone()
}

async fn who_answers(jarvis: &Jarvis) -> String {
    let answer = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.headers["x-jarvis-target"].to_str().expect("text").to_owned()
}

/// Without one request, the servers have said what they are, what they have, and what is loaded.
#[tokio::test]
async fn targets_are_known_before_anybody_asks_them() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(
        &server.url(),
        &[("gpu", "ok"), ("gpu", "tools"), ("cloud", "ok")],
    ))
    .await;
    let gpu = eventually("the probes", async || {
        let gpu = target(&jarvis, "gpu/ok").await;
        (gpu["warmth"] != "unknown" && !gpu["capabilities"].is_null()).then_some(gpu)
    })
    .await;
    // The stand-in says that half of it is in fast memory.
    assert_eq!(gpu["warmth"], "warm_slow", "{gpu}");
    assert_eq!(gpu["version"], "0.33.0", "{gpu}");
    assert_eq!(gpu["context"], json!({ "effective": 4096, "max": 40_960 }), "{gpu}");
    assert_eq!(gpu["last_probe"]["ok"], true, "{gpu}");
    let cold = target(&jarvis, "gpu/tools").await;
    assert_eq!(cold["warmth"], "cold", "{cold}");
    assert_eq!(cold["capabilities"], json!(["completion", "tools"]), "{cold}");
    // Nobody asks a service in the cloud anything without a reason.
    let cloud = target(&jarvis, "cloud/ok").await;
    assert_eq!(
        (&cloud["warmth"], &cloud["last_probe"]),
        (&json!("unknown"), &Value::Null)
    );
    let asked: Vec<String> = server.log().into_iter().map(|entry| entry.path).collect();
    assert!(asked.iter().all(|path| !path.starts_with("/v1")), "{asked:?}");
    let generates = |path: &&String| path.contains("chat") || path.contains("generate");
    assert_eq!(asked.iter().filter(generates).count(), 0, "{asked:?}");
}

/// Nobody has to ask for a model to learn that its Ollama does not have it.
#[tokio::test]
async fn a_model_that_its_ollama_lacks_is_shown_as_missing() {
    let server = stand_in().await;
    let models = |names: &[&str]| Control {
        models: Some(names.iter().map(|name| Model::named(name)).collect()),
        ..Control::default()
    };
    server.control(models(&["tools"])).expect("a list");
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok"), ("gpu", "tools")])).await;
    let gpu = eventually("the probes", async || {
        let gpu = target(&jarvis, "gpu/ok").await;
        (gpu["state"] == "missing").then_some(gpu)
    })
    .await;
    assert_eq!(gpu["breakers"]["model"]["state"], "closed", "{gpu}");
    let reason = gpu["reason"].as_str().expect("a reason");
    assert!(reason.contains("ollama pull ok"), "{reason}");
    assert_eq!(target(&jarvis, "gpu/tools").await["state"], "closed");
    // The command asks the server, which knows better than the command's own environment.
    let (says, _) = jarvis.run(&["doctor"]).await;
    let words = |line: &str| {
        says.lines()
            .any(|said| said.split_whitespace().collect::<Vec<_>>().join(" ").contains(line))
    };
    assert!(words("2 targets, as the running server knows them"), "{says}");
    assert!(words("wrong gpu/ok the model is missing: its Ollama"), "{says}");
    assert!(words("ok gpu/tools in use"), "{says}");
}

/// A server that does not say what is loaded is loading, and is not down.
#[tokio::test]
async fn a_blocked_list_of_what_is_loaded_means_loading() {
    let server = stand_in().await;
    let blocked = Control {
        fault: Some("hang".into()),
        path: Some("/api/ps".into()),
        ..Control::default()
    };
    server.control(blocked).expect("a fault");
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok")])).await;
    let gpu = eventually("the probe", async || {
        let gpu = target(&jarvis, "gpu/ok").await;
        (gpu["warmth"] == "loading").then_some(gpu)
    })
    .await;
    assert_eq!(gpu["breakers"]["backend"]["state"], "closed", "{gpu}");
    assert_eq!(gpu["version"], "0.33.0", "{gpu}");
    server.control(Control::default()).expect("no fault");
    eventually("the end of it", async || {
        (target(&jarvis, "gpu/ok").await["warmth"] == "warm_slow").then_some(())
    })
    .await;
}

/// A model that is loaded ahead is loaded as requests want it, so that the first one does not load it anew.
#[tokio::test]
async fn a_model_that_is_loaded_ahead_is_loaded_once() {
    let server = stand_in().await;
    let cold = Model {
        load_ms: Some(300),
        ..Model::named("ok")
    };
    let models = Control {
        models: Some(vec![cold]),
        ..Control::default()
    };
    server.control(models).expect("a model");
    let config = format!(
        "[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{}\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"ok\"\npreload = true\n\
         ollama = {{ num_ctx = 8192, keep_alive = \"30m\" }}\n",
        server.url()
    );
    let jarvis = Jarvis::start(&Setup {
        config,
        ..Setup::default()
    })
    .await;
    eventually("the load", async || {
        let gpu = target(&jarvis, "gpu/ok").await;
        (gpu["warmth"] == "warm_slow" && gpu["context"]["effective"] == 8192).then_some(())
    })
    .await;
    assert_eq!(who_answers(&jarvis).await, "gpu/ok");
    let runners = server.runners();
    let loads: Vec<(u32, u32)> = runners.iter().map(|runner| (runner.loads, runner.reloads)).collect();
    assert_eq!(loads, [(1, 0)], "{runners:?}");
}

#[tokio::test]
async fn a_person_holds_a_target_open_and_lets_go_of_it() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok"), ("cloud", "ok")])).await;
    assert_eq!(who_answers(&jarvis).await, "gpu/ok");
    let (said, ok) = jarvis.run(&["targets", "force-open", "gpu/ok", "--for", "10m"]).await;
    assert!(
        ok && said.contains("gpu/ok") && said.contains("held open by owner via terminal"),
        "{said}"
    );
    assert_eq!(who_answers(&jarvis).await, "cloud/ok");
    let (listed, _) = jarvis.run(&["targets"]).await;
    assert!(listed.contains("left alone") && listed.contains("cloud/ok"), "{listed}");
    let forced = target(&jarvis, "gpu/ok").await["breakers"]["model"]["forced"].clone();
    assert_eq!(
        (&forced["to"], &forced["by"]),
        (&json!("open"), &json!("owner via terminal"))
    );

    jarvis.run(&["targets", "reset", "gpu/ok"]).await;
    assert_eq!(who_answers(&jarvis).await, "gpu/ok");

    // What is held ends by itself.
    let held = json!({ "to": "open", "seconds": 1 });
    assert_eq!(jarvis.post("/v1/jarvis/targets/gpu", held).await.status, 200);
    assert_eq!(who_answers(&jarvis).await, "cloud/ok");
    eventually("the end of it", async || {
        (who_answers(&jarvis).await == "gpu/ok").then_some(())
    })
    .await;

    let (audit, _) = jarvis.run(&["audit"]).await;
    let intents = audit.lines().filter(|line| line.contains("target.intent")).count();
    let outcomes = audit
        .lines()
        .filter(|line| line.contains("target.outcome") && line.ends_with("ok"))
        .count();
    assert_eq!((intents, outcomes), (3, 3), "{audit}");
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok")])).await;
    let check = async |path: &str, body: Value, status: u16, code: &str| {
        let answer = jarvis.post(&format!("/v1/jarvis/targets/{path}"), body.clone()).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (status, code.to_owned()),
            "{path} {body}"
        );
    };
    check("gpuu", json!({ "to": "open", "seconds": 60 }), 404, "target_not_found").await;
    check("gpu/hf.co/a/b", json!({ "to": "reset" }), 404, "target_not_found").await;
    check("gpu", json!({ "to": "open" }), 400, "invalid_value").await;
    check("gpu", json!({ "to": "open", "seconds": 0 }), 400, "invalid_value").await;
    check("gpu", json!({ "to": "open", "seconds": 86_401 }), 400, "invalid_value").await;
    check("gpu", json!({ "to": "ajar" }), 400, "invalid_body").await;
    // A key without `ops` has no hand on anything.
    let (made, _) = jarvis.run(&["key", "new", "laptop", "--scope", "chat"]).await;
    let key = made
        .split_whitespace()
        .find(|word| word.starts_with("jv_"))
        .expect("a key");
    let headers = [("authorization", format!("Bearer {key}"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // What it says is not even read.
    let refused = send(
        &jarvis.address,
        "POST",
        "/v1/jarvis/targets/gpu",
        &headers,
        "{".to_owned(),
    )
    .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let body = json!({ "to": "open", "seconds": 60 }).to_string();
    let refused = send(&jarvis.address, "POST", "/v1/jarvis/targets/gpu", &headers, body).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
}
