//! Conversations and their messages.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::error::{Named, tried};
use super::{Result, Store, commands, people, row, runs};
use crate::records::{Conversation, Message, MessageRole, Person, Run};

/// Sorts after every UUID, which is made of digits and the letters up to `f`.
const AFTER_EVERY_ID: &str = "g";

const TITLE_CHARACTERS: usize = 60;

impl Store {
    pub async fn create_conversation(&self, conversation: &Conversation) -> Result<()> {
        let query = insert(conversation);
        tried(Named("create conversation", &conversation.id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    pub async fn conversation(&self, id: &str) -> Result<Option<Conversation>> {
        let query =
            sqlx::query("SELECT id, room_id, title, created_at, updated_at FROM conversations WHERE id = $1").bind(id);
        tried(Named("read conversation", id), async {
            let found = query.fetch_optional(&self.read).await?;
            found.as_ref().map(conversation).transpose()
        })
        .await
    }

    /// The conversations of these rooms, the one with the newest message first.
    pub async fn conversations(&self, room_ids: &[String], limit: i64) -> Result<Vec<Conversation>> {
        if room_ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..room_ids.len()).map(|index| format!("${}", index + 2)).collect();
        let sql = format!(
            "SELECT id, room_id, title, created_at, updated_at FROM conversations
             WHERE room_id IN ({}) ORDER BY updated_at DESC, id DESC LIMIT $1",
            places.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(limit.max(0));
        for id in room_ids {
            query = query.bind(id);
        }
        tried("list conversations", async {
            row::all(&query.fetch_all(&self.read).await?, conversation)
        })
        .await
    }

    /// Appends the message, sets `updated_at` and, from the first user message, the title of the conversation.
    /// `false` when a message with this `external_id` is there already: then nothing changes.
    pub async fn add_message(&self, message: &Message) -> Result<bool> {
        tried(
            Named("store a message in conversation", &message.conversation_id),
            async {
                let mut transaction = self.write.begin().await?;
                if !say(&mut transaction, message).await? {
                    transaction.rollback().await?;
                    return Ok(false);
                }
                transaction.commit().await?;
                Ok(true)
            },
        )
        .await
    }

    /// Appends what `author` says, with the run that will answer it, all or nothing: a crash leaves a run whose message is
    /// there, which the next start closes and tells of. Without a run it is a command, unanswered from then on. `false`, and
    /// nothing is stored, when the message is there already.
    pub async fn take_message(&self, author: &Person, run: Option<&Run>, message: &Message) -> Result<bool> {
        let me = self.me();
        tried(
            Named("take a message in conversation", &message.conversation_id),
            async {
                let mut transaction = self.write.begin().await?;
                people::put(author).execute(&mut *transaction).await?;
                if let Some(run) = run {
                    runs::insert(run, &me).execute(&mut *transaction).await?;
                }
                if !say(&mut transaction, message).await? {
                    transaction.rollback().await?;
                    return Ok(false);
                }
                if run.is_none() {
                    commands::unanswered(message, &me).execute(&mut *transaction).await?;
                }
                transaction.commit().await?;
                Ok(true)
            },
        )
        .await
    }

    /// The message that its sender gave this id, if it was stored before.
    pub async fn message_by_external_id(&self, conversation_id: &str, external_id: &str) -> Result<Option<Message>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at
             FROM messages WHERE conversation_id = $1 AND external_id = $2",
        )
        .bind(conversation_id)
        .bind(external_id);
        tried(Named("look for a message in conversation", conversation_id), async {
            query
                .fetch_optional(&self.read)
                .await?
                .as_ref()
                .map(message)
                .transpose()
        })
        .await
    }

    /// Oldest first: the last `limit` messages before the message id `before`, or up to the newest.
    pub async fn messages(&self, conversation_id: &str, before: Option<&str>, limit: i64) -> Result<Vec<Message>> {
        self.messages_between(conversation_id, "", before.unwrap_or(AFTER_EVERY_ID), limit)
            .await
    }

    /// The same of those after the message `after`.
    pub async fn messages_after(&self, conversation_id: &str, after: &str, limit: i64) -> Result<Vec<Message>> {
        self.messages_between(conversation_id, after, AFTER_EVERY_ID, limit)
            .await
    }

    async fn messages_between(
        &self,
        conversation_id: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<Message>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at
             FROM messages WHERE conversation_id = $1 AND id > $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        )
        .bind(conversation_id)
        .bind(after)
        .bind(before)
        .bind(limit.max(0));
        tried(Named("read the messages of conversation", conversation_id), async {
            let mut messages = row::all(&query.fetch_all(&self.read).await?, message)?;
            messages.reverse();
            Ok(messages)
        })
        .await
    }
}

