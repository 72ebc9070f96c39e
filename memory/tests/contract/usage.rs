//! What was used.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::caller::{Caller, Key};
use jarvis_gateway::chain::HostClass;
use jarvis_gateway::chat::{Timings, Usage};
use jarvis_gateway::clock::Millis;
use jarvis_gateway::demands::{Endpoint, Origin};
use jarvis_gateway::provider::Class;
use jarvis_gateway::usage::{Attempt, By, Entry, MicroUsd, Outcome, Pieces, Spent, Sums};
use jarvis_memory::Store;

use super::Case;
use super::make::NOW;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "usage is summed up by every name, and waste and unknown cost are told apart",
        run: |store| Box::pin(sums(store)),
    },
    Case {
        name: "sums begin at a time",
        run: |store| Box::pin(since(store)),
    },
    Case {
        name: "what was spent is counted by day and key",
        run: |store| Box::pin(spending(store)),
    },
    Case {
        name: "what a server reports in nonsense does not break the sums",
        run: |store| Box::pin(nonsense(store)),
    },
    Case {
        name: "what is old is forgotten in batches, and what was spent is not",
        run: |store| Box::pin(forgotten(store)),
    },
    Case {
        name: "a large batch keeps every entry",
        run: |store| Box::pin(large(store)),
    },
];

const DAY: i64 = 24 * 60 * 60 * 1000;

fn key(id: &str) -> Caller {
    Caller::from(Key {
        id: id.into(),
        name: format!("name-{id}"),
        ..Key::default()
    })
}

pub(super) fn origin(model: &str, endpoint: Endpoint, conversation: Option<&str>) -> Arc<Origin> {
    Arc::new(Origin {
        id: "r1".into(),
        endpoint,
        model: model.into(),
        conversation: conversation.map(str::to_owned),
        ..Origin::default()
    })
}

/// 10 tokens in, 4 of them read before, 5 out, 1 of them thought.
pub(crate) fn entry(target: &str, cost: Option<i64>, outcome: Outcome) -> Entry {
    let (backend, model) = target.split_once('/').unwrap();
    Entry {
        attempt: Attempt {
            origin: origin("jarvis-chat", Endpoint::Chat, None),
            caller: Caller::Loopback,
            backend: backend.into(),
            model: model.into(),
            kind: "openai",
            class: HostClass::Cloud,
            number: 1,
            left: Vec::new(),
            started_at: NOW,
            waited: None,
            took: Duration::from_millis(1500),
            first_token: Some(Duration::from_millis(300)),
            outcome,
            usage: Usage {
                prompt_tokens: 10,
                completion_tokens: 5,
                cached_tokens: 4,
                reasoning_tokens: 1,
            },
            estimated: false,
            pieces: Pieces::default(),
            timings: Timings::default(),
            truncated: false,
        },
        cost: cost.map(MicroUsd),
        at: Millis(NOW.0 + 1500),
    }
}

fn of(caller: Caller, origin: Arc<Origin>, entry: Entry) -> Entry {
    Entry {
        attempt: Attempt {
            caller,
            origin,
            ..entry.attempt
        },
        ..entry
    }
}

fn left() -> Outcome {
    Outcome::Left {
        class: Class::IdleTimeout,
        reason: "nothing more came for 20 s".into(),
    }
}

fn line(name: &str, attempts: i64, answered: i64, cost: i64) -> Sums {
    Sums {
        name: name.into(),
        attempts,
        answered,
        tokens_in: 10 * attempts,
        tokens_cached: 4 * attempts,
        tokens_out: 5 * attempts,
        tokens_reasoning: attempts,
        cost: MicroUsd(cost),
        ..Sums::default()
    }
}

async fn sums(store: Store) {
    let laptop = || key("k1");
    let chat = |conversation| origin("jarvis-chat", Endpoint::Chat, conversation);
    store
        .append_usage(&[
            of(laptop(), chat(Some("c1")), entry("gpu/small", Some(0), left())),
            of(
                laptop(),
                chat(Some("c1")),
                entry("cloud/large", Some(70), Outcome::Answered),
            ),
            of(laptop(), chat(None), entry("cloud/large", Some(30), Outcome::Cancelled)),
            entry("cloud/odd", None, Outcome::Answered),
            of(
                Caller::Internal,
                origin("embed", Endpoint::Embeddings, None),
                entry("cache/large", Some(0), Outcome::Cached),
            ),
        ])
        .await
        .unwrap();
    let check = async |by: By, expect: &[Sums]| {
        assert_eq!(store.usage(Millis(0), by).await.unwrap(), expect, "by {by}");
    };
    let wasted_on_gpu = Sums {
        left: 1,
        tokens_wasted: 15,
        ..line("gpu/small", 1, 0, 0)
    };
    let served = Sums {
        left: 1,
        tokens_wasted: 15,
        cost_wasted: MicroUsd(30),
        ..line("cloud/large", 2, 1, 100)
    };
    let odd = Sums {
        cost_unknown: 1,
        ..line("cloud/odd", 1, 1, 0)
    };
    let again = Sums {
        cached: 1,
        attempts: 1,
        name: "cache/large".into(),
        ..Sums::default()
    };
    check(
        By::Target,
        &[served.clone(), again.clone(), odd.clone(), wasted_on_gpu.clone()],
    )
    .await;
    let named = |name: &str, sums: &Sums| Sums {
        name: name.into(),
        ..sums.clone()
    };
    let of_laptop = Sums {
        left: 2,
        tokens_wasted: 30,
        cost_wasted: MicroUsd(30),
        ..line("key:name-k1", 3, 1, 100)
    };
    check(
        By::Key,
        &[of_laptop, named("internal", &again), named("loopback", &odd)],
    )
    .await;
    let both_large = Sums {
        attempts: 3,
        cached: 1,
        ..named("large", &served)
    };
    check(
        By::Model,
        &[both_large, named("odd", &odd), named("small", &wasted_on_gpu)],
    )
    .await;
    check_names(&store, By::Endpoint, &[("chat", 4), ("embeddings", 1)]).await;
    check_names(&store, By::Conversation, &[("c1", 2), ("", 3)]).await;
    check_names(&store, By::Alias, &[("jarvis-chat", 4), ("embed", 1)]).await;
}

