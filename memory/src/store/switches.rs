//! What is frozen.

use jarvis_gateway::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::Switch;

impl Store {
    /// Freezes. A freeze of the same name gets this one's end.
    pub async fn freeze(&self, switch: &Switch) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO switches (name, until, by_name, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET until = excluded.until, by_name = excluded.by_name, at = excluded.at",
        )
        .bind(&switch.name)
        .bind(switch.until.map(|until| until.0))
        .bind(&switch.by_name)
        .bind(switch.at.0);
        tried(Named("freeze", &switch.name), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// Takes a freeze away. `false` when there is none that holds at `now`.
    pub async fn unfreeze(&self, name: &str, now: Millis) -> Result<bool> {
        let query = sqlx::query("DELETE FROM switches WHERE name = $1 RETURNING until").bind(name);
        tried(Named("unfreeze", name), async {
            let gone = query.fetch_optional(&self.write).await?;
            let until = gone.map(|row| row::millis_or_null(&row, "until")).transpose()?;
            Ok(until.is_some_and(|until| until.is_none_or(|until| until > now)))
        })
        .await
    }

    /// Those that hold at `now`, by name.
    pub async fn switches(&self, now: Millis) -> Result<Vec<Switch>> {
        let query = sqlx::query(
            "SELECT name, until, by_name, at FROM switches WHERE until IS NULL OR until > $1 ORDER BY name",
        )
        .bind(now.0);
        tried("read what is frozen", async {
            row::all(&query.fetch_all(&self.read).await?, switch)
        })
        .await
    }
}

fn switch(row: &AnyRow) -> sqlx::Result<Switch> {
    Ok(Switch {
        name: row.try_get("name")?,
        until: row::millis_or_null(row, "until")?,
        by_name: row.try_get("by_name")?,
        at: row::millis(row, "at")?,
    })
}
