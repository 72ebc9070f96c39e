//! Responses of the API.

use jarvis_gateway::clock::Millis;
use jarvis_gateway::http::responses::{Chain, Kept, MOST_IN_CHAIN};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a response is found by its owner alone, until it is deleted or too old",
        run: |store| Box::pin(life(store)),
    },
    Case {
        name: "a conversation comes oldest first, and is whole or not there",
        run: |store| Box::pin(chain(store)),
    },
    Case {
        name: "a conversation that is too long is not read",
        run: |store| Box::pin(too_long(store)),
    },
    Case {
        name: "what is too old goes, and of each owner the oldest beyond the limit",
        run: |store| Box::pin(sweep(store)),
    },
];

fn response(id: &str, owner: &str, previous: Option<&str>) -> Kept {
    Kept {
        id: id.into(),
        owner: owner.into(),
        previous: previous.map(str::to_owned),
        created_at: make::NOW,
        input: vec![json!({"type": "message", "role": "user", "content": "grüezi"})],
        response: json!({"id": id, "output": []}),
    }
}

async fn life(store: Store) {
    let mine = response("r1", "key:a", None);
    store.add_response(&mine).await.unwrap();
    let again = store.add_response(&response("r1", "key:b", None)).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    let find = async |owner: &str, id: &str, since: i64| store.response(owner, id, Millis(since)).await.unwrap();
    assert_eq!(find("key:a", "r1", make::NOW.0).await, Some(mine));
    assert_eq!(find("key:a", "r1", make::NOW.0 + 1).await, None);
    assert_eq!(find("key:b", "r1", 0).await, None);
    assert_eq!(find("key:a", "r2", 0).await, None);

    assert!(!store.delete_response("key:b", "r1").await.unwrap());
    assert!(store.delete_response("key:a", "r1").await.unwrap());
    assert!(!store.delete_response("key:a", "r1").await.unwrap());
    assert_eq!(find("key:a", "r1", 0).await, None);
}

async fn chain(store: Store) {
    let first = response("r1", "key:a", None);
    let second = response("r2", "key:a", Some("r1"));
    let other = response("r3", "key:a", Some("r1"));
    let third = response("r4", "key:a", Some("r2"));
    let stranger = response("r5", "key:b", Some("r2"));
    for kept in [&first, &second, &other, &third, &stranger] {
        store.add_response(kept).await.unwrap();
    }
    let check = async |owner: &str, id: &str, expect: Chain| {
        let found = store.response_chain(owner, id, make::NOW).await.unwrap();
        assert_eq!(found, expect, "{owner} {id}");
    };
    check("key:a", "r1", Chain::Whole(vec![first.clone()])).await;
    check("key:a", "r4", Chain::Whole(vec![first, second, third.clone()])).await;
    check("key:a", "r5", Chain::Broken("r5".into())).await;
    check("key:b", "r5", Chain::Broken("r2".into())).await;
    check("key:a", "none", Chain::Broken("none".into())).await;
    store.delete_response("key:a", "r1").await.unwrap();
    check("key:a", "r4", Chain::Broken("r1".into())).await;
    let later = Millis(make::NOW.0 + 1);
    let found = store.response_chain("key:a", "r4", later).await.unwrap();
    assert_eq!(found, Chain::Broken("r4".into()));

    // Nothing makes these, and nothing may loop over them.
    store.add_response(&response("r6", "key:a", Some("r7"))).await.unwrap();
    store.add_response(&response("r7", "key:a", Some("r6"))).await.unwrap();
    check("key:a", "r6", Chain::TooLong).await;
}

async fn too_long(store: Store) {
    let mut previous = None;
    for at in 0..=MOST_IN_CHAIN {
        let id = format!("r{at}");
        store
            .add_response(&response(&id, "key:a", previous.as_deref()))
            .await
            .unwrap();
        previous = Some(id);
    }
    let last = store
        .response_chain("key:a", &format!("r{MOST_IN_CHAIN}"), make::NOW)
        .await;
    assert_eq!(last.unwrap(), Chain::TooLong);
    let before = store
        .response_chain("key:a", &format!("r{}", MOST_IN_CHAIN - 1), make::NOW)
        .await;
    assert!(matches!(before.unwrap(), Chain::Whole(all) if all.len() == MOST_IN_CHAIN as usize));

    let large = |id: &str, previous: Option<&str>| Kept {
        input: vec![json!("x".repeat(6 * 1024 * 1024))],
        ..response(id, "key:a", previous)
    };
    store.add_response(&large("l1", None)).await.unwrap();
    store.add_response(&large("l2", Some("l1"))).await.unwrap();
    let one = store.response_chain("key:a", "l1", make::NOW).await.unwrap();
    assert!(matches!(one, Chain::Whole(all) if all.len() == 1));
    assert_eq!(
        store.response_chain("key:a", "l2", make::NOW).await.unwrap(),
        Chain::TooLong
    );
}

async fn sweep(store: Store) {
    let old = Kept {
        created_at: Millis(make::NOW.0 - 1),
        ..response("r0", "key:a", None)
    };
    store.add_response(&old).await.unwrap();
    let mut bytes = 0;
    for (id, owner) in [("r1", "key:a"), ("r2", "key:a"), ("r3", "key:a"), ("r4", "key:b")] {
        bytes = store.add_response(&response(id, owner, None)).await.unwrap();
    }
    assert_eq!(store.sweep_responses(make::NOW, u64::MAX).await.unwrap(), 1);
    assert_eq!(store.sweep_responses(make::NOW, 2 * bytes).await.unwrap(), 1);
    for (owner, id, expect) in [
        ("key:a", "r0", false),
        ("key:a", "r1", false),
        ("key:a", "r2", true),
        ("key:a", "r3", true),
        ("key:b", "r4", true),
    ] {
        let found = store.response(owner, id, Millis(0)).await.unwrap();
        assert_eq!(found.is_some(), expect, "{id}");
    }
}
