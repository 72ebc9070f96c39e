//! API keys, by the hash of their secret.

use std::time::Duration;

use jarvis_gateway::caller::Allowance;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::KeyRow;

const COLUMNS: &str = "id, name, hash, prefix, scopes, created_at, last_used_at, revoked_at, models,
    requests_per_minute, tokens_per_minute, concurrency, budget_day, budget_month, local_only, cache_ms, class, expires_at";

impl Store {
    pub async fn add_key(&self, key: &KeyRow) -> Result<()> {
        let sql = format!(
            "INSERT INTO api_keys ({COLUMNS})
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(&key.id)
            .bind(&key.name)
            .bind(&key.hash)
            .bind(&key.prefix)
            .bind(&key.scopes)
            .bind(key.created_at.0)
            .bind(key.last_used_at.map(|at| at.0))
            .bind(key.revoked_at.map(|at| at.0));
        let query = bind_allowance(query, &key.allowance).bind(key.expires_at.map(|at| at.0));
        tried(Named("store key", &key.name), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// All keys, revoked ones too, oldest first.
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at, id");
        let query = sqlx::query(AssertSqlSafe(sql));
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

    /// Gives a key other scopes, another allowance and another end. `false` when there is no such key or it is revoked.
    pub async fn change_key(&self, key: &KeyRow) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE api_keys SET scopes = $2, models = $3, requests_per_minute = $4, tokens_per_minute = $5,
             concurrency = $6, budget_day = $7, budget_month = $8, local_only = $9, cache_ms = $10, class = $11,
             expires_at = $12
             WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(&key.id)
        .bind(&key.scopes);
        let query = bind_allowance(query, &key.allowance).bind(key.expires_at.map(|at| at.0));
        tried(Named("change key", &key.name), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// The key whose secret has this hash, unless it is revoked. It may have expired.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<KeyRow>> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE hash = $1 AND revoked_at IS NULL");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(hash);
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

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// From `models` to `class`, in the order of [`COLUMNS`].
fn bind_allowance<'q>(query: Query<'q>, allowance: &Allowance) -> Query<'q> {
    let models = (!allowance.models.is_empty()).then(|| allowance.models.join("\n"));
    let cache_ms = allowance
        .cache
        .map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    query
        .bind(models)
        .bind(allowance.requests_per_minute.map(i64::from))
        .bind(allowance.tokens_per_minute.map(i64::from))
        .bind(allowance.concurrency.map(i64::from))
        .bind(allowance.budget_day.map(|cap| cap.0))
        .bind(allowance.budget_month.map(|cap| cap.0))
        .bind(i64::from(allowance.local_only))
        .bind(cache_ms)
        .bind(allowance.class.as_deref())
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
        allowance: allowance(row)?,
        expires_at: row::millis_or_null(row, "expires_at")?,
    })
}

fn allowance(row: &AnyRow) -> sqlx::Result<Allowance> {
    let models: Option<&str> = row.try_get("models")?;
    let money = |column: &str| row.try_get::<Option<i64>, _>(column).map(|cap| cap.map(MicroUsd));
    let cache_ms: Option<i64> = row.try_get("cache_ms")?;
    Ok(Allowance {
        models: models.map_or_else(Vec::new, |models| models.lines().map(str::to_owned).collect()),
        requests_per_minute: count(row, "requests_per_minute")?,
        tokens_per_minute: count(row, "tokens_per_minute")?,
        concurrency: count(row, "concurrency")?,
        budget_day: money("budget_day")?,
        budget_month: money("budget_month")?,
        local_only: row::flag(row, "local_only")?,
        class: row.try_get("class")?,
        cache: cache_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
    })
}

/// A limit that does not fit is an error and not "no limit".
fn count(row: &AnyRow, column: &str) -> sqlx::Result<Option<u32>> {
    let count: Option<i64> = row.try_get(column)?;
    let fits = |count: i64| u32::try_from(count).map_err(|why| row::unreadable(column, why));
    count.map(fits).transpose()
}
