//! API keys.

use std::time::Duration;

use jarvis_gateway::caller::Allowance;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;
use jarvis_memory::records::KeyRow;
use jarvis_memory::{Error, Store};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a key is found by its hash until it is revoked",
        run: |store| Box::pin(life(store)),
    },
    Case {
        name: "the use of a key is noted and never goes back",
        run: |store| Box::pin(touch(store)),
    },
    Case {
        name: "a key keeps its limits, and they can be changed until it is revoked",
        run: |store| Box::pin(limits(store)),
    },
    Case {
        name: "two keys cannot have the same secret",
        run: |store| Box::pin(same_secret(store)),
    },
];

async fn life(store: Store) {
    assert!(!store.any_key().await.unwrap());
    let laptop = make::key("laptop", "h1");
    let phone = make::key("phone", "h2");
    store.add_key(&laptop).await.unwrap();
    store.add_key(&phone).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), [laptop.clone(), phone.clone()]);
    assert_eq!(store.key_by_hash("h1").await.unwrap(), Some(laptop.clone()));
    assert_eq!(store.key_by_hash("h3").await.unwrap(), None);
    assert_eq!(store.key_by_hash("H1").await.unwrap(), None);

    assert!(store.revoke_key(&laptop.id, Millis(7)).await.unwrap());
    assert!(!store.revoke_key(&laptop.id, Millis(8)).await.unwrap());
    assert!(!store.revoke_key("no such key", Millis(8)).await.unwrap());
    assert_eq!(store.key_by_hash("h1").await.unwrap(), None);
    let revoked = KeyRow {
        revoked_at: Some(Millis(7)),
        ..laptop
    };
    assert_eq!(store.keys().await.unwrap(), [revoked, phone.clone()]);

    assert!(store.revoke_key(&phone.id, Millis(9)).await.unwrap());
    assert!(store.any_key().await.unwrap(), "a revoked key still counts");
}

async fn touch(store: Store) {
    let key = make::key("laptop", "h1");
    store.add_key(&key).await.unwrap();
    for (at, expect) in [(5, 5), (3, 5), (9, 9)] {
        store.touch_key(&key.id, Millis(at)).await.unwrap();
        let stored = store.key_by_hash("h1").await.unwrap().unwrap();
        assert_eq!(stored.last_used_at, Some(Millis(expect)), "touched at {at}");
    }
    store.touch_key("no such key", Millis(1)).await.unwrap();
}

async fn limits(store: Store) {
    let plain = make::key("laptop", "h1");
    let limited = KeyRow {
        allowance: Allowance {
            models: vec!["jarvis-*".into(), "gpu/qwen3:14b".into()],
            requests_per_minute: Some(1),
            tokens_per_minute: Some(2),
            concurrency: Some(u32::MAX),
            budget_day: Some(MicroUsd(4)),
            budget_month: Some(MicroUsd(i64::MAX)),
            local_only: true,
            cache: Some(Duration::from_mins(5)),
            class: Some("batch".into()),
        },
        expires_at: Some(Millis(99)),
        ..make::key("phone", "h2")
    };
    store.add_key(&plain).await.unwrap();
    store.add_key(&limited).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), [plain.clone(), limited.clone()]);
    assert_eq!(store.key_by_hash("h2").await.unwrap(), Some(limited.clone()));
    let swapped = KeyRow {
        scopes: "audio".into(),
        allowance: limited.allowance.clone(),
        expires_at: limited.expires_at,
        ..plain.clone()
    };
    assert!(store.change_key(&swapped).await.unwrap());
    let freed = KeyRow {
        allowance: Allowance::default(),
        expires_at: None,
        ..limited
    };
    assert!(store.change_key(&freed).await.unwrap());
    assert_eq!(store.keys().await.unwrap(), [swapped, freed.clone()]);
    store.revoke_key(&freed.id, Millis(7)).await.unwrap();
    assert!(!store.change_key(&freed).await.unwrap());
    let unknown = KeyRow {
        id: "no such key".into(),
        ..freed
    };
    assert!(!store.change_key(&unknown).await.unwrap());
}

async fn same_secret(store: Store) {
    store.add_key(&make::key("laptop", "h1")).await.unwrap();
    let again = store.add_key(&make::key("phone", "h1")).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
}
