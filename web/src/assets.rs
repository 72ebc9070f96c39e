//! The console's files. They are built by `npm run build` in `web/ui`, committed in `web/dist` and embedded, so that
//! the binary needs nothing beside it. A debug build reads them from the source folder at run time.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "dist"]
#[allow_missing = true]
struct Dist;

/// No inline script or style, nothing from elsewhere, no frame around the page, no form that leaves it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NOT_BUILT: &str = "The console is not built: run npm ci && npm run build in web/ui, then build Jarvis again.\n";

/// `GET` and `HEAD` of `/` and of every file of the console by its exact name; any other path is left to the other
/// routes. The names are fixed, so every file is revalidated by a strong `ETag` (`304` when it is unchanged).
pub fn router() -> Router {
    let index = Router::new().route("/", get(async |headers: HeaderMap| answer("index.html", &headers)));
    Dist::iter().filter(|name| name != "STAMP").fold(index, |router, name| {
        let path = format!("/{name}");
        router.route(&path, get(async move |headers: HeaderMap| answer(&name, &headers)))
    })
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Dist::get(name) else {
        return (StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT).into_response();
    };
    let tag = entity_tag(&file);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|list| matches(list, &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type(&file))], file.data).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn entity_tag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", hex::encode(file.metadata.sha256_hash()))
}

/// `If-None-Match` compares weakly: RFC 9110, section 13.1.2.
fn matches(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

fn content_type(file: &EmbeddedFile) -> String {
    let kind = file.metadata.mimetype();
    if kind.starts_with("text/") {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use sha2::{Digest, Sha256};
    use std::path::{Path, PathBuf};
    use tower::ServiceExt;

    async fn ask(method: &str, path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (
            parts.status,
            parts.headers,
            to_bytes(body, 10_000_000).await.unwrap().to_vec(),
        )
    }

    #[tokio::test]
    async fn every_file_has_its_type_and_the_safe_headers() {
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/index.html", "text/html; charset=utf-8"),
            ("/app.js", "text/javascript; charset=utf-8"),
            ("/app.css", "text/css; charset=utf-8"),
            ("/icon.svg", "image/svg+xml"),
            ("/manifest.webmanifest", "application/manifest+json"),
        ] {
            let (status, headers, body) = ask("GET", path, None).await;
            assert_eq!(
                (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
                (StatusCode::OK, kind),
                "{path}"
            );
            assert!(!body.is_empty(), "{path}");
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_known_is_not_sent_again() {
        let (_, headers, _) = ask("GET", "/app.js", None).await;
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        for (known, expect) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
            (format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let (status, headers, body) = ask("GET", "/app.js", Some(&known)).await;
            assert_eq!(
                (status, body.is_empty()),
                (expect, expect == StatusCode::NOT_MODIFIED),
                "{known}"
            );
            assert_eq!(headers[header::ETAG].to_str().unwrap(), tag);
        }
    }

    #[tokio::test]
    async fn head_has_the_headers_without_the_body() {
        let (_, get, sent) = ask("GET", "/", None).await;
        let (status, head, body) = ask("HEAD", "/", None).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        assert_eq!(head[header::ETAG], get[header::ETAG]);
        assert_eq!(head[header::CONTENT_LENGTH].to_str().unwrap(), sent.len().to_string());
    }

    #[tokio::test]
    async fn no_other_path_is_answered() {
        for path in [
            "/STAMP",
            "/app",
            "/v1/jarvis/nothing",
            "/../Cargo.toml",
            "/..%2fCargo.toml",
            "/%2e%2e/Cargo.toml",
            "//app.js",
        ] {
            assert_eq!(ask("GET", path, None).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    /// The algorithm of `web/ui/stamp.mjs`: files in the byte order of their paths, each as path, zero, length, zero, bytes.
    fn hash_files(root: &Path, mut paths: Vec<String>) -> String {
        paths.sort_unstable();
        let mut hash = Sha256::new();
        for path in paths {
            let bytes = std::fs::read(root.join(&path)).unwrap();
            hash.update(format!("{path}\0{}\0", bytes.len()));
            hash.update(bytes);
        }
        hex::encode(hash.finalize())
    }

    /// Paths of all files below `folder`, relative to `root`, with `/` between folders.
    fn list(root: &Path, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                if path.is_dir() { list(root, &path) } else { vec![name] }
            })
            .collect()
    }

    #[test]
    fn the_committed_files_are_built_from_the_committed_sources() {
        let web = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let (ui, dist) = (web.join("ui"), web.join("dist"));
        let mut sources = list(&ui, &ui.join("src"));
        sources.extend(
            [
                "build.mjs",
                "package-lock.json",
                "package.json",
                "stamp.mjs",
                "tsconfig.json",
            ]
            .map(str::to_owned),
        );
        let built = list(&dist, &dist).into_iter().filter(|name| name != "STAMP").collect();
        let now = format!(
            "sources {}\nbuilt {}\n",
            hash_files(&ui, sources),
            hash_files(&dist, built)
        );
        let stamp = std::fs::read_to_string(dist.join("STAMP")).unwrap();
        assert_eq!(stamp, now, "web/dist is stale: run npm ci && npm run build in web/ui");
    }
}
