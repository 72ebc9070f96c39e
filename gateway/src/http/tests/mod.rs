mod cached;
mod chat;
mod completions;
mod door;
mod jobs;
mod joined;
mod limits_of_keys;
mod ollama;
mod responses;
mod server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::responses::{Chain, Kept};
use super::*;
use crate::caller::{Allowance, Key, Scope, Waits};
use crate::chain::{HostClass, Limits as TargetLimits, Surroundings};
use crate::chat::{Event, Finish, FinishReason, Usage};
use crate::clock::{Fixed, Millis};
use crate::provider::Provider;
use crate::providers::scripted::{Scripted, Step};
use crate::registry::{Backend, Link, Registry};
use crate::tasks::Tasks;
use crate::usage::{Attempt, Books, By, Entry, Failed, Observer, Spent, Sums};

/// Keys in memory: name, secret and scopes, and whether they can be asked for.
#[derive(Default)]
struct HeldKeys {
    keys: Mutex<Vec<(String, Key)>>,
    broken: Mutex<bool>,
}

impl HeldKeys {
    fn add(&self, secret: &str, scopes: &[Scope]) {
        let key = Key {
            id: secret.to_owned(),
            name: secret.to_owned(),
            scopes: scopes.to_vec(),
            ..Key::default()
        };
        self.keys.lock().unwrap().push((hash_key(secret), key));
    }

    /// A key that may chat, with its name as its secret.
    fn add_limited(&self, name: &str, allowance: Allowance) {
        let key = Key {
            id: name.to_owned(),
            name: name.to_owned(),
            scopes: vec![Scope::Chat],
            allowance,
            ..Key::default()
        };
        self.keys.lock().unwrap().push((hash_key(name), key));
    }

    /// A key of a class.
    fn add_waiting(&self, name: &str, waits: Waits) {
        let key = Key {
            id: name.to_owned(),
            name: name.to_owned(),
            scopes: Scope::ALL.to_vec(),
            waits,
            ..Key::default()
        };
        self.keys.lock().unwrap().push((hash_key(name), key));
    }

