//! Conversations and messages.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{Conversation, Message, MessageRole, Person};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a message comes back as it was stored",
        run: |store| Box::pin(round_trip(store)),
    },
    Case {
        name: "a message touches its conversation and names it once",
        run: |store| Box::pin(title_and_time(store)),
    },
    Case {
        name: "a repeated delivery is one message",
        run: |store| Box::pin(repeated_delivery(store)),
    },
    Case {
        name: "a command is answered once",
        run: |store| Box::pin(commands(store)),
    },
    Case {
        name: "a message is taken with its author and its run, or not at all",
        run: |store| Box::pin(taking(store)),
    },
    Case {
        name: "messages are paged backwards, oldest first",
        run: |store| Box::pin(paging(store)),
    },
    Case {
        name: "conversations of the asked rooms, newest first",
        run: |store| Box::pin(listing(store)),
    },
    Case {
        name: "what exists and what is missing are told apart",
        run: |store| Box::pin(conflict_and_missing(store)),
    },
    Case {
        name: "what others wrote is stored whatever its characters are",
        run: |store| Box::pin(any_character(store)),
    },
    Case {
        name: "200 writers at once finish without an error",
        run: |store| Box::pin(many_writers(store)),
    },
];

async fn any_character(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let author = Person {
        display: "a\0b".into(),
        ..make::person("owner", 4)
    };
    let mut said = make::message(&conversation.id, "a\0b \u{7f}\u{fffe}\u{202e} 🦀");
    said.person_id = Some("owner".into());
    said.detail = json!({ "a\0b": "\0" });
    assert!(store.take_message(&author, None, &said).await.unwrap());
    let kept = store.messages(&conversation.id, None, 5).await.unwrap();
    let expect = Message {
        text: said.text.replace('\0', "\u{fffd}"),
        ..said
    };
    assert_eq!(kept, [expect]);
    assert_eq!(store.person("owner").await.unwrap().unwrap().display, "a\u{fffd}b");
    let run = make::run(&conversation.id);
    store.start_run(&run).await.unwrap();
    let mut call = make::tool_call(&run.id, "a\0b");
    call.tool = "a\0b".into();
    let mut event = make::event("intent");
    event.tool = Some("a\0b".into());
    store.start_tool_call(&call, Some(&event)).await.unwrap();
    assert_eq!(
        store.check_audit().await.unwrap(),
        jarvis_memory::records::AuditCheck::Intact { entries: 1 }
    );
    let mut entry = super::usage::entry("cloud/m", Some(1), jarvis_gateway::usage::Outcome::Answered);
    entry.attempt.origin = super::usage::origin("a\0b", jarvis_gateway::demands::Endpoint::Chat, Some("a\0b"));
    store.append_usage(&[entry]).await.unwrap();
}

async fn round_trip(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    store.put_person(&make::person("owner", 4)).await.unwrap();
    let run = make::run(&conversation.id);
    store.start_run(&run).await.unwrap();
    let message = Message {
        run_id: Some(run.id),
        person_id: Some("owner".into()),
        trust: 4,
        role: MessageRole::Assistant,
        text: "tab\t'quote' \"double\" $1 ? ; -- \u{202e} 🦀\r\n".into(),
        detail: json!({"z": 1, "a": [null, 1.5, "x"], "big": i64::MAX}),
        external_id: Some("discord:1".into()),
        ..make::message(&conversation.id, "")
    };
    assert!(store.add_message(&message).await.unwrap());
    let stored = store.messages(&conversation.id, None, 10).await.unwrap();
    assert_eq!(stored, [message]);
}

async fn title_and_time(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let said = [
        (MessageRole::Event, "Jarvis was restarted", 10),
        (MessageRole::User, "  what is\nrunning? ", 30),
        (MessageRole::Assistant, "web", 40),
        (MessageRole::User, "and now?", 20),
    ];
    for (role, text, after) in said {
        let message = Message {
            role,
            created_at: Millis(make::NOW.0 + after),
            ..make::message(&conversation.id, text)
        };
        assert!(store.add_message(&message).await.unwrap());
    }
    let expect = Conversation {
        title: "what is running?".into(),
        updated_at: Millis(make::NOW.0 + 40),
        ..conversation.clone()
    };
    assert_eq!(store.conversation(&conversation.id).await.unwrap(), Some(expect));
}

