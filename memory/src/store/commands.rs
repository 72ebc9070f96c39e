//! Messages that are commands: kept before they are carried out, answered once.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row};

use super::error::{Named, tried};
use super::{Result, Store, conversations, row};
use crate::records::Message;

impl Store {
    /// Answers a command, or ends it without words of its own. An answer is of the one who said the command, and goes when they
    /// are forgotten. `false` when it was answered before: then nothing is said.
    pub async fn answer_command(&self, id: &str, answer: Option<&Message>) -> Result<bool> {
        let query =
            sqlx::query("UPDATE messages SET unanswered = 0 WHERE id = $1 AND unanswered = 1 RETURNING person_id")
                .bind(id);
        tried(Named("answer command", id), async {
            let mut transaction = self.write.begin().await?;
            let Some(command) = query.fetch_optional(&mut *transaction).await? else {
                transaction.rollback().await?;
                return Ok(false);
            };
            if let Some(answer) = answer {
                let answer = Message {
                    person_id: command.try_get("person_id")?,
                    ..answer.clone()
                };
                conversations::say(&mut transaction, &answer).await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Oldest first, those that nobody is at work on: the dead have left them.
    pub async fn unanswered_commands(&self, limit: i64) -> Result<Vec<Message>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at
             FROM messages WHERE unanswered = 1 AND COALESCE(instance_id, '') = '' ORDER BY id LIMIT $1",
        )
        .bind(limit.max(0));
        tried("list unanswered commands", async {
            row::all(&query.fetch_all(&self.read).await?, conversations::message)
        })
        .await
    }
}

/// Marks a message that is just being stored.
pub(super) fn unanswered<'q>(message: &'q Message, me: &str) -> Query<'q, Any, AnyArguments> {
    sqlx::query("UPDATE messages SET unanswered = 1, instance_id = $2 WHERE id = $1")
        .bind(&message.id)
        .bind(me.to_owned())
}
