//! How fast the store is on this machine: `cargo run --release -p jarvis-memory --example measure`.
//!
//! Every figure is of one process on a database in the temporary folder, with the durability of the real one.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::error::Error;

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::records::{AuditEvent, Conversation, Message, MessageRole, Room};
use serde_json::json;
use tokio::time::Instant;

const OPERATIONS: u32 = 4000;
/// Operations that are under way at once.
const AT_ONCE: u32 = 8;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let store = Store::temporary().await?;
    println!("open and migrate a new database: {:?}", began.elapsed());

    let began = Instant::now();
    for index in 0..OPERATIONS {
        store.append_audit(&event(index), Millis(0)).await?;
    }
    report("audit entries appended, one after the other", began);

    let began = Instant::now();
    let writers = (0..AT_ONCE).map(async |_| {
        for index in 0..OPERATIONS / AT_ONCE {
            store.append_audit(&event(index), Millis(0)).await?;
        }
        Ok::<_, jarvis_memory::Error>(())
    });
    join_all(writers).await.into_iter().collect::<Result<(), _>>()?;
    report("audit entries appended, eight at once", began);

    let began = Instant::now();
    println!(
        "check of the audit: {:?} in {:?}",
        store.check_audit().await?,
        began.elapsed()
    );

    let conversation = conversation(&store).await?;
    let began = Instant::now();
    for _ in 0..OPERATIONS {
        store.add_message(&message(&conversation)).await?;
    }
    report("messages stored, one after the other", began);

    let began = Instant::now();
    for _ in 0..OPERATIONS {
        store.messages(&conversation.id, None, 50).await?;
    }
    report("readings of the last 50 messages", began);

    let began = Instant::now();
    for _ in 0..OPERATIONS {
        store.key_by_hash("no such key").await?;
    }
    report("look-ups of a key", began);
    Ok(())
}

fn report(what: &str, began: Instant) {
    let took = began.elapsed();
    let each = took / OPERATIONS;
    println!(
        "{what}: {:.0} per second, {each:?} each",
        f64::from(OPERATIONS) / took.as_secs_f64()
    );
}

fn event(index: u32) -> AuditEvent {
    AuditEvent {
        kind: "tool.outcome".into(),
        person_id: Some("owner".into()),
        via: "console".into(),
        tool: Some("docker_action".into()),
        arguments: Some(json!({"action": "stop", "container": "web", "index": index})),
        outcome: Some("ok".into()),
        ..AuditEvent::default()
    }
}

async fn conversation(store: &Store) -> Result<Conversation, jarvis_memory::Error> {
    let room = Room {
        id: "room".into(),
        platform: "local".into(),
        external_id: "console".into(),
        ceiling: 4,
        public: false,
        server_id: None,
        direct: false,
    };
    let conversation = Conversation {
        id: "conversation".into(),
        room_id: store.room(&room).await?.id,
        title: String::new(),
        created_at: Millis(0),
        updated_at: Millis(0),
    };
    store.create_conversation(&conversation).await?;
    Ok(conversation)
}

fn message(conversation: &Conversation) -> Message {
    let id = uuid::Uuid::now_v7().to_string();
    Message {
        conversation_id: conversation.id.clone(),
        run_id: None,
        person_id: None,
        trust: 4,
        role: MessageRole::User,
        text: "what is running here, and since when? ".repeat(5),
        detail: json!({"target": "gpu/qwen3:14b", "tools": []}),
        external_id: Some(id.clone()),
        id,
        created_at: Millis(0),
    }
}
