use std::time::Duration;

use axum::response::Response;

use super::*;
use crate::clock::Clock;

fn with_key(method: Method, path: &str, key: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = request(method, path, body);
    let value = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

fn ask(key: &str, stream: bool) -> Request<Body> {
    let body = question("chat", stream);
    let length = body.len().into();
    let mut request = with_key(Method::POST, "/v1/chat/completions", key, body);
    request.headers_mut().insert("content-length", length);
    request
}

impl Site {
    /// The head of an answer, with its body not read yet.
    async fn begin(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

fn answers(count: usize) -> Vec<Vec<Step>> {
    (0..count).map(|_| vec![text("hello"), finish()]).collect()
}

fn limit_headers(answered: &Answered, of: &str) -> [Option<String>; 3] {
    ["limit", "remaining", "reset"].map(|what| {
        let name = format!("x-ratelimit-{what}-{of}");
        answered.header(&name).map(str::to_owned)
    })
}

fn told(headers: [&str; 3]) -> [Option<String>; 3] {
    headers.map(|value| Some(value.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_minute_are_told_in_openais_words() {
    let site = site(answers(3));
    let allowance = Allowance {
        requests_per_minute: Some(2),
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance);
    site.keys.add_limited("free", Allowance::default());
    let first = site.send(ask("laptop", false)).await;
    assert_eq!(
        limit_headers(&first, "requests"),
        told(["2", "1", "1m0s"]),
        "{}",
        first.body
    );
    assert_eq!(limit_headers(&first, "tokens"), [None, None, None]);
    site.clock.advance(Duration::from_millis(20_500));
    let second = site.send(ask("laptop", true)).await;
    assert_eq!(limit_headers(&second, "requests"), told(["2", "0", "1m0s"]));

    let third = site.send(ask("laptop", false)).await;
    assert_eq!(third.error(), (429, "rate_limit_exceeded".to_owned()));
    assert_eq!(third.json()["error"]["type"], "requests");
    let message = "Rate limit reached for the key `laptop` on requests per min (RPM): Limit 2, Used 2, Requested 1. \
                   Please try again in 39.5s.";
    assert_eq!(third.json()["error"]["message"], message);
    assert_eq!(third.header("retry-after"), Some("40"));
    assert_eq!(limit_headers(&third, "requests"), told(["2", "0", "1m0s"]));
    // Lists are free, and so are others.
    let list = site.send(with_key(Method::GET, "/v1/models", "laptop", "")).await;
    assert_eq!(
        (list.status.as_u16(), limit_headers(&list, "requests")),
        (200, [None, None, None])
    );
    let other = site.send(ask("free", false)).await;
    assert_eq!(
        (other.status.as_u16(), limit_headers(&other, "requests")),
        (200, [None, None, None])
    );
    site.clock.advance(Duration::from_millis(39_500));
    // The script has no more turns, but it is asked.
    assert_eq!(site.send(ask("laptop", false)).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_an_estimate_first_and_then_what_the_model_said() {
    let site = site(answers(2));
    let allowance = Allowance {
        tokens_per_minute: Some(100),
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance);
    let estimate = question("chat", false).len().div_ceil(4);
    let first = site.send(ask("laptop", false)).await;
    let remaining = (100 - estimate).to_string();
    assert_eq!(limit_headers(&first, "tokens"), told(["100", &remaining, "1m0s"]));
    // The model read 3 and wrote 4.
    let second = site.send(ask("laptop", false)).await;
    let remaining = (100 - 7 - estimate).to_string();
    assert_eq!(limit_headers(&second, "tokens"), told(["100", &remaining, "1m0s"]));
    let large = format!("{}{}", question("chat", false), " ".repeat(400));
    let large = large.get(..400).unwrap_or_default().to_owned();
    let third = site
        .send(with_key(Method::POST, "/v1/chat/completions", "laptop", large))
        .await;
    assert_eq!(third.error(), (429, "rate_limit_exceeded".to_owned()));
    assert_eq!(third.json()["error"]["type"], "tokens");
    assert!(
        third.body.contains("(TPM): Limit 100, Used 14, Requested 100."),
        "{}",
        third.body
    );
}

/// `transfer-encoding: chunked` does not say how long the body is going to be.
#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_does_not_pass_a_limit_of_tokens() {
    let site = site(answers(1));
    let allowance = Allowance {
        tokens_per_minute: Some(10_000),
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance);
    let chunked = || {
        let pieces = [Ok::<_, std::convert::Infallible>(question("chat", true))];
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        with_key(Method::POST, "/v1/chat/completions", "laptop", body)
    };
    let running = site.begin(chunked()).await;
    assert_eq!(running.status(), 200);
    let refused = site.send(chunked()).await;
    assert!(
        refused.body.contains("(TPM): Limit 10000, Used 8192, Requested 8192."),
        "{}",
        refused.body
    );
}

/// A place is free again when the last byte was sent, and when the client goes away in the middle.
#[tokio::test(start_paused = true)]
async fn places_are_given_back_with_the_body() {
    let site = site(vec![
        vec![text("hello"), finish()],
        vec![text("hello"), Step::Hang],
        vec![text("hello"), finish()],
        vec![Step::Hang],
        vec![text("hello"), finish()],
    ]);
    let allowance = Allowance {
        concurrency: Some(1),
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance);
    for round in 0..2 {
        let running = site.begin(ask("laptop", true)).await;
        assert_eq!(running.status(), 200, "round {round}");
        let refused = site.send(ask("laptop", true)).await;
        assert_eq!(refused.error(), (429, "rate_limit_exceeded".to_owned()));
        assert_eq!(refused.header("retry-after"), Some("1"));
        if round == 0 {
            running.into_body().collect().await.unwrap();
        } else {
            drop(running);
        }
    }
    assert_eq!(site.send(ask("laptop", false)).await.status, 200);
    // Before there was an answer at all.
    let gone = tokio::time::timeout(Duration::from_secs(1), site.begin(ask("laptop", false))).await;
    assert!(gone.is_err());
    assert_eq!(site.send(ask("laptop", false)).await.status, 200);
}

#[tokio::test]
async fn a_key_sees_and_uses_only_its_models() {
    let site = site(answers(1));
    let allowance = Allowance {
        models: vec!["ch*".to_owned()],
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance);
    let list = site.send(with_key(Method::GET, "/v1/models", "laptop", "")).await;
    let list = list.json();
    let ids: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(ids, ["chat"]);
    let check = async |method: Method, path: &str, body: String, expect: u16| {
        let answered = site.send(with_key(method, path, "laptop", body)).await;
        assert_eq!(answered.status.as_u16(), expect, "{path}: {}", answered.body);
        answered
    };
    check(Method::GET, "/v1/models/chat", String::new(), 200).await;
    check(Method::GET, "/v1/models/agent", String::new(), 404).await;
    check(Method::POST, "/v1/chat/completions", question("chat", false), 200).await;
    let refused = check(Method::POST, "/v1/chat/completions", question("agent", false), 404).await;
    assert_eq!(refused.error().1, "model_not_found");
    let message = "the model `agent` does not exist or you do not have access to it; GET /v1/models lists all";
    assert_eq!(refused.json()["error"]["message"], message);
    check(Method::POST, "/v1/chat/completions", question("gpu/m", false), 404).await;
    check(Method::POST, "/api/chat", question("agent", false), 404).await;
    check(Method::POST, "/api/show", json!({"model": "agent"}).to_string(), 404).await;
    let tags = check(Method::GET, "/api/tags", String::new(), 200).await;
    assert_eq!(tags.json()["models"].as_array().map(Vec::len), Some(1));
}

/// Every scope on every address that asks a model.
#[tokio::test]
async fn a_scope_opens_what_it_names_and_nothing_else() {
    let site = site(vec![]);
    for scope in Scope::ALL {
        site.keys.add(scope.as_str(), &[scope]);
    }
    let addresses = [
        ("/v1/chat/completions", Scope::Chat),
        ("/v1/embeddings", Scope::Embeddings),
        ("/v1/images/generations", Scope::Images),
        ("/v1/audio/speech", Scope::Audio),
        ("/v1/audio/transcriptions", Scope::Audio),
        ("/api/chat", Scope::Chat),
        ("/api/generate", Scope::Chat),
    ];
    for (address, needs) in addresses {
        for scope in Scope::ALL {
            let request = with_key(Method::POST, address, scope.as_str(), "{}");
            let answered = site.send(request).await;
            let is_open = scope == needs || (needs == Scope::Chat && scope == Scope::Ops);
            let is_refused = answered.status == 403;
            assert_eq!(is_refused, !is_open, "{address} with {scope:?}: {}", answered.body);
        }
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires() {
    let site = site(vec![]);
    let expires_at = site.clock.now().plus(Duration::from_secs(10));
    let key = Key {
        id: "laptop".to_owned(),
        scopes: vec![Scope::Chat],
        expires_at: Some(expires_at),
        ..Key::default()
    };
    site.keys.keys.lock().unwrap().push((hash_key("laptop"), key));
    let status = async || {
        site.send(with_key(Method::GET, "/v1/models", "laptop", ""))
            .await
            .status
            .as_u16()
    };
    assert_eq!(status().await, 200);
    site.clock.advance(Duration::from_millis(9_999));
    assert_eq!(status().await, 200);
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(status().await, 401);
}

#[tokio::test]
async fn whoever_tries_many_keys_is_kept_waiting() {
    let site = site(answers(1));
    site.keys.add("right", &[Scope::Chat]);
    let send = async |key: &str, peer: &str| {
        let mut request = with_key(Method::GET, "/v1/models", key, "");
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        site.send(request).await
    };
    assert_eq!(send("right", "192.0.2.1:1").await.status, 200);
    for number in 0..30 {
        assert_eq!(send(&format!("wrong {number}"), "192.0.2.1:1").await.status, 401);
    }
    let refused = send("wrong", "192.0.2.1:2").await;
    assert_eq!(refused.error(), (429, "too_many_wrong_keys".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("60"));
    // Who has a key that was in use goes on, and so do other addresses.
    assert_eq!(send("right", "192.0.2.1:1").await.status, 200);
    site.clock.advance(Duration::from_secs(30));
    assert_eq!(send("right", "192.0.2.1:1").await.status, 200);
    assert_eq!(send("wrong", "192.0.2.2:1").await.status, 401);
    site.clock.advance(Duration::from_secs(30));
    assert_eq!(send("wrong", "192.0.2.1:1").await.status, 401);
}

#[tokio::test]
async fn usage_is_told_to_the_owner() {
    let site = site(vec![]);
    let check = async |query: &str, expect: &str| {
        let answered = site.fetch(&format!("/v1/jarvis/usage{query}")).await;
        let json = answered.json();
        let shown = match answered.status.as_u16() {
            200 => json["lines"][0]["name"].as_str(),
            _ => json["error"]["param"].as_str(),
        };
        assert_eq!(shown, Some(expect), "{query}: {json}");
        json
    };
    let json = check("", "target since 1795081600000").await;
    assert_eq!(
        (&json["total"]["attempts"], &json["by"], &json["until"]),
        (&json!(3), &json!("target"), &json!(1_795_168_000_000_i64))
    );
    check("?since=today&by=key", "key since 1795132800000").await;
    check("?by=colour", "by").await;
    check("?since=yesterday", "since").await;
    site.keys.add("talker", &[Scope::Chat]);
    let refused = site.send(with_key(Method::GET, "/v1/jarvis/usage", "talker", "")).await;
    assert_eq!(refused.error(), (403, "insufficient_scope".to_owned()));
}
