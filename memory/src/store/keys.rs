//! API keys, by the hash of their secret.

use jarvis_gateway::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::KeyRow;

impl Store {
    pub async fn add_key(&self, key: &KeyRow) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO api_keys (id, name, hash, prefix, scopes, created_at, last_used_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&key.id)
        .bind(&key.name)
        .bind(&key.hash)
        .bind(&key.prefix)
        .bind(&key.scopes)
        .bind(key.created_at.0)
        .bind(key.last_used_at.map(|at| at.0))
        .bind(key.revoked_at.map(|at| at.0));
        tried(Named("store key", &key.name), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// All keys, revoked ones too, oldest first.
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        let query = sqlx::query(
            "SELECT id, name, hash, prefix, scopes, created_at, last_used_at, revoked_at
             FROM api_keys ORDER BY created_at, id",
        );
        tried("list keys", async {
            row::all(&query.fetch_all(&self.read).await?, key)
        })
        .await
    }

    /// `false` when there is no such key or it was revoked before.
    pub async fn revoke_key(&self, id: &str, now: Millis) -> Result<bool> {
        let query = sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.0);
        tried(Named("revoke key", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// The key whose secret has this hash, unless it is revoked.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<KeyRow>> {
        let query = sqlx::query(
            "SELECT id, name, hash, prefix, scopes, created_at, last_used_at, revoked_at
             FROM api_keys WHERE hash = $1 AND revoked_at IS NULL",
        )
        .bind(hash);
        tried("look a key up", async {
            query.fetch_optional(&self.read).await?.as_ref().map(key).transpose()
        })
        .await
    }

    /// Whether any key was ever made, revoked or not: then loopback needs a key too.
    pub async fn any_key(&self) -> Result<bool> {
        let query = sqlx::query("SELECT id FROM api_keys LIMIT 1");
        tried("look for keys", async {
            Ok(query.fetch_optional(&self.read).await?.is_some())
        })
        .await
    }

    /// Notes that the key was used. A time before the noted one changes nothing.
    pub async fn touch_key(&self, id: &str, now: Millis) -> Result<()> {
        let query = sqlx::query(
            "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(id)
        .bind(now.0);
        tried(Named("note the use of key", id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }
}

fn key(row: &AnyRow) -> sqlx::Result<KeyRow> {
    Ok(KeyRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        hash: row.try_get("hash")?,
        prefix: row.try_get("prefix")?,
        scopes: row.try_get("scopes")?,
        created_at: row::millis(row, "created_at")?,
        last_used_at: row::millis_or_null(row, "last_used_at")?,
        revoked_at: row::millis_or_null(row, "revoked_at")?,
    })
}
