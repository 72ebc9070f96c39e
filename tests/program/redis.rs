//! Two processes that share a Redis: limits, answers, and what happens without it.

use std::path::Path;

use serde_json::json;
use stand_in::{Redis, Server};
use tempfile::TempDir;

use crate::jarvis::{Jarvis, Setup, command, eventually};
use crate::wire::{Answer, send};

/// `patience` is a busy machine's, or that which is usual.
fn setup(server: &Server, redis: &str, patience: u32) -> Setup {
    let config = format!(
        "[redis]\nurl = \"{redis}\"\npatience_ms = {patience}\n[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{}\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"ok\"\n",
        server.url()
    );
    Setup {
        config,
        ..Setup::default()
    }
}

async fn stand_in() -> Server {
    Server::start("127.0.0.1:0").await.expect("the stand-in starts")
}

/// Two folders with the same keys, and the secret of one.
async fn folders(limits: &[&str]) -> ([TempDir; 2], String) {
    let folders = [TempDir::new().expect("a folder"), TempDir::new().expect("a folder")];
    let [one, other] = &folders;
    let mut add = command(one.path());
    add.args(["key", "add", "program", "--scopes", "chat,ops"]).args(limits);
    let added = add.output().await.expect("it runs");
    let text = String::from_utf8_lossy(&added.stdout).into_owned();
    assert!(
        added.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&added.stderr)
    );
    let secret = text
        .split_whitespace()
        .find(|word| word.starts_with("jv_"))
        .expect("a key");
    for file in std::fs::read_dir(one.path()).expect("a folder") {
        let path = file.expect("a file").path();
        if path.is_file() {
            std::fs::copy(&path, other.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    (folders, secret.to_owned())
}

struct Replica {
    jarvis: Jarvis,
    secret: String,
}

async fn replicas(setup: &Setup, limits: &[&str]) -> [Replica; 2] {
    let ([one, other], secret) = folders(limits).await;
    let start = async |folder| Replica {
        jarvis: Jarvis::start_in(folder, setup).await,
        secret: secret.clone(),
    };
    [start(one).await, start(other).await]
}

impl Replica {
    async fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: String) -> Answer {
        let key = format!("Bearer {}", self.secret);
        let mut headers = vec![("content-type", "application/json"), ("authorization", key.as_str())];
        headers.extend(more);
        send(&self.jarvis.address, method, path, &headers, body).await
    }

    async fn ask(&self, more: &[(&str, &str)]) -> Answer {
        let body = json!({ "model": "jarvis-chat", "messages": [{ "role": "user", "content": "hi" }] });
        self.send("POST", "/v1/chat/completions", more, body.to_string()).await
    }

    async fn is_shared(&self, shared: bool) {
        eventually(&format!("shared to be {shared}"), async || {
            let targets = self.send("GET", "/v1/jarvis/targets", &[], String::new()).await;
            (targets.json()["shared"] == shared).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_key_may_ask_as_often_as_it_may_of_all_together() {
    let (redis, server) = (Redis::start().await.expect("a Redis"), stand_in().await);
    let [one, other] = replicas(&setup(&server, &redis.url(), 2_000), &["--rpm", "5"]).await;
    assert!(
        one.jarvis
            .lines
            .iter()
            .any(|line| line.contains("Redis") && line.contains("found"))
    );
    one.is_shared(true).await;
    other.is_shared(true).await;
    let mut remaining = Vec::new();
    for asked in [&one, &other, &one, &other, &one] {
        let answer = asked.ask(&[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        remaining.push(
            answer
                .header("x-ratelimit-remaining-requests")
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert_eq!(remaining, ["4", "3", "2", "1", "0"]);
    for replica in [&one, &other] {
        let refused = replica.ask(&[]).await;
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (429, "rate_limit_exceeded")
        );
    }
}

#[tokio::test]
async fn an_answer_that_one_keeps_is_given_by_the_other_and_again_from_its_own() {
    let (mut redis, server) = (Redis::start().await.expect("a Redis"), stand_in().await);
    let [one, other] = replicas(&setup(&server, &redis.url(), 2_000), &[]).await;
    one.is_shared(true).await;
    other.is_shared(true).await;
    let cached = |answer: &Answer| answer.header("x-jarvis-cache").unwrap_or_default().to_owned();
    let on = [("x-jarvis-cache", "on")];
    let first = one.ask(&on).await;
    assert_eq!((first.status, cached(&first).as_str()), (200, "miss"));
    eventually("it is kept", async || {
        let kept = redis.run(&["HGET", "jv:{cache1}:sizes", "all"]).await;
        kept.is_ok_and(|all| !all.is_empty()).then_some(())
    })
    .await;
    let again = other.ask(&on).await;
    assert_eq!((again.status, cached(&again).as_str()), (200, "hit"), "{}", again.text);
    let words = |answer: &Answer| answer.json()["choices"][0]["message"].clone();
    assert_eq!(words(&again), words(&first));
    redis.kill().await;
    assert_eq!(cached(&other.ask(&on).await), "hit", "it was kept here, too");
    let asked = server
        .log()
        .into_iter()
        .filter(|entry| entry.path == "/api/chat")
        .count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn no_request_fails_when_redis_is_frozen_killed_and_started_again() {
    let (mut redis, server) = (Redis::start().await.expect("a Redis"), stand_in().await);
    let [one, other] = replicas(
        &setup(&server, &redis.url(), 20),
        &["--rpm", "100000", "--concurrency", "1000"],
    )
    .await;
    one.is_shared(true).await;
    other.is_shared(true).await;
    let load = async |replica: &Replica| {
        let asking = (0..40).map(|_| replica.ask(&[]));
        let answers = futures_util::future::join_all(asking).await;
        answers
            .into_iter()
            .filter(|answer| answer.status != 200)
            .map(|answer| answer.text)
            .collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    for replica in [&one, &other] {
        assert_eq!(load(replica).await, none);
    }
    redis.freeze().await.expect("it stands still");
    for replica in [&one, &other] {
        assert_eq!(load(replica).await, none);
        replica.is_shared(false).await;
    }
    redis.thaw().await.expect("it goes on");
    one.is_shared(true).await;
    let (failed, ()) = tokio::join!(load(&one), redis.kill());
    assert_eq!(failed, none);
    assert_eq!(load(&other).await, none);
    redis.restart().await.expect("it starts again");
    for replica in [&one, &other] {
        replica.is_shared(true).await;
        assert_eq!(load(replica).await, none);
    }
}

#[tokio::test]
async fn without_an_answer_from_redis_a_start_says_so_and_doctor_says_what_to_do() {
    let server = stand_in().await;
    let folder = TempDir::new().expect("a folder");
    let socket = format!("unix://{}", folder.path().join("nobody.sock").display());
    let jarvis = Jarvis::start(&setup(&server, &socket, 20)).await;
    assert!(
        jarvis
            .lines
            .iter()
            .any(|line| line.contains("Redis") && line.contains("missing")),
        "{:?}",
        jarvis.lines
    );
    let (text, ok) = jarvis.run(&["doctor"]).await;
    let line = text.lines().find(|line| line.contains("redis")).unwrap_or_default();
    assert!(
        !ok && line.contains("wrong") && line.contains("Start it there, or correct [redis]"),
        "{text}"
    );
    let asked = jarvis.post(
        "/v1/chat/completions",
        json!({ "model": "jarvis-chat", "messages": [] }),
    );
    assert_ne!(asked.await.status, 500);
}

#[tokio::test]
async fn a_configuration_with_a_password_in_the_url_is_refused_without_telling_it() {
    let folder = TempDir::new().expect("a folder");
    let refused = async |config: &str| {
        let path: &Path = folder.path();
        std::fs::write(path.join("jarvis.toml"), config).expect("a configuration");
        let output = command(path).output().await.expect("it runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let says = refused("[redis]\nurl = \"redis://:hunter2@127.0.0.1:6379\"\n").await;
    assert!(says.contains("redis.credential") && !says.contains("hunter2"), "{says}");
    let says = refused("[redis]\nurl = \"redis://127.0.0.1:6379\"\ncredential = \"env:NOT_SET\"\n").await;
    assert!(says.contains("NOT_SET"), "{says}");
}
