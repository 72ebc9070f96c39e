//! Accounts and the persons behind them, and what the owner granted to these.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::people::{Identity, Known};
use crate::records::Person;

const LIST: &str = "SELECT p.id, p.display, p.granted, i.platform, i.external_id, i.handle, i.linked_at
     FROM persons p LEFT JOIN identities i ON i.person_id = p.id";

impl Store {
    /// Who has this account. `None` for one that was never seen.
    pub async fn person_of_account(&self, platform: &str, account: &str) -> Result<Option<Known>> {
        let query = sqlx::query(
            "SELECT p.id, p.display, p.granted, i.platform, i.external_id, i.handle, i.linked_at
             FROM identities a JOIN persons p ON p.id = a.person_id JOIN identities i ON i.person_id = p.id
             WHERE a.platform = $1 AND a.external_id = $2 ORDER BY i.linked_at, i.platform, i.external_id",
        )
        .bind(platform)
        .bind(account);
        tried(Named("look for account", account), async {
            Ok(gathered(&query.fetch_all(&self.read).await?)?.pop())
        })
        .await
    }

    pub async fn known_person(&self, id: &str) -> Result<Option<Known>> {
        let sql = format!("{LIST} WHERE p.id = $1 ORDER BY i.linked_at, i.platform, i.external_id");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id);
        tried(Named("read person", id), async {
            Ok(gathered(&query.fetch_all(&self.read).await?)?.pop())
        })
        .await
    }

    /// Everybody who has an account or was granted something, by the order of their ids.
    pub async fn known_people(&self, limit: i64) -> Result<Vec<Known>> {
        let sql = format!(
            "{LIST} WHERE p.id IN (SELECT q.id FROM persons q WHERE q.granted > 0
               OR EXISTS (SELECT 1 FROM identities j WHERE j.person_id = q.id) ORDER BY q.id LIMIT $1)
             ORDER BY p.id, i.linked_at, i.platform, i.external_id"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(limit.max(0));
        tried("list people", async { gathered(&query.fetch_all(&self.read).await?) }).await
    }

    /// Accounts that were last seen under this name, however its letters are written. Names are not unique.
    pub async fn accounts_called(&self, platform: &str, handle: &str, limit: i64) -> Result<Vec<Identity>> {
        let query = sqlx::query(
            "SELECT platform, external_id, handle, linked_at FROM identities
             WHERE platform = $1 AND LOWER(handle) = $2 ORDER BY external_id LIMIT $3",
        )
        .bind(platform)
        .bind(handle.to_ascii_lowercase())
        .bind(limit.max(0));
        tried(Named("look for accounts called", handle), async {
            row::all(&query.fetch_all(&self.read).await?, identity)
        })
        .await
    }

    /// Writes down an account that was never seen, with a person of its own. Of several who do so at once, one does.
    pub async fn meet(&self, identity: &Identity, person: &Person) -> Result<()> {
        tried(Named("write down account", &identity.account), async {
            let mut transaction = self.write.begin().await?;
            sqlx::query("INSERT INTO persons (id, display, trust) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
                .bind(&person.id)
                .bind(&*row::kept(&person.display))
                .bind(person.trust)
                .execute(&mut *transaction)
                .await?;
            let inserted = sqlx::query(
                "INSERT INTO identities (platform, external_id, person_id, handle, linked_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (platform, external_id) DO NOTHING",
            )
            .bind(&identity.platform)
            .bind(&identity.account)
            .bind(&person.id)
            .bind(&*row::kept(&identity.handle))
            .bind(identity.linked_at.0)
            .execute(&mut *transaction)
            .await?;
            if inserted.rows_affected() == 0 {
                return transaction.rollback().await;
            }
            transaction.commit().await
        })
        .await
    }

    /// The platform shows this account under another name now.
    pub async fn set_handle(&self, platform: &str, account: &str, handle: &str) -> Result<()> {
        let query = sqlx::query("UPDATE identities SET handle = $3 WHERE platform = $1 AND external_id = $2")
            .bind(platform)
            .bind(account)
            .bind(&*row::kept(handle));
        tried(Named("write down the name of account", account), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// Sets what the owner granted, 0 to 3. `false` when there is no such person.
    pub async fn grant_trust(&self, person_id: &str, granted: i64) -> Result<bool> {
        let query = sqlx::query("UPDATE persons SET granted = $2, trust = $2 WHERE id = $1")
            .bind(person_id)
            .bind(granted);
        tried(Named("grant trust to person", person_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }
}

/// Rows of one person stand behind one another.
fn gathered(rows: &[AnyRow]) -> sqlx::Result<Vec<Known>> {
    let mut people: Vec<Known> = Vec::new();
    for row in rows {
        let id: String = row.try_get("id")?;
        if people.last().is_none_or(|last| last.person_id != id) {
            people.push(Known {
                person_id: id,
                display: row.try_get("display")?,
                granted: row.try_get("granted")?,
                identities: Vec::new(),
            });
        }
        // Somebody without an account has one row without one.
        let has_account = row.try_get::<Option<String>, _>("platform")?.is_some();
        if let (true, Some(last)) = (has_account, people.last_mut()) {
            last.identities.push(identity(row)?);
        }
    }
    Ok(people)
}

pub(super) fn identity(row: &AnyRow) -> sqlx::Result<Identity> {
    Ok(Identity {
        platform: row.try_get("platform")?,
        account: row.try_get("external_id")?,
        handle: row.try_get("handle")?,
        linked_at: row::millis(row, "linked_at")?,
    })
}
