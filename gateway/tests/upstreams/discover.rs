//! What is asked of a server besides answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jarvis_gateway::health::Source;
use jarvis_gateway::provider::{Call, Class, Provider};
use jarvis_gateway::providers::{ollama, openai};
use stand_in::Control;

use super::{server, upstream};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_ollama_tells_what_it_has() {
    let server = server().await;
    let upstream = upstream(&server.url());
    assert_eq!(ollama::version(&upstream, LIMIT).await.unwrap(), "0.33.0");
    let models = ollama::tags(&upstream, LIMIT).await.unwrap();
    let names: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["embed:latest", "ok:latest", "tools:latest", "echo:latest"]);
    let chosen = ollama::choose_model(&models).unwrap();
    assert_eq!(
        (chosen.name.as_str(), chosen.details.context_length),
        ("ok:latest", Some(40_960))
    );
    assert_eq!(chosen.digest.len(), 64);
    let shown = ollama::show(&upstream, "tools", LIMIT).await.unwrap();
    let expect = ollama::Shown {
        capabilities: vec!["completion".into(), "tools".into()],
        context_length: Some(40_960),
        embedding_length: None,
    };
    assert_eq!(shown, expect);
    let loaded = ollama::ps(&upstream, LIMIT).await.unwrap();
    let loaded: Vec<_> = loaded
        .iter()
        .map(|model| (model.name.as_str(), model.context_length))
        .collect();
    assert_eq!(loaded, [("ok:latest", Some(4096))]);
}

#[tokio::test]
async fn an_ollama_that_loads_a_model_answers_but_not_what_it_has_loaded() {
    let server = server().await;
    let upstream = upstream(&server.url());
    let control = Control {
        fault: Some("hang".into()),
        path: Some("/api/ps".into()),
        ..Control::default()
    };
    server.control(control).unwrap();
    assert!(ollama::version(&upstream, LIMIT).await.is_ok());
    assert!(ollama::ps(&upstream, Duration::from_millis(100)).await.is_err());
}

#[tokio::test]
async fn an_openai_compatible_server_lists_its_models() {
    let server = server().await;
    let upstream = upstream(&format!("{}/v1", server.url()));
    let models = openai::models(&upstream, LIMIT).await.unwrap();
    assert_eq!(models, ["embed:latest", "ok:latest", "tools:latest", "echo:latest"]);
    let log = server.log();
    assert_eq!(log[0].authorization.as_deref(), Some("Bearer sk-test"));
}

async fn check_source(source: &dyn Source, version: Option<&str>, models: [(&str, bool); 2]) {
    assert_eq!(source.alive().await.unwrap().as_deref(), version);
    let listed = source.models().await.unwrap_or_default();
    for (model, expect) in models {
        let has = listed.iter().any(|known| source.is_name(&known.name, model));
        assert_eq!(has, expect, "{model}");
    }
}

#[tokio::test]
async fn probes_tell_who_is_there() {
    let server = server().await;
    let ollama = ollama::Source::new(upstream(&server.url()), HashMap::new());
    let openai = openai::Source::new(upstream(&format!("{}/v1", server.url())));
    check_source(&ollama, Some("0.33.0"), [("ok", true), ("qwen3:14b", false)]).await;
    check_source(&openai, None, [("ok:latest", true), ("gpt", false)]).await;
    let answers = async |fault: &str, path: &str| {
        let control = Control {
            fault: Some(fault.into()),
            path: Some(path.into()),
            ..Control::default()
        };
        server.control(control).unwrap();
        (ollama.alive().await.is_ok(), openai.alive().await.is_ok())
    };
    assert_eq!(answers("500", "/api/version").await, (false, true));
    // A server that fails to list is there, and one that refuses the key is too.
    assert_eq!(answers("500", "/v1/models").await, (true, true));
    assert_eq!(answers("401", "/v1/models").await, (true, true));
    assert!(!openai.key_works().await);
    let nowhere = openai::Source::new(upstream(&format!("{}/elsewhere", server.url())));
    check_source(&nowhere, None, [("ok", false), ("gpt", false)]).await;
    let refused = openai::Source::new(upstream("http://127.0.0.1:9/v1"));
    assert_eq!(refused.alive().await.unwrap_err().class, Class::HostDown);
}

#[tokio::test]
async fn an_ollama_tells_what_its_models_can_do_and_which_are_in_memory() {
    let server = server().await;
    let source = ollama::Source::new(upstream(&server.url()), HashMap::new());
    let listed = source.models().await.unwrap();
    let tools = listed.iter().find(|model| model.name == "tools:latest").unwrap();
    let capabilities = tools.capabilities.unwrap();
    assert!(capabilities.tools && capabilities.completion && !capabilities.vision);
    assert_eq!(tools.context_max, Some(40_960));
    let loaded = source.loaded().await.unwrap().unwrap();
    assert_eq!((loaded[0].name.as_str(), loaded[0].context), ("ok:latest", Some(4096)));
}

/// Loading must not differ from asking in anything that makes Ollama load the model anew.
#[tokio::test]
async fn a_model_is_loaded_with_the_settings_that_requests_bring() {
    let server = server().await;
    let settings = ollama::Settings {
        num_ctx: Some(16_384),
        keep_alive: Some(ollama::KeepAlive::Text("30m".into())),
        num_predict: Some(100),
        ..ollama::Settings::default()
    };
    let all = HashMap::from([("ok".to_owned(), settings.clone())]);
    let source = ollama::Source::new(upstream(&server.url()), all);
    // What the server makes of it does not matter here.
    drop(source.load("ok").await);
    let provider = ollama::Ollama::new(upstream(&server.url()), settings);
    let call = Call {
        request: Arc::default(),
        model: "ok".into(),
        left: Vec::new(),
    };
    provider.stream(call).collect::<Vec<_>>().await;
    let log = server.log();
    let bodies: Vec<&serde_json::Value> = log.iter().map(|entry| &entry.body).collect();
    let what_counts = |body: &serde_json::Value| {
        let keys = ["model", "keep_alive", "shift"].map(|key| body[key].clone());
        (keys, body["options"]["num_ctx"].clone())
    };
    assert_eq!(what_counts(bodies[0]), what_counts(bodies[1]));
    assert_eq!(bodies[0]["options"]["num_ctx"], 16_384);
    assert_eq!(bodies[0].get("prompt"), None);
}
