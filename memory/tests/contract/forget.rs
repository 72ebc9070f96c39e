//! Facts that change and end, persons who are forgotten, messages that are old, and who finds what.

use jarvis_gateway::clock::Millis;
use jarvis_memory::people::{Forget, Forgotten, Identity};
use jarvis_memory::recall::{Audience, Kept, Memory, Question, Scope, Source, Whose};
use jarvis_memory::records::{Message, MessageRole, Person, Room, RunStatus, Summary};
use jarvis_memory::{Places, Store};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a fact is kept once, replaced by its author alone, and forgotten with what it replaced",
        run: |store| Box::pin(facts(store)),
    },
    Case {
        name: "who is forgotten is gone with what came of them, and nobody else",
        run: |store| Box::pin(persons(store)),
    },
    Case {
        name: "a wish to be forgotten is taken once, in its conversation, in time",
        run: |store| Box::pin(wishes(store)),
    },
    Case {
        name: "old messages go in batches, with their entries and turns, and facts stay",
        run: |store| Box::pin(old(store)),
    },
    Case {
        name: "whoever asks wherever finds nothing that is not for there",
        run: |store| Box::pin(anybody_anywhere(store)),
    },
];

fn fact(author: &str, (audience, whose): (Audience, &str), text: &str) -> Memory {
    Memory {
        id: make::id(),
        subject_id: Some(author.into()),
        author_id: Some(author.into()),
        audience,
        whose: whose.into(),
        text: text.into(),
        source_message: None,
        author_trust: 1,
        at: make::NOW,
    }
}

async fn index(store: &Store) {
    let mut after = None;
    while let Some(next) = store.index_messages(after.as_deref(), 50).await.unwrap() {
        after = Some(next);
    }
}

async fn texts(store: &Store, whose: Whose<'_>, scope: &Scope) -> Vec<String> {
    let found = store.memories(whose, scope, None, 100).await.unwrap();
    found.into_iter().map(|found| found.memory.text).collect()
}

fn place(platform: &str, name: &str, direct: bool, server: Option<&str>) -> Room {
    Room {
        platform: platform.into(),
        public: server.is_some(),
        server_id: server.map(Into::into),
        direct,
        ..make::room(name)
    }
}

