//! Results of tools that were too long for a model, kept whole for a while; and summaries of conversations.

use jarvis_gateway::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{KeptResult, Summary};

/// Kept results of one conversation. The newest stay.
const MOST_OF_A_CONVERSATION: i64 = 50;

impl Store {
    /// Keeps a result, and lets go of those that are over and of the oldest beyond the fiftieth of the conversation.
    pub async fn keep_result(&self, kept: &KeptResult, now: Millis) -> Result<()> {
        tried(Named("keep a result of tool", &kept.tool), async {
            // By itself: two that keep something at once would otherwise wait for each other's rows.
            sqlx::query("DELETE FROM kept_results WHERE expires_at <= $1")
                .bind(now.0)
                .execute(&self.write)
                .await?;
            let mut transaction = self.write.begin().await?;
            sqlx::query(
                "INSERT INTO kept_results (id, conversation_id, tool, text, min_trust, tainted, private, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(&kept.id)
            .bind(&kept.conversation_id)
            .bind(&kept.tool)
            .bind(&*row::kept(&kept.text))
            .bind(kept.min_trust)
            .bind(i64::from(kept.tainted))
            .bind(i64::from(kept.private))
            .bind(kept.expires_at.0)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "DELETE FROM kept_results WHERE conversation_id = $1 AND id NOT IN
                 (SELECT id FROM kept_results WHERE conversation_id = $1 ORDER BY expires_at DESC, id DESC LIMIT $2)",
            )
            .bind(&kept.conversation_id)
            .bind(MOST_OF_A_CONVERSATION)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// The result, when it belongs to this conversation and is not over.
    pub async fn kept_result(&self, conversation_id: &str, id: &str, now: Millis) -> Result<Option<KeptResult>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, tool, text, min_trust, tainted, private, expires_at FROM kept_results
             WHERE id = $1 AND conversation_id = $2 AND expires_at > $3",
        )
        .bind(id)
        .bind(conversation_id)
        .bind(now.0);
        tried(Named("read kept result", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(kept).transpose()
        })
        .await
    }

    /// What stands for the older part of a conversation, when there is something.
    pub async fn summary(&self, conversation_id: &str) -> Result<Option<Summary>> {
        let query = sqlx::query(
            "SELECT summary, summary_upto, summary_tainted, summary_private FROM conversations
             WHERE id = $1 AND summary IS NOT NULL AND summary_upto IS NOT NULL",
        )
        .bind(conversation_id);
        tried(Named("read the summary of conversation", conversation_id), async {
            query
                .fetch_optional(&self.read)
                .await?
                .as_ref()
                .map(summary)
                .transpose()
        })
        .await
    }

    /// `None` takes the summary away.
    pub async fn put_summary(&self, conversation_id: &str, summary: Option<&Summary>) -> Result<()> {
        let query = sqlx::query(
            "UPDATE conversations SET summary = $2, summary_upto = $3, summary_tainted = $4, summary_private = $5
             WHERE id = $1",
        )
        .bind(conversation_id)
        .bind(summary.map(|summary| row::kept(&summary.text).into_owned()))
        .bind(summary.map(|summary| &summary.upto))
        .bind(summary.map_or(0, |summary| i64::from(summary.tainted)))
        .bind(summary.map_or(0, |summary| i64::from(summary.private)));
        tried(Named("store the summary of conversation", conversation_id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }
}

fn kept(row: &AnyRow) -> sqlx::Result<KeptResult> {
    Ok(KeptResult {
        id: row.try_get("id")?,
        conversation_id: row.try_get("conversation_id")?,
        tool: row.try_get("tool")?,
        text: row.try_get("text")?,
        min_trust: row.try_get("min_trust")?,
        tainted: row::flag(row, "tainted")?,
        private: row::flag(row, "private")?,
        expires_at: Millis(row.try_get("expires_at")?),
    })
}

fn summary(row: &AnyRow) -> sqlx::Result<Summary> {
    Ok(Summary {
        text: row.try_get("summary")?,
        upto: row.try_get("summary_upto")?,
        tainted: row::flag(row, "summary_tainted")?,
        private: row::flag(row, "summary_private")?,
    })
}
