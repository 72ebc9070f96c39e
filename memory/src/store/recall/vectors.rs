//! Vectors of entries, by space.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::error::{Named, tried};
use super::super::{Result, Store, row};
use crate::recall::{Vector, WithoutVector};

/// What a question means, in the space of the model that was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meaning<'a> {
    pub space: &'a str,
    pub numbers: &'a [f32],
}

impl Store {
    /// The newest entries that have no vector of this space, before the key `before`; the newest first.
    pub async fn entries_without_vector(
        &self,
        space: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<WithoutVector>> {
        let query = sqlx::query(
            "SELECT e.key, COALESCE(m.text, f.text) AS text FROM recall_entries e
             LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN memories f ON f.id = e.memory_id
             WHERE e.key < $2 AND NOT EXISTS (SELECT 1 FROM recall_vectors v WHERE v.space = $1 AND v.key = e.key)
             ORDER BY e.key DESC LIMIT $3",
        )
        .bind(space)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit.max(0));
        tried(Named("look for entries without a vector of space", space), async {
            row::all(&query.fetch_all(&self.read).await?, without_vector)
        })
        .await
    }

    /// Keeps vectors of entries. One without a direction, and one of an entry that is gone, is passed over.
    pub async fn keep_vectors(&self, space: &str, vectors: &[(i64, Vec<f32>)]) -> Result<()> {
        tried(Named("keep vectors of space", space), async {
            let mut transaction = self.write.begin().await?;
            for (key, numbers) in vectors {
                let Some(vector) = Vector::of(numbers) else { continue };
                sqlx::query(
                    "INSERT INTO recall_vectors (space, key, vector)
                     SELECT $1, e.key, $3 FROM recall_entries e WHERE e.key = $2
                     ON CONFLICT (space, key) DO UPDATE SET vector = excluded.vector",
                )
                .bind(space)
                .bind(*key)
                .bind(vector.as_bytes().to_vec())
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await
        })
        .await
    }
}

fn without_vector(row: &AnyRow) -> sqlx::Result<WithoutVector> {
    Ok(WithoutVector {
        key: row.try_get("key")?,
        text: row.try_get("text")?,
    })
}
