//! What is asked of a server besides answers.

use std::time::Duration;

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
