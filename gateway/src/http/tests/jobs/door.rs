use http::Method;
use serde_json::json;

use super::{form, stage};
use crate::caller::Scope;
use crate::chain::HostClass;
use crate::http::tests::request;

/// Every route wants its own scope, and says which one is missing.
#[tokio::test]
async fn scopes() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    for scope in Scope::ALL {
        stage.site.keys.add(scope.as_str(), &[scope]);
    }
    let speech = json!({"model": "it", "input": "a", "voice": "b"});
    let routes = [
        (
            "/v1/embeddings",
            Scope::Embeddings,
            json!({"model": "cloud/ok", "input": "a"}),
        ),
        (
            "/v1/images/generations",
            Scope::Images,
            json!({"model": "it", "prompt": "a"}),
        ),
        ("/v1/images/edits", Scope::Images, json!(null)),
        ("/v1/audio/transcriptions", Scope::Audio, json!(null)),
        ("/v1/audio/speech", Scope::Audio, speech),
    ];
    for (path, needed, body) in &routes {
        for scope in Scope::ALL {
            let field = if path.contains("edits") { "image" } else { "file" };
            let form = form(&[("model", "it"), ("prompt", "a")], field, b"RIFF");
            let (kind, body) = if body.is_null() {
                (form.media_type.as_str(), form.bytes)
            } else {
                ("application/json", body.to_string().into_bytes())
            };
            let mut request = request(Method::POST, path, body);
            let headers = request.headers_mut();
            headers.insert("content-type", kind.parse().unwrap());
            headers.insert("authorization", format!("Bearer {}", scope.as_str()).parse().unwrap());
            let answered = stage.site.send(request).await;
            if scope == *needed {
                assert_eq!(answered.status, 200, "{path} {}", answered.body);
                continue;
            }
            let (status, code, message) = answered.said();
            assert_eq!(
                (status, code.as_str()),
                (403, "insufficient_scope"),
                "{path} with {scope:?}"
            );
            assert!(message.contains(&format!("`{}`", needed.as_str())), "{message}");
        }
        let without = stage.site.send(request(Method::POST, path, "{}")).await;
        assert_eq!(without.error(), (401, "missing_api_key".to_owned()), "{path}");
        let fetched = stage.site.fetch(path).await;
        assert_eq!(fetched.error().0, 401, "{path}");
    }
}

/// What must not leave the house is not sent to the cloud, whatever kind of work it is.
#[tokio::test]
async fn local_only() {
    let stage = stage().await;
    stage.set_class("cloud", HostClass::Cloud);
    stage.alias("cloud/ok");
    let routes = [
        ("/v1/embeddings", json!({"model": "it", "input": "a"})),
        ("/v1/images/generations", json!({"model": "it", "prompt": "a"})),
        ("/v1/audio/speech", json!({"model": "it", "input": "a", "voice": "b"})),
    ];
    for (path, body) in &routes {
        let ask = async |value: &str| {
            let mut request = request(Method::POST, path, body.to_string());
            request
                .headers_mut()
                .insert("x-jarvis-local-only", value.parse().unwrap());
            stage.site.send(request).await
        };
        let (status, _, message) = ask("1").await.said();
        assert_ne!(status, 200);
        assert!(message.contains("must not leave"), "{path} {message}");
        assert_eq!(stage.sent_to("cloud"), []);
        assert_eq!(ask("perhaps").await.status, 400);
    }
    assert_eq!(stage.post(routes[0].0, &routes[0].1).await.status, 200);
}
