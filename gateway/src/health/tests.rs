//! Facts and loads over a server that is played.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{Ability, Capabilities, Facts, Health, Listed, Loaded, Rates, Source, Warmth};
use crate::chat::{Finish, FinishReason, Timings, Usage};
use crate::clock::{Fixed, Millis};
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

/// Answers what it was set to; a load takes ten seconds.
#[derive(Default)]
pub(super) struct Played {
    pub(super) listed: Mutex<Vec<Listed>>,
    pub(super) loaded: Mutex<Option<Result<Vec<Loaded>, Class>>>,
    pub(super) load_fails: Mutex<bool>,
    pub(super) looks: AtomicU32,
    pub(super) loads: AtomicU32,
}

#[async_trait]
impl Source for Played {
    fn address(&self) -> String {
        "http://played".into()
    }

    async fn alive(&self) -> Result<Option<String>, Error> {
        Ok(Some("0.33.0".into()))
    }

    async fn models(&self) -> Result<Vec<Listed>, Error> {
        Ok(self.listed.lock().unwrap().clone())
    }

    async fn loaded(&self) -> Result<Option<Vec<Loaded>>, Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let answer = self.loaded.lock().unwrap().clone();
        answer.transpose().map_err(|class| Error::new(class, "no"))
    }

    async fn load(&self, _: &str) -> Result<(), Error> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(10)).await;
        if *self.load_fails.lock().unwrap() {
            return Err(Error::new(Class::Upstream5xx, "out of memory"));
        }
        Ok(())
    }
}

struct World {
    health: Health,
    server: Arc<Played>,
    clock: Fixed,
}

fn world() -> World {
    let clock = Fixed::at(Millis(1_000));
    let health = Health::new(Arc::new(clock.clone()), Tasks::default());
    let server = Arc::new(Played::default());
    health
        .host("gpu")
        .set_source(Some(Arc::clone(&server) as Arc<dyn Source>));
    World { health, server, clock }
}

