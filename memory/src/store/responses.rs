//! Responses of the API that a later request may go on from.

use jarvis_gateway::clock::Millis;
use jarvis_gateway::http::responses::{Chain, Kept, LONGEST_CHAIN, MOST_IN_CHAIN};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};

impl Store {
    /// Returns how many bytes it takes.
    pub async fn add_response(&self, kept: &Kept) -> Result<u64> {
        let input = Value::from(kept.input.clone()).to_string();
        let response = kept.response.to_string();
        let bytes = input.len() + response.len();
        let query = sqlx::query(
            "INSERT INTO responses (id, owner, previous_id, created_at, bytes, input, response)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&kept.id)
        .bind(&kept.owner)
        .bind(&kept.previous)
        .bind(kept.created_at.0)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(input)
        .bind(response);
        tried(Named("store response", &kept.id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await?;
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// The response, when it is `owner`'s and was made at `since` or later.
    pub async fn response(&self, owner: &str, id: &str, since: Millis) -> Result<Option<Kept>> {
        let query = sqlx::query(
            "SELECT id, owner, previous_id, created_at, input, response FROM responses
             WHERE id = $1 AND owner = $2 AND created_at >= $3",
        )
        .bind(id)
        .bind(owner)
        .bind(since.0);
        tried(Named("read response", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(kept).transpose()
        })
        .await
    }

    /// The response and those before it, as far as they are `owner`'s and were made at `since` or later.
    pub async fn response_chain(&self, owner: &str, id: &str, since: Millis) -> Result<Chain> {
        // Lengths are summed before any text is read.
        let query = sqlx::query(
            "WITH RECURSIVE chain (id, previous_id, place, total) AS (
               SELECT id, previous_id, CAST(1 AS BIGINT), bytes FROM responses
               WHERE id = $1 AND owner = $2 AND created_at >= $3
               UNION ALL
               SELECT r.id, r.previous_id, c.place + 1, c.total + r.bytes
               FROM responses r JOIN chain c ON r.id = c.previous_id
               WHERE r.owner = $2 AND r.created_at >= $3 AND c.place <= $4 AND c.total <= $5
             )
             SELECT id, previous_id, place, total FROM chain ORDER BY place DESC LIMIT 1",
        )
        .bind(id)
        .bind(owner)
        .bind(since.0)
        .bind(i64::from(MOST_IN_CHAIN))
        .bind(i64::try_from(LONGEST_CHAIN).unwrap_or(i64::MAX));
        let doing = || Named("read the conversation of response", id);
        let oldest = tried(doing(), async {
            let oldest = query.fetch_optional(&self.read).await?;
            oldest.as_ref().map(Oldest::read).transpose()
        })
        .await?;
        let Some(oldest) = oldest else {
            return Ok(Chain::Broken(id.to_owned()));
        };
        let is_too_long = oldest.place > i64::from(MOST_IN_CHAIN);
        if is_too_long || u64::try_from(oldest.total).is_ok_and(|total| total > LONGEST_CHAIN) {
            return Ok(Chain::TooLong);
        }
        if let Some(missing) = oldest.previous {
            return Ok(Chain::Broken(missing));
        }
        let query = sqlx::query(
            "WITH RECURSIVE chain (id, previous_id, place) AS (
               SELECT id, previous_id, CAST(1 AS BIGINT) FROM responses WHERE id = $1
               UNION ALL
               SELECT r.id, r.previous_id, c.place + 1 FROM responses r JOIN chain c ON r.id = c.previous_id
               WHERE c.place < $2
             )
             SELECT r.id, r.owner, r.previous_id, r.created_at, r.input, r.response
             FROM chain c JOIN responses r ON r.id = c.id ORDER BY c.place DESC",
        )
        .bind(id)
        .bind(oldest.place);
        let chain = tried(doing(), async { row::all(&query.fetch_all(&self.read).await?, kept) }).await?;
        // One of them can be deleted between the two reads.
        if usize::try_from(oldest.place).is_ok_and(|length| length != chain.len()) {
            return Ok(Chain::Broken(id.to_owned()));
        }
        Ok(Chain::Whole(chain))
    }

    /// `false` when `owner` has no such response.
    pub async fn delete_response(&self, owner: &str, id: &str) -> Result<bool> {
        let query = sqlx::query("DELETE FROM responses WHERE id = $1 AND owner = $2")
            .bind(id)
            .bind(owner);
        tried(Named("delete response", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Deletes what was made before `since`, and of each owner the oldest beyond so many bytes. Returns how many went.
    pub async fn sweep_responses(&self, since: Millis, most_bytes: u64) -> Result<u64> {
        let old = sqlx::query("DELETE FROM responses WHERE created_at < $1").bind(since.0);
        let beyond = sqlx::query(
            "DELETE FROM responses WHERE id IN (
               SELECT id FROM (
                 SELECT id, SUM(bytes) OVER (PARTITION BY owner ORDER BY id DESC) AS total FROM responses
               ) AS sums WHERE total > $1
             )",
        )
        .bind(i64::try_from(most_bytes).unwrap_or(i64::MAX));
        tried("delete old responses", async {
            let old = old.execute(&self.write).await?.rows_affected();
            Ok(old + beyond.execute(&self.write).await?.rows_affected())
        })
        .await
    }
}

/// The end of a chain that was walked back.
struct Oldest {
    previous: Option<String>,
    place: i64,
    total: i64,
}

impl Oldest {
    fn read(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            previous: row.try_get("previous_id")?,
            place: row.try_get("place")?,
            total: row.try_get("total")?,
        })
    }
}

fn kept(row: &AnyRow) -> sqlx::Result<Kept> {
    let Value::Array(input) = row::json(row, "input")? else {
        return Err(row::unreadable("input", "not a list"));
    };
    Ok(Kept {
        id: row.try_get("id")?,
        owner: row.try_get("owner")?,
        previous: row.try_get("previous_id")?,
        created_at: row::millis(row, "created_at")?,
        input,
        response: row::json(row, "response")?,
    })
}
