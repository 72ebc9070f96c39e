//! The audit: appended in a chain, read, and checked.

use jarvis_gateway::clock::Millis;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::audit_chain::Stored;
use super::error::tried;
use super::{Result, Store, row};
use crate::records::{AuditCheck, AuditEntry, AuditEvent};

pub(super) const COLUMNS: &str =
    "id, at, kind, person_id, via, conversation_id, run_id, approval_id, tool, arguments, decision,
    rule, outcome, detail, prev, hash";

/// Rows that a check holds in memory at once.
const PAGE: i64 = 500;

impl Store {
    /// Appends one entry. Writers queue at the head row, so that each links to the entry before it.
    pub async fn append_audit(&self, event: &AuditEvent, at: Millis) -> Result<AuditEntry> {
        tried("append to the audit", async {
            let mut transaction = self.write.begin().await?;
            let entry = append(&mut transaction, event, at).await?;
            transaction.commit().await?;
            entry.entry()
        })
        .await
    }

    /// Newest first, entries with an id below `before`.
    pub async fn audit(&self, before: Option<i64>, limit: i64) -> Result<Vec<AuditEntry>> {
        let sql = format!("SELECT {COLUMNS} FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2");
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit.max(0));
        tried("read the audit", async {
            row::all(&query.fetch_all(&self.read).await?, |row| stored(row)?.entry())
        })
        .await
    }

    /// Walks the whole chain and names the first entry that is changed, missing, or not the end that the head knows.
    ///
    /// Entries may be appended meanwhile. Somebody who may write to the database and computes every hash anew is not
    /// found by this: for that, a hash has to be kept elsewhere.
    pub async fn check_audit(&self) -> Result<AuditCheck> {
        let sql = format!("SELECT {COLUMNS} FROM audit WHERE id > $1 ORDER BY id LIMIT $2");
        tried("check the audit", async {
            let mut last = Link::default();
            let mut after = i64::MIN;
            loop {
                // The head is read before the page: what it counts is then in the page, or is missing.
                let head = self.audit_head().await?;
                let page = sqlx::query(AssertSqlSafe(sql.clone()))
                    .bind(after)
                    .bind(PAGE)
                    .fetch_all(&self.read)
                    .await?;
                if page.is_empty() {
                    return Ok(last.verdict(head.as_ref()));
                }
                for row in &page {
                    let entry = stored(row)?;
                    if let Some(at) = last.broken_by(&entry) {
                        return Ok(AuditCheck::Broken { at });
                    }
                    after = entry.id;
                    last = Link {
                        entries: entry.id,
                        hash: entry.hash,
                    };
                }
            }
        })
        .await
    }

    async fn audit_head(&self) -> sqlx::Result<Option<Link>> {
        let head = sqlx::query("SELECT entries, hash FROM audit_head WHERE one = 1")
            .fetch_optional(&self.read)
            .await?;
        let link = |row: AnyRow| {
            Ok(Link {
                entries: row.try_get("entries")?,
                hash: row.try_get("hash")?,
            })
        };
        head.map(link).transpose()
    }
}

/// An end of the chain: how many entries there are, and the hash of the last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Link {
    entries: i64,
    hash: String,
}

impl Link {
    /// The id to name when `entry` does not follow this link.
    fn broken_by(&self, entry: &Stored) -> Option<i64> {
        let expected = self.entries + 1;
        let fits = entry.id == expected && entry.prev == self.hash && entry.hash == entry.expected_hash();
        // After a gap, the missing entry is the broken one.
        (!fits).then_some(expected.min(entry.id))
    }

    /// What to say when the chain ends here and the head row says `head`.
    fn verdict(&self, head: Option<&Link>) -> AuditCheck {
        match head {
            Some(head) if head == self => AuditCheck::Intact { entries: self.entries },
            Some(head) if head.entries > self.entries => AuditCheck::Broken { at: self.entries + 1 },
            Some(head) if head.entries < self.entries => AuditCheck::Broken { at: head.entries + 1 },
            Some(_) | None => AuditCheck::Broken { at: self.entries },
        }
    }
}

/// Appends within a transaction, so that what is written beside it is never without its entry.
pub(super) async fn append(
    transaction: &mut Transaction<'_, Any>,
    event: &AuditEvent,
    at: Millis,
) -> sqlx::Result<Stored> {
    let head = sqlx::query("UPDATE audit_head SET entries = entries + 1 WHERE one = 1 RETURNING entries, hash")
        .fetch_optional(&mut **transaction)
        .await?
        .ok_or_else(|| row::unreadable("audit_head", "its row is gone"))?;
    let entry = Stored::link(event, head.try_get("entries")?, at, head.try_get("hash")?);
    insert(&entry).execute(&mut **transaction).await?;
    sqlx::query("UPDATE audit_head SET hash = $1 WHERE one = 1")
        .bind(&entry.hash)
        .execute(&mut **transaction)
        .await?;
    Ok(entry)
}

fn insert(entry: &Stored) -> sqlx::query::Query<'_, Any, sqlx::any::AnyArguments> {
    let sql = format!(
        "INSERT INTO audit ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(entry.id)
        .bind(entry.at)
        .bind(&entry.kind)
        .bind(&entry.person_id)
        .bind(&entry.via)
        .bind(&entry.conversation_id)
        .bind(&entry.run_id)
        .bind(&entry.approval_id)
        .bind(&entry.tool)
        .bind(&entry.arguments)
        .bind(&entry.decision)
        .bind(&entry.rule)
        .bind(&entry.outcome)
        .bind(&entry.detail)
        .bind(&entry.prev)
        .bind(&entry.hash)
}

pub(super) fn stored(row: &AnyRow) -> sqlx::Result<Stored> {
    Ok(Stored {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        person_id: row.try_get("person_id")?,
        via: row.try_get("via")?,
        conversation_id: row.try_get("conversation_id")?,
        run_id: row.try_get("run_id")?,
        approval_id: row.try_get("approval_id")?,
        tool: row.try_get("tool")?,
        arguments: row.try_get("arguments")?,
        decision: row.try_get("decision")?,
        rule: row.try_get("rule")?,
        outcome: row.try_get("outcome")?,
        detail: row.try_get("detail")?,
        prev: row.try_get("prev")?,
        hash: row.try_get("hash")?,
    })
}