    fn check(&self) -> Result<(), Unavailable> {
        let broken = *self.broken.lock().unwrap();
        if broken {
            Err(Unavailable("disk on fire".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Keys for HeldKeys {
    async fn find(&self, sha256_hex: &str) -> Result<Option<Key>, Unavailable> {
        self.check()?;
        let keys = self.keys.lock().unwrap();
        let found = keys.iter().find(|(hash, _)| hash == sha256_hex);
        Ok(found.map(|(_, key)| key.clone()))
    }

    async fn any(&self) -> Result<bool, Unavailable> {
        self.check()?;
        Ok(!self.keys.lock().unwrap().is_empty())
    }
}

/// Responses in memory, and whether they can be reached.
#[derive(Default)]
struct HeldResponses {
    kept: Mutex<Vec<Kept>>,
    broken: Mutex<bool>,
}

impl HeldResponses {
    fn kept(&self) -> Result<std::sync::MutexGuard<'_, Vec<Kept>>, Unavailable> {
        if *self.broken.lock().unwrap() {
            return Err(Unavailable("disk on fire".to_owned()));
        }
        Ok(self.kept.lock().unwrap())
    }
}

#[async_trait]
impl super::responses::Store for HeldResponses {
    async fn put(&self, kept: &Kept) -> Result<(), Unavailable> {
        self.kept()?.push(kept.clone());
        Ok(())
    }

    async fn get(&self, owner: &str, id: &str) -> Result<Option<Kept>, Unavailable> {
        let kept = self.kept()?;
        Ok(kept.iter().find(|kept| kept.owner == owner && kept.id == id).cloned())
    }

    async fn delete(&self, owner: &str, id: &str) -> Result<bool, Unavailable> {
        let mut kept = self.kept()?;
        let before = kept.len();
        kept.retain(|kept| kept.owner != owner || kept.id != id);
        Ok(kept.len() < before)
    }

    async fn chain(&self, owner: &str, id: &str) -> Result<Chain, Unavailable> {
        let (mut chain, mut next) = (Vec::new(), Some(id.to_owned()));
        while let Some(id) = next {
            let Some(kept) = self.get(owner, &id).await? else {
                return Ok(Chain::Broken(id));
            };
            next = kept.previous.clone();
            chain.insert(0, kept);
        }
        Ok(Chain::Whole(chain))
    }
}

struct Readiness(Result<(), String>);

#[async_trait]
impl Ready for Readiness {
    async fn ready(&self) -> Result<(), String> {
        self.0.clone()
    }
}

/// One line, whatever is asked.
struct NoBooks;

#[async_trait]
impl Books for NoBooks {
    async fn append(&self, _entries: &[Entry]) -> Result<(), Failed> {
        Ok(())
    }

    async fn spent(&self, _day: i64) -> Result<Vec<Spent>, Failed> {
        Ok(Vec::new())
    }

    async fn forget(&self, _before: Millis, _most: u32) -> Result<u64, Failed> {
        Ok(0)
    }

    async fn sums(&self, since: Millis, by: By) -> Result<Vec<Sums>, Failed> {
        Ok(vec![Sums {
            name: format!("{by} since {}", since.0),
            attempts: 3,
            ..Sums::default()
        }])
    }
}

/// The whole API with a played model `gpu/m` behind the alias `chat`, and `agent`, which is registered.
struct Site {
    router: axum::Router,
    keys: Arc<HeldKeys>,
    responses: Arc<HeldResponses>,
    clock: Fixed,
    played: Arc<Scripted>,
    registry: Arc<Registry>,
    told: Arc<Told>,
}

/// Keeps what became of every attempt.
#[derive(Default)]
struct Told(Mutex<Vec<Attempt>>);

impl Observer for Told {
    fn attempt(&self, attempt: &Attempt) {
        self.0.lock().unwrap().push(attempt.clone());
    }
}

fn site(turns: Vec<Vec<Step>>) -> Site {
    site_with(turns, Ok(()))
}

fn site_with(turns: Vec<Vec<Step>>, ready: Result<(), String>) -> Site {
    let clock = Fixed::at(Millis(1_795_168_000_000));
    let keys = Arc::new(HeldKeys::default());
    let door = Arc::new(Door::new(keys.clone(), Arc::new(clock.clone())));
    let told = Arc::new(Told::default());
    let surroundings = Surroundings {
        observers: vec![Arc::new(limits::Meter(door.counters().clone())), told.clone()],
        ..Surroundings::default()
    };
    let registry = Registry::new(Arc::new(clock.clone()), Tasks::default()).with_surroundings(surroundings);
    let registry = Arc::new(registry);
    let played = Arc::new(Scripted::new(turns));
    registry.set_backend(backend("gpu", played.clone()));
    registry.set_alias("chat", vec![link("gpu", "m")]);
    registry.register("agent", played.clone());
    let responses = Arc::new(HeldResponses::default());
    let state = State {
        registry: registry.clone(),
        door,
        clock: Arc::new(clock.clone()),
        ready: Arc::new(Readiness(ready)),
        responses: responses.clone(),
        metrics: Arc::new(crate::metrics::Metrics::new("0")),
        tracer: crate::trace::Tracer::off(),
        books: Arc::new(NoBooks),
        cache: Arc::new(cache::Cache::new(cache::Config::default(), Arc::new(clock.clone()))),
    };
    Site {
        router: router(state).fallback(not_found),
        keys,
        responses,
        clock,
        played,
        registry,
        told,
    }
}

fn backend(name: &str, provider: Arc<dyn Provider>) -> Backend {
    Backend {
        name: name.to_owned(),
        kind: "ollama",
        class: HostClass::Gpu,
        provider,
        limits: TargetLimits::of(HostClass::Gpu),
        settings: HashMap::default(),
        models: Vec::new(),
        source: None,
        preload: Vec::new(),
    }
}

fn link(backend: &str, model: &str) -> Link {
    Link {
        backend: backend.to_owned(),
        model: model.to_owned(),
    }
}

/// What came back: status, headers and the whole body.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    /// Status and code, after all four keys were seen.
    fn error(&self) -> (u16, String) {
        let json = self.json();
        let error = json["error"].as_object().unwrap();
        let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "message", "param", "type"]);
        assert!(!error["message"].as_str().unwrap().is_empty());
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }
}

impl Site {
    async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// As a process on this machine, without a key.
    async fn ask(&self, body: impl Into<Body>) -> Answered {
        self.send(request(Method::POST, "/v1/chat/completions", body)).await
    }

    async fn fetch(&self, path: &str) -> Answered {
        self.send(request(Method::GET, path, Body::empty())).await
    }
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:7878")
        .body(body.into())
        .unwrap();
    let peer: SocketAddr = "127.0.0.1:50000".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn question(model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "hi"}]);
    json!({"model": model, "messages": messages, "stream": stream}).to_string()
}

fn text(text: &str) -> Step {
    Step::Event(Event::Text(text.to_owned()))
}

fn finish() -> Step {
    Step::Event(Event::Finish(Finish {
        usage: Some(Usage {
            prompt_tokens: 3,
            completion_tokens: 4,
            ..Usage::default()
        }),
        ..Finish::because(FinishReason::Stop)
    }))
}