async fn check_names(store: &Store, by: By, expect: &[(&str, i64)]) {
    let lines = store.usage(Millis(0), by).await.unwrap();
    let names: Vec<(&str, i64)> = lines.iter().map(|line| (line.name.as_str(), line.attempts)).collect();
    assert_eq!(names, expect, "by {by}");
}

fn at(days_ago: i64, took: i64) -> Entry {
    let entry = entry("cloud/large", Some(10), Outcome::Answered);
    let started_at = Millis(NOW.0 - days_ago * DAY);
    Entry {
        attempt: Attempt {
            started_at,
            ..entry.attempt
        },
        at: Millis(started_at.0 + took),
        ..entry
    }
}

async fn forgotten(store: Store) {
    let at = |day: i64| Entry {
        at: Millis(day * DAY),
        ..of(
            key("a"),
            origin("m", Endpoint::Chat, None),
            entry("cloud/m", Some(1), Outcome::Answered),
        )
    };
    store.append_usage(&[at(3), at(1), at(2), at(4), at(2)]).await.unwrap();
    let before = Millis(3 * DAY);
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(store.forget_usage(before, 2).await.unwrap());
    }
    assert_eq!(counts, [2, 1, 0]);
    let lines = store.usage(Millis(0), By::Model).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.attempts).sum::<i64>(), 2);
    let spent = store.spending(0).await.unwrap();
    assert_eq!(spent.iter().map(|spent| spent.cost.0).sum::<i64>(), 5);
}

async fn since(store: Store) {
    let entries = [at(2, 100), at(1, 5000), at(1, 0), at(0, 0)];
    store.append_usage(&entries).await.unwrap();
    let check = async |since: i64, expect: i64| {
        let lines = store.usage(Millis(since), By::Model).await.unwrap();
        let attempts: i64 = lines.iter().map(|line| line.attempts).sum();
        assert_eq!(attempts, expect, "since {since}");
    };
    check(0, 4).await;
    check(NOW.0 - 2 * DAY, 4).await;
    check(NOW.0 - 2 * DAY + 1, 3).await;
    check(NOW.0 - DAY, 3).await;
    // One had begun before and ended afterwards.
    check(NOW.0 - DAY + 1, 1).await;
    check(NOW.0, 1).await;
    check(NOW.0 + 1, 0).await;
    check(i64::MAX, 0).await;
    check_names(
        &store,
        By::Day,
        &[("2026-11-18", 1), ("2026-11-19", 2), ("2026-11-20", 1)],
    )
    .await;
}

async fn spending(store: Store) {
    let today = NOW.0 / DAY;
    let spent = |day: i64, key_id: &str, cost: i64| Spent {
        day,
        key_id: key_id.into(),
        cost: MicroUsd(cost),
    };
    let one = |cost: Option<i64>| entry("cloud/large", cost, Outcome::Answered);
    let of_key = |cost: Option<i64>| of(key("k1"), origin("x", Endpoint::Chat, None), one(cost));
    store
        .append_usage(&[one(Some(3)), of_key(Some(5)), of_key(None), of_key(Some(0))])
        .await
        .unwrap();
    store.append_usage(&[of_key(Some(7)), at(1, 0)]).await.unwrap();
    store.append_usage(&[one(None)]).await.unwrap();
    let all = [spent(today - 1, "", 10), spent(today, "", 3), spent(today, "k1", 12)];
    assert_eq!(store.spending(today - 1).await.unwrap(), all);
    assert_eq!(store.spending(today).await.unwrap(), all[1..]);
    assert_eq!(store.spending(today + 1).await.unwrap(), []);
}

async fn nonsense(store: Store) {
    let entry = entry("cloud/large", Some(i64::MAX), Outcome::Answered);
    let usage = Usage {
        prompt_tokens: u64::MAX,
        completion_tokens: u64::MAX,
        cached_tokens: u64::MAX,
        reasoning_tokens: u64::MAX,
    };
    let entry = Entry {
        attempt: Attempt { usage, ..entry.attempt },
        ..entry
    };
    store.append_usage(&vec![entry; 50]).await.unwrap();
    let lines = store.usage(Millis(0), By::Model).await.unwrap();
    assert_eq!((lines[0].attempts, lines[0].tokens_in), (50, 50_000_000_000_000));
}

async fn large(store: Store) {
    let entries: Vec<Entry> = (0..101)
        .map(|_| entry("cloud/large", Some(1), Outcome::Answered))
        .collect();
    store.append_usage(&entries).await.unwrap();
    store.append_usage(&[]).await.unwrap();
    assert_eq!(
        store.usage(Millis(0), By::Model).await.unwrap(),
        [line("large", 101, 101, 101)]
    );
}
