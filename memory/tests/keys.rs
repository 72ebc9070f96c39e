//! Keys as the gateway sees them.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::caller::{Allowance, Key, Scope};
use jarvis_gateway::clock::{Clock, Fixed, Millis};
use jarvis_gateway::http::{Keys as _, hash_key};
use jarvis_memory::records::KeyRow;
use jarvis_memory::{Keys, Store};

fn row(scopes: &str) -> KeyRow {
    KeyRow {
        id: format!("id of {scopes}"),
        name: "laptop".into(),
        hash: hash_key(scopes),
        prefix: "jv_".into(),
        scopes: scopes.into(),
        created_at: Millis(0),
        last_used_at: None,
        revoked_at: None,
        allowance: Allowance::default(),
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_has_the_scopes_that_it_was_given_until_it_is_revoked() {
    let store = Store::temporary().await.unwrap();
    let keys = Keys::new(store.clone(), Arc::new(Fixed::default()));
    assert_eq!(keys.any().await, Ok(false));
    let check = async |scopes: &str, expect: &[Scope]| {
        let row = row(scopes);
        store.add_key(&row).await.unwrap();
        let key = Key {
            id: row.id.clone(),
            name: row.name,
            scopes: expect.to_vec(),
            ..Key::default()
        };
        assert_eq!(keys.find(&row.hash).await, Ok(Some(key)), "{scopes}");
        store.revoke_key(&row.id, Millis(1)).await.unwrap();
        assert_eq!(keys.find(&row.hash).await, Ok(None), "{scopes}, revoked");
        assert_eq!(keys.any().await, Ok(true), "{scopes}, revoked");
    };
    check("chat", &[Scope::Chat]).await;
    check(" approve  ops chat ", &[Scope::Approve, Scope::Ops, Scope::Chat]).await;
    check("", &[]).await;
    check("chat everything", &[Scope::Chat]).await;
    assert_eq!(keys.find(&hash_key("another secret")).await, Ok(None));
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    let store = Store::temporary().await.unwrap();
    let clock = Fixed::at(Millis(1_000_000));
    let keys = Keys::new(store.clone(), Arc::new(clock.clone()));
    let row = row("chat");
    store.add_key(&row).await.unwrap();
    for (pass, expect) in [(0, 0), (59, 0), (1, 60), (30, 60), (3600, 3690)] {
        clock.advance(Duration::from_secs(pass));
        keys.find(&row.hash).await.unwrap();
        let noted = store.keys().await.unwrap()[0].last_used_at;
        assert_eq!(noted, Some(Millis(1_000_000 + expect * 1000)), "at {:?}", clock.now());
    }
}

#[tokio::test]
async fn a_key_is_found_while_nothing_can_be_written() {
    let store = Store::temporary().await.unwrap();
    let keys = Keys::new(store.clone(), Arc::new(Fixed::default()));
    store.add_key(&row("chat")).await.unwrap();
    let other = store.another().await.unwrap();
    other.execute_raw("BEGIN IMMEDIATE").await.unwrap();
    assert!(keys.find(&hash_key("chat")).await.unwrap().is_some());
}

#[tokio::test]
async fn without_the_database_nobody_is_let_in() {
    let store = Store::temporary().await.unwrap();
    let keys = Keys::new(store.clone(), Arc::new(Fixed::default()));
    store.close().await;
    assert_eq!(
        keys.find(&hash_key("chat")).await.unwrap_err().0,
        "look a key up: the database has been closed"
    );
    assert!(keys.any().await.is_err());
}
