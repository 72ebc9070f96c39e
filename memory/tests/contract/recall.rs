//! Finding what was said again, and who may.

use jarvis_memory::recall::{Audience, Memory, Question, Recalled, Scope, Source};
use jarvis_memory::records::{Conversation, Message, MessageRole, Person, Room};
use jarvis_memory::{Meaning, Store};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "what was said is found once it is indexed, with what was said around it",
        run: |store| Box::pin(found_once_indexed(store)),
    },
    Case {
        name: "messages are indexed once, in batches, by two at once too",
        run: |store| Box::pin(indexed_once(store)),
    },
    Case {
        name: "a message that was stored late is indexed",
        run: |store| Box::pin(stored_late(store)),
    },
    Case {
        name: "nobody finds what was said to another audience",
        run: |store| Box::pin(audiences(store)),
    },
    Case {
        name: "a fact is found by its audience, and has no neighbours",
        run: |store| Box::pin(memories(store)),
    },
    Case {
        name: "what is deleted is not found",
        run: |store| Box::pin(deleted(store)),
    },
    Case {
        name: "vectors of another space have no say",
        run: |store| Box::pin(spaces(store)),
    },
    Case {
        name: "any words can be asked for",
        run: |store| Box::pin(odd_words(store)),
    },
];

/// A room with a conversation, both stored.
async fn place(store: &Store, change: impl FnOnce(&mut Room)) -> (Room, Conversation) {
    let mut room = make::room(&make::id());
    room.platform = "discord".into();
    change(&mut room);
    let room = store.room(&room).await.unwrap();
    let conversation = make::conversation(&room);
    store.create_conversation(&conversation).await.unwrap();
    (room, conversation)
}

async fn say(store: &Store, conversation: &Conversation, text: &str) -> Message {
    let message = make::message(&conversation.id, text);
    assert!(store.add_message(&message).await.unwrap());
    message
}

async fn index(store: &Store) {
    let mut after = None;
    while let Some(next) = store.index_messages(after.as_deref(), 2).await.unwrap() {
        after = Some(next);
    }
}

async fn find(store: &Store, scope: &Scope, question: &str) -> Vec<String> {
    let found = store.recall(&Question::new(question), scope, None, 10).await.unwrap();
    found.into_iter().map(|recalled| recalled.text).collect()
}

async fn found_once_indexed(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    let anna = Person {
        display: "Anna".into(),
        ..make::person("anna", 2)
    };
    store.put_person(&anna).await.unwrap();
    say(&store, &conversation, "hello").await;
    let mut message = make::message(&conversation.id, "I bought a new disk for the NAS");
    message.person_id = Some("anna".into());
    message.trust = 2;
    store.add_message(&message).await.unwrap();
    let mut event = make::message(&conversation.id, "a disk was mounted");
    event.role = MessageRole::Event;
    store.add_message(&event).await.unwrap();
    say(&store, &conversation, " ").await;

    let scope = Scope::of(&room, "anna", false);
    assert_eq!(
        find(&store, &scope, "which disks did we buy?").await,
        Vec::<String>::new()
    );
    index(&store).await;
    let found = store
        .recall(&Question::new("Which disks did Anna buy?"), &scope, None, 10)
        .await
        .unwrap();
    let (first, rest) = found.split_first().unwrap();
    assert_eq!(
        *first,
        Recalled {
            source: Source::Message {
                id: message.id,
                conversation_id: conversation.id
            },
            author: Some("Anna".into()),
            author_id: Some("anna".into()),
            audience: Audience::Room,
            trust: 2,
            text: message.text,
            at: make::NOW,
            score: first.score,
        }
    );
    let rest: Vec<&str> = rest.iter().map(|recalled| recalled.text.as_str()).collect();
    assert_eq!(rest, ["hello"], "what stood before it, and no event");
    assert_eq!(find(&store, &Scope::default(), "disk").await, Vec::<String>::new());
}

async fn indexed_once(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    for number in 0..7 {
        say(&store, &conversation, &format!("disk number{number}")).await;
    }
    let other = store.another().await.unwrap();
    tokio::join!(index(&store), index(&other));
    let scope = Scope::of(&room, "anna", false);
    assert_eq!(find(&store, &scope, "disk").await.len(), 7);
    say(&store, &conversation, "one more disk").await;
    index(&store).await;
    assert_eq!(find(&store, &scope, "disk").await.len(), 8);
    assert_eq!(store.index_messages(None, 10).await.unwrap(), None, "nothing is left");
}

