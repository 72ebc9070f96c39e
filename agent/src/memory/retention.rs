//! Messages that are old enough are forgotten, a few at a time.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_memory::{Places, Store};

use super::config::Config;
use crate::agent::Agent;

/// How often is looked for what is old.
const EVERY: Duration = Duration::from_hours(24);
/// When a start has other work.
const FIRST: Duration = Duration::from_mins(10);
const DAY: Duration = Duration::from_hours(24);
/// Messages of one transaction.
const BATCH: i64 = 50;
/// Conversations that are looked at together.
const LISTED: i64 = 200;
/// Between two of them others have their turn to write.
const PAUSE: Duration = Duration::from_millis(50);

/// Forgets what is older than the configuration keeps it, every day, until the process stops.
pub async fn forget_old(agent: Agent, config: Config) {
    let parts = agent.parts();
    let stopping = parts.tasks.stopping();
    let mut wait = FIRST;
    while stopping.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        wait = EVERY;
        let forgetting = forget(&parts.store, &config, parts.now());
        match stopping.run_until_cancelled(forgetting).await {
            Some(Ok(0)) => {}
            Some(Ok(count)) => tracing::info!(messages = count, "messages that were kept long enough are forgotten"),
            Some(Err(error)) => {
                tracing::warn!(%error, "old messages could not be forgotten; it is tried again tomorrow");
            }
            None => return,
        }
    }
}

/// All that is old at `now`; how many messages that was.
pub(super) async fn forget(store: &Store, config: &Config, now: Millis) -> Result<usize, jarvis_memory::Error> {
    let before = |days: u32| {
        let age = i64::try_from(DAY.saturating_mul(days).as_millis()).unwrap_or(i64::MAX);
        Millis(now.0.saturating_sub(age))
    };
    let kept = [
        (Places::Public, Some(config.keep_public)),
        (Places::Private, Some(config.keep)),
        (Places::Home, config.keep_home),
    ];
    let mut total = 0;
    for (places, days) in kept {
        let Some(days) = days else { continue };
        total += in_places(store, places, before(days.get())).await?;
    }
    if total > 0 {
        store.wipe().await?;
    }
    Ok(total)
}

async fn in_places(store: &Store, places: Places, before: Millis) -> Result<usize, jarvis_memory::Error> {
    let mut total = 0;
    let mut after = String::new();
    loop {
        let conversations = store.conversations_in(places, &after, LISTED).await?;
        let Some(last) = conversations.last() else {
            return Ok(total);
        };
        after.clone_from(last);
        for conversation in &conversations {
            loop {
                let count = store.forget_messages(conversation, before, BATCH).await?;
                total += count;
                if count == 0 {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jarvis_memory::recall::{Question, Scope};
    use jarvis_memory::records::{Conversation, Message, MessageRole, Room};
    use serde_json::json;

    use super::*;

    const NOW: Millis = Millis(1_795_168_000_000);

    fn days_ago(days: i64) -> Millis {
        Millis(NOW.0 - days * 24 * 60 * 60 * 1000)
    }

    /// An id as one is made at a time.
    fn id_of(at: Millis, number: u64) -> String {
        let digits = format!("{:012x}", at.0);
        let (high, low) = digits.split_at_checked(8).unwrap();
        format!("{high}-{low}-7000-8000-{number:012x}")
    }

    async fn conversation(store: &Store, platform: &str, public: bool) -> (Room, String) {
        let room = Room {
            id: uuid::Uuid::now_v7().to_string(),
            platform: platform.into(),
            external_id: format!("{platform} {public}"),
            ceiling: 4,
            public,
            server_id: None,
            direct: false,
        };
        let room = store.room(&room).await.unwrap();
        let conversation = Conversation {
            id: uuid::Uuid::now_v7().to_string(),
            room_id: room.id.clone(),
            title: String::new(),
            created_at: NOW,
            updated_at: NOW,
        };
        store.create_conversation(&conversation).await.unwrap();
        (room, conversation.id)
    }

    async fn say(store: &Store, conversation: &str, days: i64, number: u64) {
        let at = days_ago(days);
        let message = Message {
            id: id_of(at, number),
            conversation_id: conversation.into(),
            run_id: None,
            person_id: None,
            trust: 1,
            role: MessageRole::User,
            text: format!("disk number{number} of day{days}"),
            detail: json!({}),
            external_id: None,
            created_at: at,
        };
        assert!(store.add_message(&message).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_old_goes_by_its_place_with_its_entries() {
        let store = Store::temporary().await.unwrap();
        let public = conversation(&store, "discord", true).await;
        let private = conversation(&store, "discord", false).await;
        let home = conversation(&store, "local", false).await;
        let mut number = 0;
        for (_, conversation) in [&public, &private, &home] {
            for days in [400, 181, 179, 31, 29, 0] {
                number += 1;
                say(&store, conversation, days, number).await;
            }
        }
        // More than one batch.
        for _ in 0..2 * BATCH {
            number += 1;
            say(&store, &public.1, 40, number).await;
        }
        let mut after = Some(String::new());
        while let Some(from) = after {
            after = store.index_messages(Some(&from), 100).await.unwrap();
        }
        let left = async |(room, conversation): &(Room, String)| {
            let messages = store.messages(conversation, None, 500).await.unwrap();
            let days: Vec<i64> = messages
                .iter()
                .map(|message| (NOW.0 - message.created_at.0) / 86_400_000)
                .collect();
            let scope = Scope::of(room, "anna", true);
            let found = store.recall(&Question::new("disk"), &scope, None, 500).await.unwrap();
            assert_eq!(found.len(), messages.len(), "the index has what there is");
            days
        };
        let count = forget(&store, &Config::default(), NOW).await.unwrap();
        assert_eq!(count, 4 + 2 + usize::try_from(2 * BATCH).unwrap());
        assert_eq!(left(&public).await, [29, 0]);
        assert_eq!(left(&private).await, [179, 31, 29, 0]);
        assert_eq!(left(&home).await, [400, 181, 179, 31, 29, 0]);
        assert_eq!(forget(&store, &Config::default(), NOW).await.unwrap(), 0);
        let config = Config {
            keep_home: Some(30.try_into().unwrap()),
            ..Config::default()
        };
        assert_eq!(forget(&store, &config, NOW).await.unwrap(), 4);
        assert_eq!(left(&home).await, [29, 0]);
    }
}