async fn repeated_delivery(store: Store) {
    let here = make::stored_conversation(&store).await;
    let there = make::stored_conversation(&store).await;
    let first = Message {
        external_id: Some("m1".into()),
        ..make::message(&here.id, "first")
    };
    let repeated = Message {
        id: make::id(),
        text: "again".into(),
        created_at: Millis(make::NOW.0 + 99),
        ..first.clone()
    };
    let elsewhere = Message {
        id: make::id(),
        conversation_id: there.id.clone(),
        ..first.clone()
    };
    assert!(store.add_message(&first).await.unwrap());
    assert!(!store.add_message(&repeated).await.unwrap());
    assert!(store.add_message(&elsewhere).await.unwrap());
    let find = async |conversation: &str, id: &str| store.message_by_external_id(conversation, id).await.unwrap();
    assert_eq!(find(&here.id, "m1").await, Some(first.clone()));
    assert_eq!(find(&there.id, "m1").await, Some(elsewhere));
    assert_eq!(find(&here.id, "m2").await, None);
    assert_eq!(store.messages(&here.id, None, 10).await.unwrap(), [first]);
    let unchanged = store.conversation(&here.id).await.unwrap().unwrap();
    assert_eq!((unchanged.title.as_str(), unchanged.updated_at), ("first", make::NOW));
}

