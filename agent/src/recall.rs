//! Makes what was said findable, a little at a time.

use std::time::Duration;

use jarvis_memory::Store;

use crate::agent::Agent;

/// How often is looked for new messages. The newest ones are in the context of a turn anyway.
const EVERY: Duration = Duration::from_secs(5);
/// Messages of one transaction, which takes about two milliseconds: a message that is said meanwhile waits for it.
const BATCH: i64 = 16;
/// Between two of them others have their turn to write. A database from before there was an index is so done at 150 messages
/// a second.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes what is said to this agent findable until the process stops. Where nobody speaks nothing is looked for.
pub async fn index(agent: Agent) {
    let parts = agent.parts();
    let (store, stopping) = (&parts.store, parts.tasks.stopping());
    let mut is_due = true;
    loop {
        if !is_due && stopping.run_until_cancelled(parts.said.notified()).await.is_none() {
            return;
        }
        if stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
        is_due = match stopping.run_until_cancelled(catch_up(store)).await {
            Some(Ok(())) => false,
            Some(Err(error)) => {
                tracing::warn!(%error, "what was said is not findable yet; it is tried again");
                true
            }
            None => return,
        };
    }
}

/// Indexes until nothing is left.
async fn catch_up(store: &Store) -> Result<(), jarvis_memory::Error> {
    if store.is_indexed().await? {
        return Ok(());
    }
    let mut after = None;
    loop {
        after = store.index_messages(after.as_deref(), BATCH).await?;
        if after.is_none() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use jarvis_gateway::clock::Millis;
    use jarvis_memory::recall::{Question, Scope};
    use jarvis_memory::records::{Conversation, Message, MessageRole, Room};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn more_than_a_batch_becomes_findable() {
        let store = Store::temporary().await.unwrap();
        let room = Room {
            id: "room".into(),
            platform: "local".into(),
            external_id: "home".into(),
            ceiling: 4,
            public: false,
            server_id: None,
            direct: false,
        };
        let room = store.room(&room).await.unwrap();
        let conversation = Conversation {
            id: "conversation".into(),
            room_id: room.id.clone(),
            title: String::new(),
            created_at: Millis(0),
            updated_at: Millis(0),
        };
        store.create_conversation(&conversation).await.unwrap();
        for number in 0..=BATCH {
            let message = Message {
                id: uuid::Uuid::now_v7().to_string(),
                conversation_id: conversation.id.clone(),
                run_id: None,
                person_id: None,
                trust: 4,
                role: MessageRole::User,
                text: format!("disk{number} is full"),
                detail: json!({}),
                external_id: None,
                created_at: Millis(0),
            };
            assert!(store.add_message(&message).await.unwrap());
        }
        catch_up(&store).await.unwrap();
        let last = Question::new(&format!("which is full, disk{BATCH}?"));
        let found = store
            .recall(&last, &Scope::of(&room, "owner", true), None, 1)
            .await
            .unwrap();
        let texts: Vec<&str> = found.iter().map(|found| found.text.as_str()).collect();
        assert_eq!(texts, [format!("disk{BATCH} is full")]);
    }
}