async fn stored_late(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    let late = make::message(&conversation.id, "the late disk");
    say(&store, &conversation, "a disk").await;
    index(&store).await;
    store.add_message(&late).await.unwrap();
    index(&store).await;
    let mut found = find(&store, &Scope::of(&room, "anna", false), "disk").await;
    found.sort_unstable();
    assert_eq!(found, ["a disk", "the late disk"]);
}

async fn audiences(store: Store) {
    let home = place(&store, |room| room.platform = "local".into()).await;
    let guild = |room: &mut Room| room.server_id = Some("guild".into());
    let private = place(&store, guild).await;
    let public = place(&store, |room| {
        guild(room);
        room.public = true;
    })
    .await;
    let elsewhere = place(&store, |room| {
        room.public = true;
        room.server_id = Some("another".into());
    })
    .await;
    let direct = make::room(&make::id());
    let direct = store
        .room(&Room {
            platform: "discord".into(),
            direct: true,
            ..direct
        })
        .await
        .unwrap();
    let alone = make::conversation(&direct);
    let alone = store.conversation_of_room(Some("anna"), &alone).await.unwrap();
    for (conversation, text) in [
        (&home.1, "the safe is at home"),
        (&private.1, "the safe is in private"),
        (&public.1, "the safe is in public"),
        (&elsewhere.1, "the safe is elsewhere"),
        (&alone, "the safe is between us"),
    ] {
        say(&store, conversation, text).await;
    }
    index(&store).await;
    let check = async |room: &Room, person: &str, is_owner: bool, expect: &[&str]| {
        let mut found = find(&store, &Scope::of(room, person, is_owner), "where is the safe?").await;
        found.sort_unstable();
        assert_eq!(found, expect, "{person} in {room:?}");
    };
    check(&home.0, "owner", true, &["the safe is at home"]).await;
    check(
        &private.0,
        "anna",
        false,
        &["the safe is in private", "the safe is in public"],
    )
    .await;
    check(
        &private.0,
        "owner",
        true,
        &["the safe is in private", "the safe is in public"],
    )
    .await;
    check(&public.0, "anna", false, &["the safe is in public"]).await;
    check(&public.0, "owner", true, &["the safe is in public"]).await;
    check(&elsewhere.0, "anna", false, &["the safe is elsewhere"]).await;
    check(&direct, "anna", false, &["the safe is between us"]).await;
    // An account that became somebody else's does not show what was said before.
    check(&direct, "ben", false, &[]).await;
    check(&direct, "owner", true, &["the safe is at home"]).await;
}

fn memory(audience: Audience, whose: &str, text: &str) -> Memory {
    Memory {
        id: make::id(),
        subject_id: None,
        author_id: None,
        audience,
        whose: whose.into(),
        text: text.into(),
        source_message: None,
        author_trust: 4,
        at: make::NOW,
    }
}

async fn memories(store: Store) {
    let (room, _) = place(&store, |room| room.direct = true).await;
    for (whose, text) in [
        ("anna", "Anna likes tea"),
        ("anna", "Anna has a cat"),
        ("ben", "Ben likes tea, too"),
    ] {
        store.remember(&memory(Audience::Person, whose, text)).await.unwrap();
    }
    let house = memory(Audience::Owner, "", "the tea is in the cellar");
    store.remember(&house).await.unwrap();
    let scope = |person| Scope::of(&room, person, person == "owner");
    assert_eq!(find(&store, &scope("anna"), "who likes tea?").await, ["Anna likes tea"]);
    assert_eq!(
        find(&store, &scope("ben"), "who likes tea?").await,
        ["Ben likes tea, too"]
    );
    let found = store
        .recall(&Question::new("tea"), &scope("owner"), None, 10)
        .await
        .unwrap();
    let sources: Vec<&Source> = found.iter().map(|recalled| &recalled.source).collect();
    assert_eq!(sources, [&Source::Memory { id: house.id.clone() }]);
    assert!(store.remember(&house).await.is_err(), "a fact is kept once");
    let ended = format!("UPDATE memories SET valid_to = 1 WHERE id = '{}'", house.id);
    store.execute_raw(&ended).await.unwrap();
    assert_eq!(
        find(&store, &scope("owner"), "tea").await,
        Vec::<String>::new(),
        "it holds no longer"
    );
    assert!(
        store
            .remember(&memory(Audience::Owner, "", &"x".repeat(1001)))
            .await
            .is_err()
    );
}