async fn commands(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let talk = make::message(&conversation.id, "talk");
    let command = Message {
        external_id: Some("discord:1".into()),
        ..make::message(&conversation.id, "/freeze all")
    };
    let other = make::message(&conversation.id, "/stop");
    store.add_message(&talk).await.unwrap();
    let take = async |command: &Message| {
        store
            .take_message(&make::person("ann", 3), None, command)
            .await
            .unwrap()
    };
    assert!(take(&command).await);
    assert!(!take(&command).await, "delivered twice");
    assert!(take(&other).await);
    let unanswered = async || store.unanswered_commands(9).await.unwrap();
    assert_eq!(unanswered().await, [command.clone(), other.clone()]);
    let answer = make::message(&conversation.id, "frozen");
    assert!(store.answer_command(&command.id, Some(&answer)).await.unwrap());
    let again = make::message(&conversation.id, "frozen twice");
    assert!(!store.answer_command(&command.id, Some(&again)).await.unwrap());
    assert!(store.answer_command(&other.id, None).await.unwrap());
    assert_eq!(unanswered().await, []);
    let texts: Vec<String> = store
        .messages(&conversation.id, None, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert_eq!(texts, ["talk", "/freeze all", "/stop", "frozen"]);
}

async fn taking(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let (ann, run) = (make::person("ann", 2), make::run(&conversation.id));
    let first = Message {
        run_id: Some(run.id.clone()),
        external_id: Some("m1".into()),
        ..make::message(&conversation.id, "first")
    };
    assert!(store.take_message(&ann, Some(&run), &first).await.unwrap());
    assert_eq!(store.person("ann").await.unwrap(), Some(ann.clone()));
    assert_eq!(store.run(&run.id).await.unwrap(), Some(run));
    let kept = || async { store.messages(&conversation.id, None, 10).await.unwrap() };
    assert_eq!(kept().await, std::slice::from_ref(&first));

    // Sent again: neither a run without its message, nor the author under another name.
    let again = make::run(&conversation.id);
    let repeated = Message {
        id: make::id(),
        run_id: Some(again.id.clone()),
        ..first.clone()
    };
    let renamed = Person {
        display: "Ann".into(),
        ..ann.clone()
    };
    assert!(!store.take_message(&renamed, Some(&again), &repeated).await.unwrap());
    assert_eq!(store.run(&again.id).await.unwrap(), None);
    assert_eq!(store.person("ann").await.unwrap(), Some(ann));
    assert_eq!(kept().await, [first]);

    let command = make::message(&conversation.id, "stop");
    assert!(store.take_message(&renamed, None, &command).await.unwrap());
    assert_eq!(store.person("ann").await.unwrap(), Some(renamed));
    assert_eq!(kept().await.len(), 2);
}

async fn paging(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let mut ids = Vec::new();
    for index in 0..5 {
        let message = make::message(&conversation.id, &index.to_string());
        store.add_message(&message).await.unwrap();
        ids.push(message.id);
    }
    let check = async |before: Option<&str>, limit: i64, expect: &str| {
        let page = store.messages(&conversation.id, before, limit).await.unwrap();
        let texts: String = page.into_iter().map(|message| message.text).collect();
        assert_eq!(texts, expect, "before {before:?}, limit {limit}");
    };
    check(None, 10, "01234").await;
    check(None, 2, "34").await;
    check(Some(&ids[3]), 2, "12").await;
    check(Some(&ids[1]), 9, "0").await;
    check(Some(&ids[0]), 9, "").await;
    check(None, 0, "").await;
    check(None, -1, "").await;
}

async fn listing(store: Store) {
    let rooms = [make::room("a"), make::room("b"), make::room("c")];
    let mut expect = Vec::new();
    for (index, room) in (0..).zip(&rooms) {
        store.room(room).await.unwrap();
        let conversation = Conversation {
            updated_at: Millis(make::NOW.0 + index),
            ..make::conversation(room)
        };
        store.create_conversation(&conversation).await.unwrap();
        expect.insert(0, conversation);
    }
    let check = async |asked: &[usize], limit: i64, expect: &[Conversation]| {
        let ids: Vec<String> = asked.iter().map(|index| rooms[*index].id.clone()).collect();
        assert_eq!(
            store.conversations(&ids, limit).await.unwrap(),
            expect,
            "{asked:?}, limit {limit}"
        );
    };
    check(&[0, 1, 2], 10, &expect).await;
    check(&[2, 0, 1], 2, &expect[..2]).await;
    check(&[1], 10, &expect[1..2]).await;
    check(&[], 10, &[]).await;
}

async fn conflict_and_missing(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let message = make::message(&conversation.id, "x");
    assert!(store.add_message(&message).await.unwrap());
    let again = store.add_message(&message).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    let again = store.create_conversation(&conversation).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    let nowhere = store.add_message(&make::message("no such conversation", "x")).await;
    assert!(matches!(nowhere, Err(Error::Missing { .. })), "{nowhere:?}");
    assert_eq!(
        nowhere.unwrap_err().to_string(),
        "store a message in conversation `no such conversation`: it, or something that it refers to, does not exist"
    );
    assert_eq!(store.conversation("nope").await.unwrap(), None);
    // A failed operation leaves nothing behind, not even a held transaction.
    assert!(store.add_message(&make::message(&conversation.id, "y")).await.unwrap());
}

async fn many_writers(store: Store) {
    // Three sets of connections, as three processes have them: SQLite's own lock is contended too.
    let stores = [
        store.clone(),
        store.another().await.unwrap(),
        store.another().await.unwrap(),
    ];
    let shared = make::stored_conversation(&store).await;
    let writers = (0..200).map(|index| {
        let store = &stores[index % stores.len()];
        let shared = &shared;
        async move {
            let own = make::stored_conversation(store).await;
            assert!(store.add_message(&make::message(&own.id, "own")).await.unwrap());
            assert!(
                store
                    .add_message(&make::message(&shared.id, &index.to_string()))
                    .await
                    .unwrap()
            );
            assert_eq!(store.messages(&own.id, None, 10).await.unwrap().len(), 1);
        }
    });
    join_all(writers).await;
    let stored = store.messages(&shared.id, None, 1000).await.unwrap();
    let texts: BTreeSet<String> = stored.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, (0..200).map(|index| index.to_string()).collect());
}
