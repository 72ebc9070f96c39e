//! Whose turn it is in a conversation, over all instances: one at a time, in the order of the messages.

use sqlx::{Any, Transaction};

use super::error::{Named, tried};
use super::{Result, Store, conversations, row};
use crate::records::{Message, Run};

/// Whether the turn of a run that waited begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    Yes,
    /// Another turn runs, or an older message waits.
    Later,
    /// It is over, or another instance has it.
    Not,
}

impl Store {
    /// Begins the turn of a waiting run of this instance. `in_order`: not before those that have waited longer.
    ///
    /// 1. The conversation is taken first, by a write that changes nothing: of several instances, each sees what the one
    ///    before it began.
    /// 2. The turn that runs holds the conversation until its run has ended, by whatever write that ends it.
    pub async fn begin_turn(&self, run: &Run, in_order: bool) -> Result<Begun> {
        let me = self.me();
        tried(Named("begin the turn of run", &run.id), async {
            let mut transaction = self.write.begin().await?;
            let begun = begin(&mut transaction, run, in_order, &me).await?;
            match begun {
                Begun::Yes => transaction.commit().await?,
                Begun::Later | Begun::Not => transaction.rollback().await?,
            }
            Ok(begun)
        })
        .await
    }

    /// Takes a waiting run for this instance: one that nobody holds, or that `from` holds. `false` when somebody was faster.
    pub async fn adopt_run(&self, id: &str, from: Option<&str>) -> Result<bool> {
        let me = self.me();
        let query = sqlx::query(
            "UPDATE runs SET instance_id = $2
             WHERE id = $1 AND status = 'running' AND waits = 1 AND COALESCE(instance_id, '') = $3",
        )
        .bind(id)
        .bind(&*me)
        .bind(from.unwrap_or_default());
        tried(Named("adopt run", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// What a person said that this run is to answer.
    pub async fn message_of_run(&self, run_id: &str) -> Result<Option<Message>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at
             FROM messages WHERE run_id = $1 AND role = 'user' ORDER BY id LIMIT 1",
        )
        .bind(run_id);
        tried(Named("read the message of run", run_id), async {
            let found = query.fetch_optional(&self.read).await?;
            found.as_ref().map(conversations::message).transpose()
        })
        .await
    }

    /// What waits in other instances in conversations whose turn runs in this one, oldest first, with its holder.
    pub async fn waiting_elsewhere(&self) -> Result<Vec<(Message, String)>> {
        let me = self.me();
        let query = sqlx::query(
            "SELECT m.id, m.conversation_id, m.run_id, m.person_id, m.trust, m.role, m.text, m.detail, m.external_id,
               m.created_at, r.instance_id
             FROM runs r JOIN messages m ON m.run_id = r.id AND m.role = 'user'
               JOIN conversations c ON c.id = r.conversation_id JOIN runs t ON t.id = c.turn_run_id
             WHERE r.status = 'running' AND r.waits = 1 AND r.instance_id <> $1
               AND t.status = 'running' AND t.instance_id = $1
             ORDER BY m.id LIMIT 100",
        )
        .bind(&*me);
        tried("look what waits elsewhere", async {
            row::all(&query.fetch_all(&self.read).await?, |row| {
                Ok((conversations::message(row)?, sqlx::Row::try_get(row, "instance_id")?))
            })
        })
        .await
    }

    /// Asks whoever holds them to stop the open runs of a conversation: all, or those of one person. Returns whether there
    /// are any in other instances.
    pub async fn ask_to_stop(&self, conversation_id: &str, person_id: Option<&str>) -> Result<bool> {
        let me = self.me();
        let query = sqlx::query(
            "UPDATE runs SET stop_asked = 1 WHERE conversation_id = $1 AND status = 'running' AND stop_asked = 0
               AND parent_id IS NULL AND COALESCE(instance_id, '') <> $2 AND COALESCE(person_id, '') = COALESCE($3, person_id, '')",
        )
        .bind(conversation_id)
        .bind(&*me)
        .bind(person_id);
        tried(Named("stop the turns of conversation", conversation_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() > 0)
        })
        .await
    }

    /// Runs of this instance that somebody asked another one to stop.
    pub async fn asked_to_stop(&self) -> Result<Vec<String>> {
        let me = self.me();
        let query = sqlx::query_scalar(
            "SELECT id FROM runs WHERE status = 'running' AND stop_asked = 1 AND COALESCE(instance_id, '') = $1",
        )
        .bind(&*me);
        tried("look what is to be stopped", query.fetch_all(&self.read)).await
    }
}

async fn begin(transaction: &mut Transaction<'_, Any>, run: &Run, in_order: bool, me: &str) -> sqlx::Result<Begun> {
    sqlx::query("UPDATE conversations SET turn_run_id = turn_run_id WHERE id = $1")
        .bind(&run.conversation_id)
        .execute(&mut **transaction)
        .await?;
    let begun = sqlx::query(
        "UPDATE runs SET waits = 0 WHERE id = $1 AND status = 'running' AND waits = 1 AND COALESCE(instance_id, '') = $2",
    )
    .bind(&run.id)
    .bind(me)
    .execute(&mut **transaction)
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(Begun::Not);
    }
    let taken = sqlx::query(
        "UPDATE conversations SET turn_run_id = $2 WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM runs t WHERE t.id = conversations.turn_run_id AND t.status = 'running')
           AND NOT ($3 = 1 AND EXISTS (SELECT 1 FROM runs o
             WHERE o.conversation_id = $1 AND o.status = 'running' AND o.waits = 1 AND o.id < $2))",
    )
    .bind(&run.conversation_id)
    .bind(&run.id)
    .bind(i64::from(in_order))
    .execute(&mut **transaction)
    .await?;
    Ok(if taken.rows_affected() == 1 {
        Begun::Yes
    } else {
        Begun::Later
    })
}
