//! Models and vectors, as Ollama's clients see them.

use super::*;

#[tokio::test(start_paused = true)]
async fn models_are_listed_and_shown() {
    let site = site(vec![]);
    let tags = site.fetch("/api/tags").await.json();
    let names: Vec<&str> = tags["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["agent:latest", "chat:latest", "gpu/m:latest"]);
    let digest = hash_key("chat");
    let details = json!({"parent_model": "", "format": "gguf", "family": "", "families": [], "parameter_size": "",
                         "quantization_level": ""});
    let expect = json!({
        "name": "chat:latest", "model": "chat:latest", "modified_at": CREATED, "size": 0, "digest": digest,
        "details": details, "capabilities": ["completion", "tools", "vision"],
    });
    assert_eq!(tags["models"][1], expect);

    let facts = crate::health::Facts {
        capabilities: Some(crate::health::Capabilities {
            completion: true,
            thinking: true,
            ..crate::health::Capabilities::default()
        }),
        context_loaded: Some(8192),
        size: Some(5),
        digest: Some("abc".into()),
        card: crate::health::Card {
            family: "qwen3".into(),
            parameter_size: "14.8B".into(),
            quantization: "Q4_K_M".into(),
        },
        warmth: crate::health::Warmth::Warm,
        ..crate::health::Facts::default()
    };
    site.registry.health().model("gpu", "m").set(facts);
    for name in ["chat", "gpu/m", "gpu/m:latest"] {
        let shown = site.ollama("/api/show", &json!({"model": name})).await.json();
        assert_eq!(shown["capabilities"], json!(["completion", "thinking"]));
        assert_eq!(
            shown["model_info"],
            json!({"general.architecture": "jarvis", "jarvis.context_length": 8192})
        );
        assert_eq!(
            (&shown["template"], &shown["modified_at"]),
            (&json!(""), &json!(CREATED))
        );
    }
    let shown = site.ollama("/api/show", &json!({"name": "agent"})).await.json();
    assert_eq!(shown["capabilities"], json!(["completion"]));
    assert_eq!(site.ollama("/api/show", &json!({"model": "no"})).await.status, 404);
    let ps = site.fetch("/api/ps").await.json();
    let details = json!({"parent_model": "", "format": "gguf", "family": "qwen3", "families": ["qwen3"],
                         "parameter_size": "14.8B", "quantization_level": "Q4_K_M"});
    let expect = json!({"models": [{"name": "gpu/m", "model": "gpu/m", "size": 5, "digest": "abc", "details": details,
                                    "size_vram": 5, "context_length": 8192}]});
    assert_eq!(ps, expect);
    assert_eq!(site.fetch("/api/version").await.json(), json!({"version": "0.30.0"}));
}

#[tokio::test(start_paused = true)]
async fn vectors_are_asked_for_in_ollamas_form() {
    let site = site(vec![]);
    let check = async |path: &str, body: Value, status: u16, expect: Value| {
        let answered = site.ollama(path, &body).await;
        let mut answer = answered.json();
        if let Some(fields) = answer.as_object_mut() {
            fields.shift_remove("total_duration");
        }
        assert_eq!((answered.status.as_u16(), answer), (status, expect), "{body}");
    };
    let nothing = json!({"model": "chat", "embeddings": [], "load_duration": 0, "prompt_eval_count": 0});
    check(
        "/api/embed",
        json!({"model": "chat:latest", "input": ""}),
        200,
        nothing.clone(),
    )
    .await;
    check("/api/embed", json!({"model": "chat", "input": []}), 200, nothing).await;
    check(
        "/api/embeddings",
        json!({"model": "chat", "prompt": ""}),
        200,
        json!({"embedding": []}),
    )
    .await;
    check(
        "/api/embed",
        json!({"input": "x"}),
        400,
        json!({"error": "model is required"}),
    )
    .await;
    let says = "`agent` cannot embed: it only chats; name an alias or a target of your servers";
    check(
        "/api/embed",
        json!({"model": "agent", "input": ["x"]}),
        400,
        json!({"error": says}),
    )
    .await;
    check(
        "/api/embed",
        json!({"model": "no", "input": "x"}),
        404,
        json!({"error": "model 'no' not found"}),
    )
    .await;
}