async fn facts(store: Store) {
    for person in ["anna", "ben"] {
        store.put_person(&make::person(person, 1)).await.unwrap();
    }
    let dm = place("discord", "dm", true, None);
    let scope = Scope::of(&dm, "anna", false);
    let of_anna = (Audience::Person, "anna");
    let old = fact("anna", of_anna, "lives in Berlin");
    assert_eq!(store.keep_memory(&old, None).await.unwrap(), Kept::New);
    let same = fact("anna", of_anna, "lives in Berlin");
    assert_eq!(store.keep_memory(&same, None).await.unwrap(), Kept::Known);
    let by_ben = fact("ben", (Audience::Person, "ben"), "lives in Bonn");
    assert_eq!(
        store.keep_memory(&by_ben, Some(&old.id)).await.unwrap(),
        Kept::NothingToReplace
    );
    let new = fact("anna", of_anna, "lives in Hamburg");
    assert_eq!(store.keep_memory(&new, Some(&old.id)).await.unwrap(), Kept::New);
    assert_eq!(
        store
            .keep_memory(&fact("anna", of_anna, "x"), Some(&old.id))
            .await
            .unwrap(),
        Kept::NothingToReplace,
        "it has ended"
    );
    assert_eq!(texts(&store, Whose::Person("anna"), &scope).await, ["lives in Hamburg"]);
    assert_eq!(
        texts(&store, Whose::Person("ben"), &Scope::default()).await,
        Vec::<String>::new()
    );
    let found = store
        .recall_memories(&Question::new("who lives where?"), &scope, 9)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    let ending = new.id.get(30..).unwrap();
    assert_eq!(
        store
            .memories(Whose::Person("anna"), &scope, Some(ending), 2)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        store
            .memories(Whose::Person("anna"), &scope, Some("%"), 2)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(store.forget_memory(&new.id).await.unwrap());
    assert!(!store.forget_memory(&new.id).await.unwrap());
    assert_eq!(
        store.texts_raw("SELECT text FROM memories").await.unwrap(),
        Vec::<String>::new()
    );

    assert!(store.is_remembered("anna").await.unwrap());
    assert!(store.set_remembered("anna", false).await.unwrap());
    assert!(!store.is_remembered("anna").await.unwrap());
    store.put_person(&make::person("anna", 2)).await.unwrap();
    assert!(
        !store.is_remembered("anna").await.unwrap(),
        "to be seen again does not change a wish"
    );
    assert!(!store.is_remembered("nobody").await.unwrap());
    assert!(!store.set_remembered("nobody", true).await.unwrap());
}

/// A message of a person, and the answer of a turn that it began.
async fn turn(store: &Store, conversation: &str, person: &str, text: &str, answer: &str) {
    let mut run = make::run(conversation);
    run.person_id = Some(person.into());
    let message = Message {
        person_id: Some(person.into()),
        run_id: Some(run.id.clone()),
        ..make::message(conversation, text)
    };
    let who = Person {
        trust: 1,
        ..make::person(person, 1)
    };
    assert!(store.take_message(&who, Some(&run), &message).await.unwrap());
    let call = make::tool_call(&run.id, "c1");
    store.start_tool_call(&call, None).await.unwrap();
    run.status = RunStatus::Done;
    let said = Message {
        run_id: Some(run.id.clone()),
        role: MessageRole::Assistant,
        ..make::message(conversation, answer)
    };
    store.end_runs(&[run], &said).await.unwrap();
}

fn account(account: &str) -> Identity {
    Identity {
        platform: "discord".into(),
        account: account.into(),
        handle: format!("h{account}"),
        linked_at: make::NOW,
    }
}

/// Anna and Ben with everything that somebody has; the room of both.
async fn two_people(store: &Store) -> Room {
    for (person, accounts) in [("anna", &["11", "12"][..]), ("ben", &["21"][..])] {
        for one in accounts {
            store.meet(&account(one), &make::person(person, 1)).await.unwrap();
        }
    }
    let general = store
        .room(&place("discord", "general", false, Some("g")))
        .await
        .unwrap();
    let shared = make::conversation(&general);
    store.create_conversation(&shared).await.unwrap();
    let dm = store.room(&place("discord", "dm", true, None)).await.unwrap();
    let alone = store
        .conversation_of_room(Some("anna"), &make::conversation(&dm))
        .await
        .unwrap();
    turn(store, &shared.id, "anna", "aubergines are mine", "aubergines they are").await;
    turn(store, &shared.id, "ben", "beans are mine", "beans they are").await;
    turn(store, &alone.id, "anna", "my secret is saffron", "saffron it is").await;
    let summary = Summary {
        text: "anna wants aubergines".into(),
        upto: make::id(),
        tainted: false,
        private: false,
    };
    store.put_summary(&shared.id, Some(&summary)).await.unwrap();
    for memory in [
        fact("anna", (Audience::Server, "discord g"), "grows aubergines"),
        fact("anna", (Audience::Person, "anna"), "hides saffron"),
        Memory {
            subject_id: Some("anna".into()),
            ..fact("ben", (Audience::Server, "discord g"), "anna grows aubergines")
        },
        fact("ben", (Audience::Server, "discord g"), "grows beans"),
    ] {
        store.remember(&memory).await.unwrap();
    }
    let card = jarvis_memory::records::Approval {
        requester_id: Some("anna".into()),
        ..make::approval("AAAA")
    };
    store
        .create_approval(&card, &[], &make::event("approval.raised"))
        .await
        .unwrap();
    index(store).await;
    general
}

async fn persons(store: Store) {
    let general = two_people(&store).await;
    let entries = "SELECT CAST(SUM(entries) AS TEXT) || ' ' || CAST(SUM(words) AS TEXT) FROM recall_audiences
         WHERE audience = 'server'";

    let names = ["anna the person".to_owned()];
    let forget = Forget {
        person_id: "anna",
        names: &names,
        salt: "salt",
        now: make::NOW,
    };
    let forgotten = store.forget_person(&forget).await.unwrap();
    assert_eq!(
        forgotten,
        Some(Forgotten {
            accounts: 2,
            messages: 2,
            turns: 2,
            memories: 3,
            conversations: 1,
        })
    );
    assert_eq!(store.forget_person(&forget).await.unwrap(), None, "once");
    let left = async |sql: &str| {
        let mut texts = store.texts_raw(sql).await.unwrap();
        texts.sort();
        texts
    };
    assert_eq!(
        left("SELECT text FROM messages").await,
        ["beans are mine", "beans they are"]
    );
    assert_eq!(left("SELECT text FROM memories").await, ["grows beans"]);
    assert_eq!(left("SELECT person_id FROM runs").await, ["ben"]);
    assert_eq!(left("SELECT run_id FROM tool_calls").await.len(), 1);
    assert_eq!(left("SELECT external_id FROM rooms").await, ["general"]);
    assert_eq!(
        left("SELECT COALESCE(summary, '') || title FROM conversations").await,
        [""]
    );
    assert_eq!(left("SELECT id FROM approvals").await, Vec::<String>::new());
    assert_eq!(left("SELECT external_id FROM identities").await, ["21"]);
    assert_eq!(left("SELECT id FROM persons").await, ["ben"]);
    assert_eq!(left("SELECT audience FROM recall_audiences").await, ["server"]);
    // The statistics are those of what is left: two messages and a fact, with the name of their author.
    let words = "SELECT CAST(COUNT(*) AS TEXT) || ' ' ||
         CAST(SUM(LENGTH(words) - LENGTH(REPLACE(words, ' ', '')) + 1) AS TEXT) FROM recall_entries";
    assert_eq!(left(entries).await, left(words).await);
    let scope = Scope::of(&general, "ben", false);
    let found = store
        .recall(&Question::new("aubergines beans saffron"), &scope, None, 9)
        .await
        .unwrap();
    assert!(found.iter().all(|found| found.text.contains("beans")), "{found:?}");

    tombstones(&store).await;
    store.wipe().await.unwrap();
}

/// Of accounts a hash is left, and whoever has one is somebody new.
async fn tombstones(store: &Store) {
    let at = async |account: &str| store.forgotten_at("discord", account).await.unwrap();
    assert_eq!(
        (at("11").await, at("12").await, at("21").await),
        (Some(make::NOW), Some(make::NOW), None)
    );
    assert_eq!(store.texts_raw("SELECT id_hash FROM forgotten").await.unwrap().len(), 2);
    store
        .meet(&account("11"), &make::person("anna again", 0))
        .await
        .unwrap();
    let known = store.person_of_account("discord", "11").await.unwrap().unwrap();
    assert_eq!(known.person_id, "anna again");
}

async fn wishes(store: Store) {
    store.put_person(&make::person("anna", 1)).await.unwrap();
    let (here, there) = (
        make::stored_conversation(&store).await,
        make::stored_conversation(&store).await,
    );
    let take = async |place: &str, at: i64| store.take_forget_wish("anna", place, Millis(at)).await.unwrap();
    assert!(!take(&here.id, 5).await);
    store.wish_to_be_forgotten("anna", &here.id, Millis(10)).await.unwrap();
    assert!(!take(&there.id, 5).await, "elsewhere");
    assert!(!take(&here.id, 10).await, "too late");
    assert!(take(&here.id, 9).await);
    assert!(!take(&here.id, 9).await, "once");
    store.wish_to_be_forgotten("anna", &here.id, Millis(10)).await.unwrap();
    store.wish_to_be_forgotten("anna", &there.id, Millis(20)).await.unwrap();
    assert!(!take(&here.id, 9).await, "the newer wish holds");
    assert!(take(&there.id, 19).await);
}

async fn old(store: Store) {
    store.put_person(&make::person("anna", 1)).await.unwrap();
    let room = store
        .room(&place("discord", "general", false, Some("g")))
        .await
        .unwrap();
    let conversation = make::conversation(&room);
    store.create_conversation(&conversation).await.unwrap();
    for number in 0..5 {
        turn(
            &store,
            &conversation.id,
            "anna",
            &format!("disk{number} is full"),
            "I see",
        )
        .await;
    }
    let first = store.messages(&conversation.id, None, 100).await.unwrap().remove(0);
    let memory = Memory {
        source_message: Some(first.id.clone()),
        ..fact("anna", (Audience::Server, "discord g"), "has disks")
    };
    store.remember(&memory).await.unwrap();
    index(&store).await;
    assert_eq!(
        store.conversations_in(Places::Public, "", 9).await.unwrap(),
        std::slice::from_ref(&conversation.id)
    );
    assert!(store.conversations_in(Places::Private, "", 9).await.unwrap().is_empty());
    assert!(
        store
            .conversations_in(Places::Public, &conversation.id, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let forget = async |before: Millis, limit| store.forget_messages(&conversation.id, before, limit).await.unwrap();
    assert_eq!(forget(Millis(0), 9).await, 0);
    let later = Millis(i64::MAX >> 16);
    assert_eq!(
        (forget(later, 4).await, forget(later, 9).await, forget(later, 9).await),
        (4, 6, 0)
    );
    assert_eq!(
        store.texts_raw("SELECT id FROM runs").await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        store.texts_raw("SELECT text FROM memories").await.unwrap(),
        ["has disks"]
    );
    let scope = Scope::of(&room, "anna", false);
    let found = store
        .recall(&Question::new("disk1 disk"), &scope, None, 9)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert!(matches!(found.first().unwrap().source, Source::Memory { .. }));
    let entries = store
        .texts_raw("SELECT CAST(entries AS TEXT) FROM recall_audiences")
        .await
        .unwrap();
    assert_eq!(entries, ["1"]);
}

/// The same numbers in every run: xorshift64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// Rooms of all kinds; of a direct one, the number of its person.
async fn some_rooms(store: &Store) -> Vec<(Room, Option<usize>)> {
    let mut rooms: Vec<(Room, Option<usize>)> = Vec::new();
    for number in 0..24 {
        let (room, whose) = match number % 4 {
            0 => (
                place(
                    "discord",
                    &format!("public{number}"),
                    false,
                    Some(&format!("g{}", number % 3)),
                ),
                None,
            ),
            1 => (place("discord", &format!("dm{number}"), true, None), Some(number / 2)),
            2 => (
                Room {
                    public: false,
                    ..place("discord", &format!("private{number}"), false, Some("g1"))
                },
                None,
            ),
            _ => (place("local", &format!("home{number}"), false, None), None),
        };
        rooms.push((store.room(&room).await.unwrap(), whose));
    }
    rooms
}

/// Random rooms, persons and words; whatever is asked, nothing comes from another audience, nothing private where others
/// read along.
async fn anybody_anywhere(store: Store) {
    const WORDS: [&str; 12] = [
        "disk", "boiler", "cat", "garden", "router", "tea", "train", "song", "key", "lamp", "snow", "boat",
    ];
    let mut chance = Chance(17);
    let people: Vec<String> = (0..12).map(|number| format!("person{number}")).collect();
    for person in &people {
        store.put_person(&make::person(person, 1)).await.unwrap();
    }
    let rooms = some_rooms(&store).await;
    // Where something was said is a part of its text.
    for (room, whose) in &rooms {
        let person = whose.and_then(|number| people.get(number));
        let conversation = store
            .conversation_of_room(person.map(String::as_str), &make::conversation(room))
            .await
            .unwrap();
        let (audience, of) = Audience::of_room(room, person.map(String::as_str));
        for _ in 0..12 {
            let words: Vec<&str> = (0..4).map(|_| WORDS[chance.below(WORDS.len())]).collect();
            let author = person.unwrap_or(&people[chance.below(people.len())]);
            let text = format!("{} @{} {of}@", words.join(" "), audience.as_str());
            let message = Message {
                person_id: Some(author.clone()),
                ..make::message(&conversation.id, &text)
            };
            assert!(store.add_message(&message).await.unwrap());
            if chance.below(10) < 3 {
                store.remember(&fact(author, (audience, &of), &text)).await.unwrap();
            }
        }
    }
    index(&store).await;
    let mut found_at_all = 0;
    for _ in 0..1_500 {
        let (room, _) = &rooms[chance.below(rooms.len())];
        let person = &people[chance.below(people.len())];
        let is_owner = chance.below(10) < 3;
        let scope = Scope::of(room, person, is_owner);
        let asked: Vec<&str> = (0..3).map(|_| WORDS[chance.below(WORDS.len())]).collect();
        let question = Question::new(&asked.join(" "));
        let mut found = store.recall(&question, &scope, None, 20).await.unwrap();
        found.extend(store.recall_memories(&question, &scope, 20).await.unwrap());
        let is_confidential = !room.public && (room.direct || room.platform == "local");
        for found in found {
            found_at_all += 1;
            let may = [
                format!("@room {}@", room.id),
                format!("@server discord {}@", room.server_id.clone().unwrap_or_default()),
            ];
            let mut may: Vec<String> = may.into();
            if is_confidential {
                may.push(format!("@person {person}@"));
                may.extend(is_owner.then(|| "@owner @".to_owned()));
            }
            assert!(
                may.iter().any(|may| found.text.ends_with(may)),
                "{} in {room:?} by {person}",
                found.text
            );
            assert!(is_confidential || !found.audience.is_private());
        }
    }
    assert!(found_at_all > 5_000, "{found_at_all} is little to have looked at");
}
