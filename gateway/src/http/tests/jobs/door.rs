use http::Method;
use serde_json::json;

use super::{form, stage};
use crate::caller::Scope;
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