/// Appends a message within a transaction, with what platforms are to show of it. `false` when one with its `external_id`
/// is there already.
pub(super) async fn say(transaction: &mut Transaction<'_, Any>, message: &Message) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "INSERT INTO messages
         (id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (conversation_id, external_id) DO NOTHING",
    )
    .bind(&message.id)
    .bind(&message.conversation_id)
    .bind(&message.run_id)
    .bind(&message.person_id)
    .bind(message.trust)
    .bind(message.role.as_str())
    .bind(&*row::kept(&message.text))
    .bind(message.detail.to_string())
    .bind(&message.external_id)
    .bind(message.created_at.0)
    .execute(&mut **transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    let title = match message.role {
        MessageRole::User => title(&row::kept(&message.text)),
        MessageRole::Assistant | MessageRole::Event => String::new(),
    };
    sqlx::query(
        "UPDATE conversations SET
           updated_at = CASE WHEN updated_at < $2 THEN $2 ELSE updated_at END,
           title = CASE WHEN title = '' THEN $3 ELSE title END
         WHERE id = $1",
    )
    .bind(&message.conversation_id)
    .bind(message.created_at.0)
    .bind(title)
    .execute(&mut **transaction)
    .await?;
    super::deliveries::of_message(transaction, message).await?;
    Ok(true)
}

pub(super) fn insert(conversation: &Conversation) -> sqlx::query::Query<'_, Any, AnyArguments> {
    sqlx::query("INSERT INTO conversations (id, room_id, title, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(&conversation.id)
        .bind(&conversation.room_id)
        .bind(&conversation.title)
        .bind(conversation.created_at.0)
        .bind(conversation.updated_at.0)
}

pub(super) fn conversation(row: &AnyRow) -> sqlx::Result<Conversation> {
    Ok(Conversation {
        id: row.try_get("id")?,
        room_id: row.try_get("room_id")?,
        title: row.try_get("title")?,
        created_at: row::millis(row, "created_at")?,
        updated_at: row::millis(row, "updated_at")?,
    })
}

pub(super) fn message(row: &AnyRow) -> sqlx::Result<Message> {
    Ok(Message {
        id: row.try_get("id")?,
        conversation_id: row.try_get("conversation_id")?,
        run_id: row.try_get("run_id")?,
        person_id: row.try_get("person_id")?,
        trust: row.try_get("trust")?,
        role: row::word(row, "role", &MessageRole::ALL, MessageRole::as_str)?,
        text: row.try_get("text")?,
        detail: row::json(row, "detail")?,
        external_id: row.try_get("external_id")?,
        created_at: row::millis(row, "created_at")?,
    })
}

/// The first words of a text, on one line. A first word that is too long is cut.
fn title(text: &str) -> String {
    let mut title = String::new();
    let mut room = TITLE_CHARACTERS;
    for word in text.split_whitespace() {
        let needed = word.chars().count() + usize::from(!title.is_empty());
        if needed > room {
            if title.is_empty() {
                title.extend(word.chars().take(TITLE_CHARACTERS));
            }
            title.push('…');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
        room -= needed;
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_words_on_one_line() {
        let check = |text: &str, expect: &str| assert_eq!(title(text), expect, "{text:?}");
        check("", "");
        check("  \n\t ", "");
        check("what is\n\n running   here?", "what is running here?");
        check(&"a".repeat(60), &"a".repeat(60));
        check(&"ä".repeat(61), &format!("{}…", "ä".repeat(60)));
        check(&format!("{} tail", "b".repeat(58)), &format!("{}…", "b".repeat(58)));
        check(&format!("{} t", "b".repeat(58)), &format!("{} t", "b".repeat(58)));
    }
}
