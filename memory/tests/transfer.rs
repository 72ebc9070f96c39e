//! A whole installation, out of one database and into another, on any engine.

use jarvis_gateway::clock::Millis;
use jarvis_memory::recall::{Question, Scope};
use jarvis_memory::records::{AuditCheck, AuditEvent, Conversation, Message, MessageRole, Person, Room, Run};
use jarvis_memory::{Error, Meaning, Moved, Store, empty_postgres_database};
use serde_json::json;
use tempfile::TempDir;

const MEANING: Meaning<'static> = Meaning {
    space: "s",
    numbers: &[0.5, -1.0],
};

fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
struct Places {
    folder: TempDir,
}

#[cfg(test)]
impl Places {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder }
    }

    async fn fresh(&self, engine: &str) -> String {
        match engine {
            "sqlite" => format!("sqlite:{}/{}.db", self.folder.path().display(), id()),
            _ => empty_postgres_database().await,
        }
    }
}

/// Something in every kind of table: numbers, texts of all letters, missing values, bytes, rows that refer to later ones.
#[cfg(test)]
async fn fill(store: &Store) -> (Room, Message) {
    let room = Room {
        id: id(),
        platform: "local".into(),
        external_id: "home".into(),
        ceiling: 4,
        public: false,
        server_id: None,
        direct: false,
    };
    let room = store.room(&room).await.unwrap();
    let person = Person {
        id: "owner".into(),
        display: "Ö \"x\" \\ 🦀\n".into(),
        trust: 4,
    };
    store.put_person(&person).await.unwrap();
    let conversation = Conversation {
        id: id(),
        room_id: room.id.clone(),
        title: String::new(),
        created_at: Millis(1),
        updated_at: Millis(i64::MAX),
    };
    store.create_conversation(&conversation).await.unwrap();
    let run = Run::begun(id(), conversation.id.clone(), Some(person.id.clone()), Millis(1));
    store.start_run(&run).await.unwrap();
    let message = Message {
        id: id(),
        conversation_id: conversation.id,
        run_id: Some(run.id),
        person_id: Some(person.id),
        trust: 4,
        role: MessageRole::User,
        text: "the café has a new disk".into(),
        detail: json!({ "a": [1, null, "\u{0}"] }),
        external_id: None,
        created_at: Millis(2),
    };
    store.add_message(&message).await.unwrap();
    store.index_messages(None, 10).await.unwrap();
    let entries = store.entries_without_vector(MEANING.space, None, 10).await.unwrap();
    let vectors: Vec<(i64, Vec<f32>)> = entries.iter().map(|entry| (entry.key, vec![0.25, -1.0])).collect();
    store.keep_vectors(MEANING.space, &vectors).await.unwrap();
    for fact in ["new", "old"] {
        let insert = format!(
            "INSERT INTO memories (id, audience, whose, text, author_trust, valid_from) VALUES ('{fact}', 'owner', '', 'x', 4, 1)"
        );
        store.execute_raw(&insert).await.unwrap();
    }
    let refer = "UPDATE memories SET superseded_by = 'old', valid_to = 2 WHERE id = 'new'";
    store.execute_raw(refer).await.unwrap();
    let event = AuditEvent {
        kind: "x".into(),
        detail: Some(json!({ "say": "ü" })),
        ..AuditEvent::default()
    };
    for at in 0..70 {
        store.append_audit(&event, Millis(at)).await.unwrap();
    }
    (room, message)
}

