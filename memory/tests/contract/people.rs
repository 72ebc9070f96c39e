//! Persons and rooms.

use futures_util::future::join_all;
use jarvis_memory::records::{Person, Room};
use jarvis_memory::{Error, Store};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a person is inserted, then updated",
        run: |store| Box::pin(upsert(store)),
    },
    Case {
        name: "a room is made once and found afterwards",
        run: |store| Box::pin(room_is_made_once(store)),
    },
    Case {
        name: "of many who make the same room at once, all get the same",
        run: |store| Box::pin(room_race(store)),
    },
    Case {
        name: "a trust that is no level is refused",
        run: |store| Box::pin(trust_range(store)),
    },
];

async fn upsert(store: Store) {
    assert_eq!(store.person("owner").await.unwrap(), None);
    store.put_person(&make::person("owner", 1)).await.unwrap();
    let changed = Person {
        id: "owner".into(),
        display: "Émile 'the' \"owner\" 🦀".into(),
        trust: 4,
    };
    store.put_person(&changed).await.unwrap();
    assert_eq!(store.person("owner").await.unwrap(), Some(changed));
}

async fn room_is_made_once(store: Store) {
    let wanted = make::room("console");
    assert_eq!(store.room_by_id(&wanted.id).await.unwrap(), None);
    assert_eq!(store.room(&wanted).await.unwrap(), wanted);
    let again = Room {
        id: make::id(),
        ceiling: 0,
        public: true,
        ..wanted.clone()
    };
    assert_eq!(store.room(&again).await.unwrap(), wanted);
    assert_eq!(store.room_by_id(&wanted.id).await.unwrap(), Some(wanted.clone()));
    let elsewhere = Room {
        id: make::id(),
        platform: "key".into(),
        public: true,
        ..wanted.clone()
    };
    assert_eq!(store.room(&elsewhere).await.unwrap(), elsewhere);
}

async fn room_race(store: Store) {
    let other = store.another().await.unwrap();
    let makers = (0..20).map(|index| {
        let store = if index % 2 == 0 { &store } else { &other };
        async move { store.room(&make::room("console")).await.unwrap() }
    });
    let rooms = join_all(makers).await;
    assert!(rooms.windows(2).all(|pair| pair[0] == pair[1]), "{rooms:?}");
}

async fn trust_range(store: Store) {
    for trust in [-1, 5] {
        let refused = store.put_person(&make::person("x", trust)).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{trust}: {refused:?}");
    }
}
