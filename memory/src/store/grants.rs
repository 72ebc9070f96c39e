//! Acts that a person allowed for a while.

use jarvis_gateway::clock::Millis;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{Grant, GrantedCall};

/// `$1` person, `$2` conversation, `$3` tool, `$4` target, `$5` now. The one that ends first is used first.
const FITS: &str = "SELECT g.id FROM grants g JOIN conversations c ON c.room_id = g.room_id
    WHERE g.person_id = $1 AND c.id = $2 AND g.tool = $3 AND g.target = $4 AND g.expires_at > $5 AND g.uses_left > 0
      AND g.revoked_at IS NULL ORDER BY g.expires_at, g.id LIMIT 1";

impl Store {
    /// A card gives one grant at most: `false` when it gave one before.
    pub async fn create_grant(&self, grant: &Grant) -> Result<bool> {
        tried(Named("grant what was asked for by", &grant.approval_id), async {
            Ok(insert(grant).execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Whether a grant fits the call.
    pub async fn is_granted(&self, call: GrantedCall<'_>, now: Millis) -> Result<bool> {
        let query = sqlx::query(FITS)
            .bind(call.person_id)
            .bind(call.conversation_id)
            .bind(call.tool)
            .bind(call.target)
            .bind(now.0);
        tried(Named("look for a grant of tool", call.tool), async {
            Ok(query.fetch_optional(&self.read).await?.is_some())
        })
        .await
    }

    /// Uses a grant that fits the call once. `false` when there is none (any more).
    pub async fn use_grant(&self, call: GrantedCall<'_>, now: Millis) -> Result<bool> {
        // What is chosen can be used up or taken back by somebody else before it is written, and is checked again then.
        let sql = format!(
            "UPDATE grants SET uses_left = uses_left - 1 WHERE uses_left > 0 AND revoked_at IS NULL AND id = ({FITS})"
        );
        loop {
            let query = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(call.person_id)
                .bind(call.conversation_id)
                .bind(call.tool)
                .bind(call.target)
                .bind(now.0);
            let used = tried(Named("use a grant of tool", call.tool), async {
                Ok(query.execute(&self.write).await?.rows_affected() == 1)
            })
            .await?;
            // Another one may still fit. Every round means that somebody used one up, so there is an end to it.
            if used || !self.is_granted(call, now).await? {
                return Ok(used);
            }
        }
    }

    /// Those that hold at `now`, newest first.
    pub async fn grants(&self, now: Millis, limit: i64) -> Result<Vec<Grant>> {
        let query = sqlx::query(
            "SELECT id, person_id, room_id, tool, target, uses_left, created_at, expires_at, granted_by, approval_id
             FROM grants WHERE expires_at > $1 AND uses_left > 0 AND revoked_at IS NULL
             ORDER BY created_at DESC, id DESC LIMIT $2",
        )
        .bind(now.0)
        .bind(limit.max(0));
        tried("list the grants", async {
            row::all(&query.fetch_all(&self.read).await?, grant)
        })
        .await
    }

    /// Takes a grant back. `false` when it does not hold at `now`.
    pub async fn revoke_grant(&self, id: &str, now: Millis) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE grants SET revoked_at = $2
             WHERE id = $1 AND expires_at > $2 AND uses_left > 0 AND revoked_at IS NULL",
        )
        .bind(super::approvals::canonical(id))
        .bind(now.0);
        tried(Named("revoke grant", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }
}

pub(super) fn insert(grant: &Grant) -> Query<'_, Any, AnyArguments> {
    sqlx::query(
        "INSERT INTO grants (id, person_id, room_id, tool, target, uses_left, created_at, expires_at, granted_by,
           approval_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (approval_id) DO NOTHING",
    )
    .bind(&grant.id)
    .bind(&grant.person_id)
    .bind(&grant.room_id)
    .bind(&grant.tool)
    .bind(&grant.target)
    .bind(grant.uses_left)
    .bind(grant.created_at.0)
    .bind(grant.expires_at.0)
    .bind(&grant.granted_by)
    .bind(&grant.approval_id)
}

fn grant(row: &AnyRow) -> sqlx::Result<Grant> {
    Ok(Grant {
        id: row.try_get("id")?,
        person_id: row.try_get("person_id")?,
        room_id: row.try_get("room_id")?,
        tool: row.try_get("tool")?,
        target: row.try_get("target")?,
        uses_left: row.try_get("uses_left")?,
        created_at: row::millis(row, "created_at")?,
        expires_at: row::millis(row, "expires_at")?,
        granted_by: row.try_get("granted_by")?,
        approval_id: row.try_get("approval_id")?,
    })
}