async fn deleted(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    store.put_person(&make::person("anna", 2)).await.unwrap();
    say(&store, &conversation, "the blue disk").await;
    let mut of_anna = make::message(&conversation.id, "the red disk");
    of_anna.person_id = Some("anna".into());
    store.add_message(&of_anna).await.unwrap();
    index(&store).await;
    let scope = Scope::of(&room, "anna", false);
    let newest = store.entries_without_vector("space", None, 1).await.unwrap().remove(0);
    store
        .keep_vectors("space", &[(newest.key, vec![1.0, 0.0])])
        .await
        .unwrap();
    store
        .execute_raw("DELETE FROM persons WHERE id = 'anna'")
        .await
        .unwrap();
    assert_eq!(find(&store, &scope, "disk").await, ["the blue disk"]);
    assert_eq!(find(&store, &scope, "red").await, Vec::<String>::new());
    store.execute_raw("DELETE FROM conversations").await.unwrap();
    for table in ["recall_entries", "recall_threads", "recall_vectors", "recall_words"] {
        let left = store
            .texts_raw(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}"))
            .await
            .unwrap();
        assert_eq!(left, ["0"], "{table}");
    }
}

async fn spaces(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    for text in [
        "the disk is slow",
        "lunch",
        "dinner",
        "supper",
        "it takes ages to save a file",
    ] {
        say(&store, &conversation, text).await;
    }
    index(&store).await;
    let without = store.entries_without_vector("minilm", None, 10).await.unwrap();
    let texts: Vec<&str> = without.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "it takes ages to save a file",
            "supper",
            "dinner",
            "lunch",
            "the disk is slow"
        ]
    );
    let vector = |text: &str| {
        if text == "lunch" {
            vec![0.0, 1.0]
        } else {
            vec![1.0, 0.0]
        }
    };
    let vectors: Vec<(i64, Vec<f32>)> = without.iter().map(|entry| (entry.key, vector(&entry.text))).collect();
    store.keep_vectors("minilm", &vectors).await.unwrap();
    assert_eq!(store.entries_without_vector("minilm", None, 10).await.unwrap(), []);
    assert_eq!(
        store
            .entries_without_vector("other", Some(without[3].key), 10)
            .await
            .unwrap()
            .len(),
        1
    );

    let scope = Scope::of(&room, "anna", false);
    let first = async |meaning: Option<Meaning<'_>>| {
        let found = store.recall(&Question::new("disk"), &scope, meaning, 10).await.unwrap();
        let texts: Vec<String> = found.into_iter().map(|recalled| recalled.text).collect();
        texts
    };
    let words_alone = first(None).await;
    assert_eq!(words_alone, ["the disk is slow", "lunch", "dinner", "supper"]);
    let numbers = [0.0, 1.0];
    let meant = |space| {
        Some(Meaning {
            space,
            numbers: &numbers,
        })
    };
    assert_eq!(first(meant("minilm")).await.first().map(String::as_str), Some("lunch"));
    assert_eq!(first(meant("other")).await, words_alone);
    let longer = [0.0, 1.0, 0.0];
    assert_eq!(
        first(Some(Meaning {
            space: "minilm",
            numbers: &longer
        }))
        .await,
        words_alone
    );
    // An entry that is gone is passed over.
    store.keep_vectors("minilm", &[(i64::MAX, vec![1.0])]).await.unwrap();
}

async fn odd_words(store: Store) {
    let (room, conversation) = place(&store, |_| ()).await;
    let scope = Scope::of(&room, "anna", false);
    for text in [
        "\"quoted\" OR words:*",
        "हिन्दी में",
        "冷蔵庫",
        "NEAR AND NOT",
        "x".repeat(50_000).as_str(),
        "\0 nul",
    ] {
        say(&store, &conversation, text).await;
        index(&store).await;
        find(&store, &scope, text).await;
    }
    assert_eq!(
        find(&store, &scope, "हिन्दी").await.first().map(String::as_str),
        Some("हिन्दी में")
    );
    assert_eq!(
        find(&store, &scope, "冷蔵庫?").await.first().map(String::as_str),
        Some("冷蔵庫")
    );
    assert_eq!(
        find(&store, &scope, "quoted").await.first().map(String::as_str),
        Some("\"quoted\" OR words:*")
    );
    assert_eq!(find(&store, &scope, "the").await, Vec::<String>::new());
}
