//! What is asked of a server besides answers.

use std::time::Duration;

use jarvis_gateway::breaker::prober::Probe;
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

async fn check_probe(probe: &dyn Probe, alive: bool, models: [(&str, bool); 2]) {
    assert_eq!(probe.alive().await, alive);
    for (model, expect) in models {
        assert_eq!(probe.has_model(model).await, expect, "{model}");
    }
}

#[tokio::test]
async fn probes_tell_who_is_there() {
    let server = server().await;
    let ollama = ollama::Ollama::new(upstream(&server.url()), ollama::Settings::default());
    let openai = openai::OpenAi::new(upstream(&format!("{}/v1", server.url())), openai::Settings::default());
    check_probe(&ollama, true, [("ok", true), ("qwen3:14b", false)]).await;
    check_probe(&openai, true, [("ok:latest", true), ("gpt", false)]).await;
    for path in ["/api/version", "/v1/models"] {
        let control = Control {
            fault: Some("500".into()),
            path: Some(path.into()),
            ..Control::default()
        };
        server.control(control).unwrap();
        assert_eq!(
            (ollama.alive().await, openai.alive().await),
            (path != "/api/version", path != "/v1/models")
        );
    }
    let nowhere = openai::OpenAi::new(
        upstream(&format!("{}/elsewhere", server.url())),
        openai::Settings::default(),
    );
    check_probe(&nowhere, true, [("ok", false), ("gpt", false)]).await;
}
