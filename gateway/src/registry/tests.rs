use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;

use super::*;
use crate::breaker::{Forced, ForcedTo, Shown};
use crate::caller::{Allowance, Caller, Key};
use crate::chain::{HostClass, Limits};
use crate::chat::{Event, Finish, FinishReason, Request};
use crate::clock::{Fixed, Millis};
use crate::provider::{Call, Class, Error, Events, Provider};
use crate::tasks::Tasks;

/// Answers with the model name that it was asked for, or fails.
struct Echo(Option<Class>);

impl Provider for Echo {
    fn stream(&self, call: Call) -> Events {
        let events = match self.0 {
            Some(class) => vec![Err(Error::new(class, "connection refused"))],
            None => vec![
                Ok(Event::Text(call.model)),
                Ok(Event::Finish(Finish::because(FinishReason::Stop))),
            ],
        };
        Box::pin(futures_util::stream::iter(events))
    }
}

fn backend(name: &str, class: HostClass, fails: Option<Class>, models: &[&str]) -> Backend {
    Backend {
        name: name.to_owned(),
        kind: "ollama",
        class,
        provider: Arc::new(Echo(fails)),
        limits: Limits::of(class),
        settings: std::collections::HashMap::new(),
        models: models.iter().map(|&model| model.to_owned()).collect(),
        source: None,
        preload: Vec::new(),
    }
}

fn link(name: &str) -> Link {
    let (backend, model) = name.split_once('/').unwrap();
    Link {
        backend: backend.to_owned(),
        model: model.to_owned(),
    }
}

fn registry() -> Registry {
    let registry = Registry::new(Arc::new(Fixed::at(Millis(5_000))), Tasks::default());
    registry.set_backend(backend("gpu", HostClass::Gpu, Some(Class::HostDown), &["small"]));
    registry.set_alias("jarvis-chat", vec![link("gpu/qwen3:14b"), link("cpu/qwen3:4b")]);
    registry
}

