//! Messages that are old enough are forgotten, a few at a time.

use jarvis_gateway::clock::Millis;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::error::tried;
use super::recall::{hold_index, uncount_ids};
use super::{Result, Store};

/// Whose messages are looked at: those of which places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// Strangers read along.
    Public,
    /// Rooms that are not public, direct ones, those of keys.
    Private,
    /// The owner's own.
    Home,
}

impl Places {
    fn are(self) -> &'static str {
        match self {
            Self::Public => "r.public = 1",
            Self::Private => "r.public = 0 AND r.platform <> 'local'",
            Self::Home => "r.platform = 'local'",
        }
    }
}

impl Store {
    /// Conversations in such places, after the id `after`, in the order of ids.
    pub async fn conversations_in(&self, places: Places, after: &str, limit: i64) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT c.id FROM conversations c JOIN rooms r ON r.id = c.room_id
             WHERE c.id > $1 AND {} ORDER BY c.id LIMIT $2",
            places.are()
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(after).bind(limit.max(0));
        tried("list conversations", async { query.fetch_all(&self.read).await }).await
    }

    /// Forgets the oldest messages of a conversation from before `before`, at most `limit` of them, with the turns that they
    /// began and what of them is found again; how many. What is remembered as a fact stays.
    pub async fn forget_messages(&self, conversation_id: &str, before: Millis, limit: i64) -> Result<usize> {
        tried("forget old messages", async {
            // Ids are made of the time, so that their order is that of the messages.
            let old: Vec<String> = sqlx::query_scalar(
                "SELECT id FROM messages WHERE conversation_id = $1 AND id < $2 ORDER BY id LIMIT $3",
            )
            .bind(conversation_id)
            .bind(first_id_of(before))
            .bind(limit.max(0))
            .fetch_all(&self.read)
            .await?;
            let Some(last) = old.last() else { return Ok(0) };
            let mut transaction = self.write.begin().await?;
            hold_index(&mut transaction, "").await?;
            forget(&mut transaction, conversation_id, &old, last).await?;
            transaction.commit().await?;
            Ok(old.len())
        })
        .await
    }
}

async fn forget(
    transaction: &mut Transaction<'_, Any>,
    conversation_id: &str,
    old: &[String],
    last: &str,
) -> sqlx::Result<()> {
    uncount_ids(transaction, old).await?;
    for sql in [
        // What comes of a fact must not end with the message that it was learned from.
        "UPDATE memories SET source_message = NULL WHERE source_message IN
           (SELECT id FROM messages WHERE conversation_id = $1 AND id <= $2)",
        "DELETE FROM messages WHERE conversation_id = $1 AND id <= $2",
        "DELETE FROM runs WHERE conversation_id = $1 AND id <= $2 AND status <> 'running'
           AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.run_id = runs.id)",
        "UPDATE conversations SET summary = NULL, summary_upto = NULL WHERE id = $1 AND summary_upto <= $2",
        // A title is how the conversation began.
        "UPDATE conversations SET title = '' WHERE id = $1 AND $2 <> ''",
    ] {
        sqlx::query(sql)
            .bind(conversation_id)
            .bind(last)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// The least id that can be made at a time.
fn first_id_of(time: Millis) -> String {
    let digits = format!("{:012x}", time.0.max(0));
    let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{high}-{low}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_moment_is_the_least_of_it() {
        assert_eq!(first_id_of(Millis(0)), "00000000-0000");
        assert_eq!(first_id_of(Millis(0x0199_aa00_0000)), "0199aa00-0000");
        assert!("0199aa00-0000-7000-8000-000000000000" > first_id_of(Millis(0x0199_aa00_0000)).as_str());
        assert!("0199a9ff-ffff-7fff-bfff-ffffffffffff" < first_id_of(Millis(0x0199_aa00_0000)).as_str());
    }
}
