//! The document at `/openapi.json` describes what is served: every route of the sources is in it, and everything in it
//! is served.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::jarvis::{Jarvis, Setup};
use crate::wire::send;

/// Files in which routes are written down.
const ROUTES: &[&str] = &["gateway/src/http", "web/src"];

/// Addresses that only say that there is nothing, or that it is not done here.
fn is_refusal(route: &str) -> bool {
    route.contains("{*path}")
        || matches!(route, "/" | "/v1" | "/api")
        || ["pull", "push", "create", "copy", "delete", "blobs/{digest}"]
            .iter()
            .any(|name| route == format!("/api/{name}"))
}

/// The addresses in `.route("…"` of every source file below `folder`.
fn routes_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("its entries").path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                routes_below(&path, found);
            }
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        for after in text.split(".route(").skip(1) {
            if let Some(rest) = after.trim_start().strip_prefix('"') {
                let route = rest.split('"').next().expect("the rest of a string");
                found.insert(route.replace("{*", "{"));
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_what_is_served() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let document = jarvis.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");

    let mut served = BTreeSet::new();
    for folder in ROUTES {
        routes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut served);
    }
    served.retain(|route| !is_refusal(&route.replace("{path}", "{*path}")));
    served.insert("/openapi.json".to_owned());
    let described: BTreeSet<String> = paths.keys().cloned().collect();
    assert_eq!(described, served, "left: docs/openapi.json, right: the sources");

    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            if path.ends_with("/events") {
                continue;
            }
            let url = path
                .replace("{id}", "no-such")
                .replace("{backend}", "none")
                .replace("{model}", "none");
            let body = if method == "post" { "{}" } else { "" };
            let answer = send(&jarvis.address, &method.to_uppercase(), &url, &[], body).await;
            let code = serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["error"]["code"].clone();
            assert_ne!(code, "unknown_url", "{method} {path}: {}", answer.text);
            assert_ne!(answer.status, 405, "{method} {path}: {}", answer.text);
            assert!(
                answer.status < 500 || answer.status == 503,
                "{method} {path}: {}",
                answer.text
            );
        }
    }
}