fn in_memory(name: &str, size: u64, size_fast: u64) -> Loaded {
    Loaded {
        name: name.into(),
        size,
        size_fast,
        context: Some(8_192),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_memory_is_warm() {
    let check = async |answer: Option<Result<Vec<Loaded>, Class>>, expect: (Warmth, Option<u32>)| {
        let World { health, server, .. } = world();
        let model = health.model("gpu", "m");
        *server.loaded.lock().unwrap() = answer.clone();
        let warmth = model.warmth_now().await;
        assert_eq!((warmth, model.facts().context_loaded), expect, "given {answer:?}");
    };
    check(None, (Warmth::Unknown, None)).await;
    check(Some(Ok(vec![])), (Warmth::Cold, None)).await;
    check(Some(Ok(vec![in_memory("other", 9, 9)])), (Warmth::Cold, None)).await;
    check(Some(Ok(vec![in_memory("m", 9, 9)])), (Warmth::Warm, Some(8_192))).await;
    check(Some(Ok(vec![in_memory("m", 9, 5)])), (Warmth::WarmSlow, Some(8_192))).await;
    check(Some(Err(Class::TtftTimeout)), (Warmth::Loading, None)).await;
    check(Some(Err(Class::Decode)), (Warmth::Unknown, None)).await;
}

#[tokio::test(start_paused = true)]
async fn many_who_want_to_know_ask_once_in_two_seconds() {
    let World { health, server, .. } = world();
    let model = health.model("gpu", "m");
    futures_util::future::join_all((0..9).map(|_| model.warmth_now())).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    model.warmth_now().await;
    assert_eq!(server.looks.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    model.warmth_now().await;
    assert_eq!(server.looks.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_model_is_loaded_once_for_all_who_want_it() {
    let World { health, server, .. } = world();
    *server.listed.lock().unwrap() = vec![Listed {
        name: "m".into(),
        size: Some(5_000),
        ..Listed::default()
    }];
    *server.loaded.lock().unwrap() = Some(Ok(vec![]));
    let model = health.model("gpu", "m");
    health.host("gpu").ask_models().await.unwrap();
    model.warmth_now().await;
    let first = tokio::time::timeout(Duration::from_secs(1), model.load()).await;
    assert!(first.is_err(), "loading takes ten seconds");
    assert_eq!(model.facts().warmth, Warmth::Loading);
    let results = futures_util::future::join_all((0..9).map(|_| model.load())).await;
    assert_eq!(results, vec![Ok(()); 9]);
    assert_eq!(server.loads.load(Ordering::SeqCst), 1);
    assert_eq!(model.facts().warmth, Warmth::Warm);
    assert_eq!(model.facts().rates.load, Some(500));
    model.load().await.unwrap();
    assert_eq!(server.loads.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_failed_is_not_tried_again_at_once() {
    let World { health, server, .. } = world();
    *server.load_fails.lock().unwrap() = true;
    let model = health.model("gpu", "m");
    let failed = Err(Error::new(Class::Upstream5xx, "out of memory"));
    assert_eq!(model.load().await, failed);
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(model.load().await, failed);
    assert_eq!(server.loads.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    *server.load_fails.lock().unwrap() = false;
    assert_eq!(model.load().await, Ok(()));
}

#[tokio::test]
async fn what_a_model_was_refused_for_is_remembered_for_a_day_or_until_its_weights_change() {
    let World { health, server, clock } = world();
    let list = async |digest: &str| {
        *server.listed.lock().unwrap() = vec![Listed {
            name: "m".into(),
            digest: Some(digest.into()),
            capabilities: Some(Capabilities::default().with(Ability::Tools).with(Ability::Completion)),
            ..Listed::default()
        }];
        health.host("gpu").ask_models().await.unwrap();
        health.model("gpu", "m").facts().can(Ability::Tools)
    };
    assert_eq!(health.model("gpu", "m").facts().can(Ability::Tools), None);
    assert_eq!(list("a").await, Some(true));
    health.model("gpu", "m").refused(Ability::Tools);
    assert_eq!(list("a").await, Some(false));
    assert_eq!(list("b").await, Some(true));
    health.model("gpu", "m").refused(Ability::Tools);
    clock.advance(Duration::from_hours(23));
    assert_eq!(list("b").await, Some(false));
    clock.advance(Duration::from_hours(1));
    assert_eq!(list("b").await, Some(true));
}

#[test]
fn a_refusal_names_what_is_lacking() {
    let check = |given: &str, expect| assert_eq!(Ability::lacking_by(given), expect, "given {given}");
    check(
        "registry.ollama.ai/library/gemma3:4b does not support tools",
        Some(Ability::Tools),
    );
    check("\"m\" does not support thinking", Some(Ability::Thinking));
    check("\"all-minilm\" does not support chat", Some(Ability::Completion));
    check("this model does not support image input", Some(Ability::Vision));
    check("model 'x' not found", None);
    check("does not support love", None);
}

#[test]
fn speed_follows_what_is_slower_faster_than_what_is_faster() {
    let learn = |answers: &[(u64, u64, u64)]| {
        let mut rates = Rates::default();
        for (prompt_tokens, prompt_seconds, estimate) in answers {
            let finish = Finish {
                usage: Some(Usage {
                    prompt_tokens: *prompt_tokens,
                    completion_tokens: 100,
                    ..Usage::default()
                }),
                timings: Timings {
                    load: Some(Duration::from_millis(40)),
                    prompt: Some(Duration::from_secs(*prompt_seconds)),
                    answer: Some(Duration::from_secs(4)),
                },
                ..Finish::because(FinishReason::Stop)
            };
            rates.learn(&finish, u32::try_from(*estimate).unwrap(), Some(1_000_000));
        }
        rates
    };
    let check = |answers: &[(u64, u64, u64)], prompt: Option<f64>, per_estimate: Option<f64>| {
        let expect = Rates {
            prompt,
            answer: Some(25.0),
            load: None,
            per_estimate,
        };
        assert_eq!(learn(answers), expect, "given {answers:?}");
    };
    check(&[(1_000, 1, 1_000)], Some(1_000.0), Some(1.0));
    check(&[(1_000, 1, 1_000), (2_000, 1, 2_000)], Some(1_100.0), Some(1.0));
    check(&[(1_000, 1, 1_000), (500, 1, 500)], Some(800.0), Some(1.0));
    // Too few tokens to say anything, and a prompt of which most was in the cache.
    check(&[(20, 1, 20)], None, None);
    check(&[(100, 1, 1_000)], Some(100.0), None);
    check(&[(1_500, 1, 1_000)], Some(1_500.0), Some(1.15));
    check(&[(9_000, 1, 1_000)], Some(9_000.0), Some(1.6));
}

#[test]
fn a_load_is_given_half_as_long_again_as_the_last_ones_took() {
    let check = |size: Option<u64>, rate: Option<u64>, seconds: u64| {
        let facts = Facts {
            size,
            rates: Rates {
                load: rate,
                ..Rates::default()
            },
            ..Facts::default()
        };
        assert_eq!(
            facts.load_budget(),
            Duration::from_secs(seconds),
            "{size:?} at {rate:?}"
        );
    };
    check(None, None, 60);
    check(Some(9), None, 60);
    check(Some(3_900), Some(100), 60);
    check(Some(100), Some(100), 20);
    check(Some(99_999), Some(100), 180);
}
