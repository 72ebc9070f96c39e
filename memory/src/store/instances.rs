//! The instances that share a database: who lives, who holds what, and what the dead have left.

use std::sync::{Arc, PoisonError};

use jarvis_gateway::clock::Millis;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, row};

/// An instance that lives, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub id: String,
    pub name: String,
    pub beats: i64,
}

/// Which other instances are at their end because this one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// All of them: a lock outside the database says that there can be none.
    Gone,
    /// Those of this one's name. It is what holds the lock of that name now.
    GoneOfThisName,
}

/// What an instance works on, by table, and when that is open.
const OPEN: [(&str, &str); 5] = [
    ("approvals", "(untold = 1 OR status IN ('approved', 'executing'))"),
    ("runs", "status = 'running'"),
    ("job_runs", "state = 'claimed'"),
    ("messages", "unanswered = 1"),
    ("deliveries", "state = 'sending'"),
];

impl Store {
    /// Begins a life: from now on this handle and all of its clones write as the instance `id`.
    pub async fn join(&self, id: &str, name: &str, others: Others, now: Millis) -> Result<()> {
        tried(Named("join as instance", id), async {
            let mut transaction = self.write.begin().await?;
            sqlx::query("DELETE FROM instances WHERE name = $1 OR $2 = 1")
                .bind(name)
                .bind(i64::from(others == Others::Gone))
                .execute(&mut *transaction)
                .await?;
            sqlx::query("INSERT INTO instances (id, name, beats, started_at) VALUES ($1, $2, 0, $3)")
                .bind(id)
                .bind(name)
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        })
        .await?;
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = id.into();
        Ok(())
    }

    /// The instance that this handle writes as; empty before it has joined.
    pub fn me(&self) -> Arc<str> {
        Arc::clone(&self.me.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says that this instance lives. `false` when another one declared it dead.
    pub async fn beat(&self) -> Result<bool> {
        let me = self.me();
        let query = sqlx::query("UPDATE instances SET beats = beats + 1 WHERE id = $1").bind(&*me);
        tried("say that this instance lives", async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Those that live, by id.
    pub async fn instances(&self) -> Result<Vec<Beat>> {
        let query = sqlx::query("SELECT id, name, beats FROM instances ORDER BY id");
        tried("look which instances live", async {
            row::all(&query.fetch_all(&self.read).await?, |row| {
                Ok(Beat {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                    beats: row.try_get("beats")?,
                })
            })
        })
        .await
    }

    /// Declares an instance dead that has not moved since it was `seen`. `false` when it has, or is gone already.
    pub async fn declare_dead(&self, seen: &Beat) -> Result<bool> {
        let query = sqlx::query("DELETE FROM instances WHERE id = $1 AND beats = $2")
            .bind(&seen.id)
            .bind(seen.beats);
        tried(Named("declare dead instance", &seen.id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Ends this life; what it still held is everybody's.
    pub async fn leave(&self) -> Result<()> {
        let me = self.me();
        let query = sqlx::query("DELETE FROM instances WHERE id = $1").bind(&*me);
        tried("leave the other instances", async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// Takes what is open out of the hands of instances that do not live. From then on their writes to it are refused,
    /// and whoever reads it reads all that they will ever have done.
    pub async fn disown_the_dead(&self) -> Result<()> {
        tried("take over what the dead held", async {
            let mut transaction = self.write.begin().await?;
            for (table, open) in OPEN {
                let sql = format!(
                    "UPDATE {table} SET instance_id = NULL WHERE {open} AND instance_id IS NOT NULL
                       AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = {table}.instance_id)"
                );
                sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Takes or keeps what one instance at a time does for all.
    pub async fn hold_lease(&self, name: &str) -> Result<bool> {
        let me = self.me();
        let query = sqlx::query(
            "INSERT INTO leases (name, instance_id) SELECT $1, i.id FROM instances i WHERE i.id = $2
             ON CONFLICT (name) DO UPDATE SET instance_id = excluded.instance_id
             WHERE leases.instance_id = excluded.instance_id
               OR NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = leases.instance_id)",
        )
        .bind(name)
        .bind(&*me);
        tried(Named("take the lease of", name), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }
}
