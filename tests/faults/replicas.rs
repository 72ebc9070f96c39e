//! O24: two Jarvises, one Redis, and a server that may be back.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stand_in::{OK_TEXT, Redis};
use tokio::task::JoinSet;

use crate::answer::{self, Answer};
use crate::program::Program;
use crate::scene::{Scene, body, cloud, eventually, gpu};
use crate::table::{Case, Form, WHOLE, case};
use crate::verdict::{Judged, Verdict};

pub(crate) const CASES: &[Case] = &[case(
    "O24",
    "two replicas share a half-open breaker over Redis",
    WHOLE,
    |form| Box::pin(one_trial(form)),
)];

const OPEN_AT_MOST: Duration = Duration::from_secs(20);
const CROWD: usize = 15;

async fn one_trial(form: Form) -> Judged {
    let mut judged = Judged::new();
    let mut redis = Redis::start().await.expect("a Redis");
    // A busy machine must not look like a slow Redis.
    let config = format!("[redis]\nurl = \"{}\"\npatience_ms = 2000\n", redis.url());
    let scene = Scene::with_config(&[gpu("ok"), cloud("ok")], &config).await;
    let other = scene.another().await;
    let replicas = [&scene.program, &other];
    is_shared(&replicas, 1).await;

    // One replica finds out that the runner is broken, and both leave it alone.
    scene.plays(0, "500");
    for _ in 0..3 {
        judged.complete(&scene.ask(form).await, OK_TEXT);
    }
    let told = eventually(OPEN_AT_MOST, async || state(&other).await == "open").await;
    judged.expect(told.is_some(), Verdict::Fail, "the other replica has not heard of it");
    // The trial takes so long that everybody asks while it lasts.
    scene.plays(0, "late-3000");
    for replica in replicas {
        let over = eventually(OPEN_AT_MOST, async || state(replica).await == "half_open").await;
        judged.expect(over.is_some(), Verdict::Fail, "the opening does not end");
    }
    let before = scene.asked(0);
    // By the clock of Redis it is over some milliseconds later than by that of a replica.
    let tried = eventually(OPEN_AT_MOST, async || {
        for answer in crowd(&replicas, form, CROWD).await {
            judged.complete(&answer, OK_TEXT);
        }
        scene.asked(0) > before
    })
    .await;
    judged.expect(tried.is_some(), Verdict::Fail, "nobody tries");
    let trials = scene.asked(0) - before;
    judged.expect(trials == 1, Verdict::Fail, format!("{trials} trials of both replicas"));
    for replica in replicas {
        let closed = eventually(OPEN_AT_MOST, async || state(replica).await == "closed").await;
        judged.expect(
            closed.is_some(),
            Verdict::Fail,
            "a good trial does not close it for both",
        );
    }

    // Redis is killed while many ask, and nobody notices.
    scene.plays(0, "ok");
    let (answers, ()) = tokio::join!(crowd(&replicas, form, 5 * CROWD), redis.kill());
    for answer in answers.iter().chain(&crowd(&replicas, form, CROWD).await) {
        judged.complete(answer, OK_TEXT);
    }
    is_shared(&replicas, 0).await;
    judged.complete(&scene.ask(form).await, OK_TEXT);
    redis.restart().await.expect("it starts again");
    is_shared(&replicas, 1).await;
    judged.seen.dedup();
    judged
}

async fn crowd(replicas: &[&Program], form: Form, count: usize) -> Vec<Answer> {
    let mut asking = JoinSet::new();
    for replica in replicas {
        for _ in 0..count {
            let (address, body) = (replica.address.clone(), body(form, json!({})).to_string());
            asking.spawn(async move { answer::ask(&address, Method::POST, "/v1/chat/completions", &[], body).await });
        }
    }
    asking.join_all().await
}

/// How a replica shows its first target.
async fn state(replica: &Program) -> String {
    let targets = answer::ask(&replica.address, Method::GET, "/v1/jarvis/targets", &[], "")
        .await
        .json();
    let state = targets.pointer("/targets/0/state").and_then(Value::as_str);
    state.unwrap_or_default().to_owned()
}

async fn is_shared(replicas: &[&Program], shared: u8) {
    for replica in replicas {
        let line = format!("jarvis_breaker_shared {shared}");
        let shown = eventually(OPEN_AT_MOST, async || {
            let metrics = answer::ask(&replica.address, Method::GET, "/metrics", &[], "").await;
            metrics.body.lines().any(|shown| shown == line)
        })
        .await;
        assert!(shown.is_some(), "{line} is not shown");
    }
}