async fn ask(registry: &Registry, name: &str) -> Result<(String, String), String> {
    let provider = registry
        .find(&Caller::Internal, name)
        .map_err(|unknown| unknown.to_string())?;
    let call = Call {
        request: Arc::new(Request::default()),
        model: name.to_owned(),
        left: Vec::new(),
    };
    let mut answer = (String::new(), String::new());
    let mut events = provider.stream(call);
    while let Some(event) = events.next().await {
        match event.map_err(|error| error.message)? {
            Event::Served(served) => answer.0 = served.target,
            Event::Text(text) => answer.1.push_str(&text),
            _ => {}
        }
    }
    Ok(answer)
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
fn answers(target: &str, text: &str) -> Result<(String, String), String> {
    Ok((target.to_owned(), text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn names_lead_to_whoever_answers() {
    let registry = registry();
    let refused = "no model answered (gpu/qwen3:14b: connection refused)";
    assert_eq!(ask(&registry, "jarvis-chat").await, Err(refused.to_owned()));
    let chain = registry.chain("jarvis-chat").unwrap();

    registry.set_backend(backend("cpu", HostClass::Cpu, None, &[]));
    assert_eq!(ask(&registry, "jarvis-chat").await, answers("cpu/qwen3:4b", "qwen3:4b"));
    assert_eq!(
        ask(&registry, "cpu/qwen3:4b").await,
        answers("cpu/qwen3:4b", "qwen3:4b")
    );
    assert_eq!(chain.targets().len(), 2, "a chain follows its alias");

    registry.register("jarvis", Arc::new(Echo(None)));
    assert_eq!(ask(&registry, "jarvis").await, answers("", "jarvis"));
    let unknown =
        "the model `jarvi` does not exist or you do not have access to it; did you mean `jarvis` or `jarvis-chat`?";
    assert_eq!(ask(&registry, "jarvi").await, Err(unknown.to_owned()));
    let unknown = "the model `cpu/other` does not exist or you do not have access to it; GET /v1/models lists all";
    assert_eq!(ask(&registry, "cpu/other").await, Err(unknown.to_owned()));

    let ids: Vec<String> = registry
        .models(&Caller::Internal)
        .into_iter()
        .map(|model| model.id)
        .collect();
    assert_eq!(
        ids,
        ["jarvis", "jarvis-chat", "cpu/qwen3:4b", "gpu/qwen3:14b", "gpu/small"]
    );
}

#[tokio::test(start_paused = true)]
async fn targets_are_shown_with_their_state() {
    let registry = registry();
    registry.set_alias("fast", vec![link("gpu/qwen3:14b")]);
    let mut changes = registry.changes();
    ask(&registry, "jarvis-chat").await.unwrap_err();
    let until = registry.targets()[0].open_until.unwrap();
    assert!((9_000..=11_000).contains(&until.0), "{until:?}");
    let closed = json!({"state": "closed", "reason": null, "open_until": null, "forced": null});
    let open = json!({"state": "open", "reason": "connection refused", "open_until": until, "forced": null});
    let expect = json!([{
        "name": "gpu/qwen3:14b", "backend": "gpu", "model": "qwen3:14b", "kind": "ollama", "class": "gpu",
        "aliases": ["jarvis-chat", "fast"], "state": "open", "reason": "connection refused", "open_until": until,
        "breakers": {"backend": open, "model": closed},
        "warmth": "unknown", "capabilities": null, "context": {"effective": null, "max": null},
        "size": null, "digest": null,
        "rates": {"prompt": null, "answer": null, "load": null, "per_estimate": null},
        "version": null, "last_probe": null,
    }]);
    assert_eq!(serde_json::to_value(registry.targets()).unwrap(), expect);

    let key = changes.recv().await.unwrap();
    assert_eq!(registry.changed(&key), registry.targets());
    registry.reset("gpu");
    let state = serde_json::to_value(&registry.targets()[0]).unwrap();
    assert_eq!(
        (&state["state"], &state["open_until"]),
        (&json!("closed"), &json!(null))
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_replaced_is_not_probed_twice() {
    struct Counts(std::sync::atomic::AtomicU32);
    #[async_trait::async_trait]
    impl crate::health::Source for Counts {
        fn address(&self) -> String {
            "http://played".into()
        }
        async fn alive(&self) -> Result<Option<String>, Error> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Err(Error::new(Class::HostDown, "refused"))
        }
        async fn models(&self) -> Result<Vec<crate::health::Listed>, Error> {
            Ok(Vec::new())
        }
    }
    let registry = registry();
    let probes: Vec<Arc<Counts>> = (0..2).map(|_| Arc::new(Counts(0.into()))).collect();
    for probe in &probes {
        registry.set_backend(Backend {
            source: Some(probe.clone()),
            ..backend("gpu", HostClass::Gpu, Some(Class::HostDown), &[])
        });
    }
    tokio::task::yield_now().await;
    ask(&registry, "jarvis-chat").await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let counts: Vec<u32> = probes
        .iter()
        .map(|probe| probe.0.load(std::sync::atomic::Ordering::SeqCst))
        .collect();
    // Once at the start, once to confirm.
    assert_eq!(counts, [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_person_holds_a_backend_or_one_model_of_it() {
    let registry = registry();
    registry.set_backend(backend("cpu", HostClass::Cpu, None, &[]));
    let held = |to| Forced {
        to,
        until: Millis(60_000),
        by: "ann".into(),
    };
    let states = |registry: &Registry| -> Vec<(String, Shown)> {
        let targets = registry.targets().into_iter();
        targets.map(|target| (target.name, target.state)).collect()
    };
    registry
        .force("gpu", Some("qwen3:14b"), Some(&held(ForcedTo::Open)))
        .unwrap();
    assert_eq!(states(&registry)[0].1, Shown::Open);
    assert_eq!(ask(&registry, "jarvis-chat").await, answers("cpu/qwen3:4b", "qwen3:4b"));
    registry.force("gpu", Some("qwen3:14b"), None).unwrap();
    assert_eq!(states(&registry)[0].1, Shown::Closed);
    let changed = registry.force("cpu", None, Some(&held(ForcedTo::Open))).unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].breakers.backend.forced, Some(held(ForcedTo::Open)));
    assert_eq!(changed[0].breakers.model.forced, None);
    assert_eq!(changed[0].reason.as_deref(), Some("held open by ann"));
    registry
        .force("cpu", Some("qwen3:4b"), Some(&held(ForcedTo::Open)))
        .unwrap();
    let changed = registry.force("cpu", None, None).unwrap();
    assert_eq!(changed[0].state, Shown::Closed, "a backend takes its models along");
    let refused = registry.force("gpuu", None, None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no target and no backend `gpuu`; GET /v1/jarvis/targets lists all"
    );
    registry.force("gpu", Some("nope"), None).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_key_sees_and_finds_only_its_models() {
    let registry = registry();
    registry.register("jarvis", Arc::new(Echo(None)));
    let check = |models: &[&str], sees: &[&str], near: &[&str]| {
        let caller = Caller::from(Key {
            allowance: Allowance {
                models: models.iter().map(|&model| model.to_owned()).collect(),
                ..Allowance::default()
            },
            ..Key::default()
        });
        let ids: Vec<String> = registry.models(&caller).into_iter().map(|model| model.id).collect();
        assert_eq!(ids, sees, "{models:?}");
        for model in registry.models(&Caller::Internal) {
            let found = registry.find(&caller, &model.id).is_ok();
            assert_eq!(found, ids.contains(&model.id), "{models:?}: {}", model.id);
        }
        let unknown = registry.find(&caller, "jarvi").err().unwrap();
        assert_eq!(unknown.near, near, "{models:?}");
    };
    let all = ["jarvis", "jarvis-chat", "gpu/qwen3:14b", "gpu/small"];
    check(&[], &all, &["jarvis", "jarvis-chat"]);
    check(&["*"], &all, &["jarvis", "jarvis-chat"]);
    check(
        &["jarvis-*", "gpu/*:14b"],
        &["jarvis-chat", "gpu/qwen3:14b"],
        &["jarvis-chat"],
    );
    check(&["gpu/small"], &["gpu/small"], &[]);
    check(&["nothing"], &[], &[]);
}
