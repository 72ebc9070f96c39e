use std::sync::Arc;

use stand_in::{Control, Server};

use super::*;
use crate::clock::{Fixed, Millis};

fn begin(ollama: &str, openai: Option<&str>) -> (Arc<Registry>, Following) {
    let tasks = Tasks::default();
    let registry = Arc::new(Registry::new(Arc::new(Fixed::at(Millis(0))), tasks.clone()));
    let places = Places {
        ollama: ollama.to_owned(),
        openai: openai.map(|base_url| Key {
            base_url: base_url.to_owned(),
            key: "sk-test".into(),
            from: "OPENAI_API_KEY",
            model: None,
        }),
    };
    let following = Discovery::new(places).unwrap().begin(&registry, "jarvis-chat", &tasks);
    (registry, following)
}

fn chain(registry: &Registry) -> Vec<String> {
    registry.targets().into_iter().map(|target| target.name).collect()
}

#[tokio::test]
async fn what_is_there_is_used_and_told() {
    let server = Server::start("127.0.0.1:0").await.unwrap();
    let (registry, following) = begin(&server.url(), Some("http://127.0.0.1:9/v1"));
    let says: Vec<String> = following.look().await.into_iter().map(|found| found.says).collect();
    let expect = [
        format!("{}, model ok:latest", server.url()),
        "http://127.0.0.1:9/v1, model gpt-5.4-mini, key from OPENAI_API_KEY".to_owned(),
    ];
    assert_eq!(says, expect);
    assert_eq!(chain(&registry), ["ollama/ok:latest", "openai/gpt-5.4-mini"]);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_to_do() {
    let (registry, following) = begin("http://127.0.0.1:9", None);
    let found = following.look().await;
    assert!(
        !found[0].ok && found[0].says.ends_with("it is used as soon as it answers"),
        "{found:?}"
    );
    assert!(!found[1].ok && found[1].says.contains("OPENAI_API_KEY"), "{found:?}");
    assert_eq!(chain(&registry), Vec::<String>::new());
    let server = Server::start("127.0.0.1:0").await.unwrap();
    let empty = Control {
        models: Some(Vec::new()),
        ..Control::default()
    };
    server.control(empty).unwrap();
    let (_, following) = begin(&server.url(), None);
    let found = following.look().await;
    assert!(found[0].says.ends_with("pull one: ollama pull qwen3:4b"), "{found:?}");
}