#[cfg(test)]
async fn exported(url: &str) -> (Vec<u8>, Vec<Moved>) {
    let mut file = Vec::new();
    let moved = Store::export(url, &mut file).await.unwrap();
    (file, moved)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_and_goes_on() {
    let places = Places::new();
    for (from, to) in [
        ("sqlite", "postgres"),
        ("postgres", "sqlite"),
        ("postgres", "postgres"),
        ("sqlite", "sqlite"),
    ] {
        let (source, target) = (places.fresh(from).await, places.fresh(to).await);
        let store = Store::open(&source).await.unwrap();
        let (room, message) = fill(&store).await;
        let scope = Scope::of(&room, "owner", true);
        let question = Question::new("which disk?");
        let expect = store.recall(&question, &scope, Some(MEANING), 5).await.unwrap();
        assert_eq!(expect.len(), 1);

        let (file, moved) = exported(&source).await;
        let taken = Store::import(&target, &mut file.as_slice()).await.unwrap();
        assert_eq!(taken, moved, "{from} to {to}");
        let audit = moved.iter().find(|moved| moved.table == "audit").unwrap();
        assert_eq!(audit.rows, 70);

        let arrived = Store::open(&target).await.unwrap();
        assert_eq!(arrived.check_audit().await.unwrap(), AuditCheck::Intact { entries: 70 });
        let messages = arrived.messages(&message.conversation_id, None, 5).await.unwrap();
        assert_eq!(messages, [message]);
        let found = arrived.recall(&question, &scope, Some(MEANING), 5).await.unwrap();
        assert_eq!(found, expect, "{from} to {to}");
        arrived.append_audit(&AuditEvent::default(), Millis(1)).await.unwrap();
        assert_eq!(arrived.check_audit().await.unwrap(), AuditCheck::Intact { entries: 71 });
        // What was written again is what was read, to the byte.
        let (again, _) = exported(&source).await;
        assert_eq!(again, file);

        let refused = Store::import(&target, &mut file.as_slice()).await.unwrap_err();
        assert!(matches!(refused, Error::Transfer(_)), "{refused:?}");
        assert!(
            refused.to_string().contains("is not empty: persons has rows"),
            "{refused}"
        );
        store.discard().await;
        arrived.discard().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_whole_changes_nothing() {
    let places = Places::new();
    let source = places.fresh("sqlite").await;
    let store = Store::open(&source).await.unwrap();
    fill(&store).await;
    let (file, _) = exported(&source).await;
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for engine in ["sqlite", "postgres"] {
        let target = places.fresh(engine).await;
        let check = async |damaged: String, expect: &str| {
            let refused = Store::import(&target, &mut damaged.as_bytes()).await.unwrap_err();
            assert!(matches!(refused, Error::Transfer(_)), "{refused:?}");
            assert!(refused.to_string().contains(expect), "{refused}");
            assert!(refused.to_string().ends_with("nothing was changed"), "{refused}");
        };
        check(String::new(), "line 1: it was cut off").await;
        check("hello\n".into(), "line 1: a line is none of an export").await;
        let newer = text.replacen("\"migration\":", "\"migration\":9", 1);
        check(newer, "a newer Jarvis wrote it").await;
        check(text.trim_end().to_owned(), "it was cut off").await;
        check(lines[..lines.len() - 1].join("\n") + "\n", "it was cut off").await;
        check(
            text.replacen("café", "cafe", 1),
            "the rows of conversations are not those that were written",
        )
        .await;
        let row = lines.iter().position(|line| line.contains("café")).unwrap();
        let without = [&lines[..row], &lines[row + 1..]].concat().join("\n") + "\n";
        check(without, "the rows of conversations are not those that were written").await;
        check(
            text.replacen("\"name\":\"switches\"", "\"name\":\"nothing\"", 1),
            "a table that Jarvis does not have",
        )
        .await;
        check(
            text.replacen("\"name\":\"until\"", "\"name\":\"untill\"", 1),
            "columns that Jarvis does not have",
        )
        .await;

        let store = Store::open(&target).await.unwrap();
        assert_eq!(store.person("owner").await.unwrap(), None, "{engine}");
        assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 0 });
        store.discard().await;
        Store::import(&places.fresh(engine).await, &mut text.as_bytes())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_exported() {
    let places = Places::new();
    let refused = Store::export(&places.fresh("sqlite").await, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Transfer(_)), "{refused:?}");
    assert!(refused.to_string().contains("run `jarvis migrate` first"), "{refused}");
}
