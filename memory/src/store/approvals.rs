//! Approval cards: written, claimed once, finished, expired. Deciding them is in `votes`.

use jarvis_gateway::clock::Millis;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, audit, conversations, deliveries, row, runs};
use crate::records::{Approval, ApprovalStatus, AuditEvent, Delivery, Message, Run};

pub(super) const COLUMNS: &str =
    "id, tool, arguments, args_hash, effect, rule, plan, state_hash, requester_id, conversation_id,
    run_id, min_trust, need, status, created_at, expires_at, decided_at, decided_by, executed_at, result";

/// A card that waits for a decision or for its execution, when what follows is the time.
const WAITS: &str = "status IN ('pending', 'approved') AND expires_at";

impl Store {
    /// Writes a card, and with it its entry in the audit and the copies that platforms are to show. The id is stored in
    /// upper case. `false` when a card for the same act waits in the same conversation ([`Store::open_approval`]): then
    /// nothing is written.
    pub async fn create_approval(&self, approval: &Approval, copies: &[Delivery], event: &AuditEvent) -> Result<bool> {
        let sql = format!(
            "INSERT INTO approvals ({COLUMNS})
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
             WHERE NOT EXISTS (SELECT 1 FROM approvals
               WHERE conversation_id = $10 AND tool = $2 AND args_hash = $4 AND {WAITS} > $15)"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(canonical(&approval.id))
            .bind(&approval.tool)
            .bind(approval.arguments.to_string())
            .bind(&approval.args_hash)
            .bind(&approval.effect)
            .bind(&approval.rule)
            .bind(approval.plan.to_string())
            .bind(&approval.state_hash)
            .bind(&approval.requester_id)
            .bind(&approval.conversation_id)
            .bind(&approval.run_id)
            .bind(approval.min_trust)
            .bind(approval.need)
            .bind(approval.status.as_str())
            .bind(approval.created_at.0)
            .bind(approval.expires_at.0)
            .bind(approval.decided_at.map(|at| at.0))
            .bind(&approval.decided_by)
            .bind(approval.executed_at.map(|at| at.0))
            .bind(approval.result.as_ref().map(Value::to_string));
        tried(Named("create approval", &approval.id), async {
            let mut transaction = self.write.begin().await?;
            // Of two that ask for the same act at once, the second waits here, and then finds the first one's card.
            sqlx::query("UPDATE conversations SET title = title WHERE id = $1")
                .bind(&approval.conversation_id)
                .execute(&mut *transaction)
                .await?;
            if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            for copy in copies {
                deliveries::insert(copy).execute(&mut *transaction).await?;
            }
            audit::append(&mut transaction, event, approval.created_at).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Ids are matched without regard to case.
    pub async fn approval(&self, id: &str) -> Result<Option<Approval>> {
        let query =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM approvals WHERE id = $1"))).bind(canonical(id));
        tried(Named("read approval", id), async {
            query
                .fetch_optional(&self.read)
                .await?
                .as_ref()
                .map(approval)
                .transpose()
        })
        .await
    }

    /// Newest first; all statuses when `status` is `None`.
    pub async fn approvals(&self, status: Option<ApprovalStatus>, limit: i64) -> Result<Vec<Approval>> {
        let chosen = if status.is_some() { "WHERE status = $2" } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM approvals {chosen} ORDER BY created_at DESC, id DESC LIMIT $1");
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(limit.max(0));
        if let Some(status) = status {
            query = query.bind(status.as_str());
        }
        tried("list approvals", async {
            row::all(&query.fetch_all(&self.read).await?, approval)
        })
        .await
    }

    /// Cards that are approved or executing and that nobody is at work on: the dead have left them. Newest first.
    pub async fn abandoned_approvals(&self, status: ApprovalStatus, limit: i64) -> Result<Vec<Approval>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE status = $1 AND COALESCE(instance_id, '') = ''
             ORDER BY created_at DESC, id DESC LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(status.as_str()).bind(limit.max(0));
        tried("list approvals that broke off", async {
            row::all(&query.fetch_all(&self.read).await?, approval)
        })
        .await
    }

    /// Takes an executing card that nobody is at work on, to write its end. `false` when somebody was faster.
    pub async fn adopt_approval(&self, id: &str) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE approvals SET instance_id = $2
             WHERE id = $1 AND status = 'executing' AND COALESCE(instance_id, '') = ''",
        )
        .bind(canonical(id))
        .bind(self.me().to_string());
        tried(Named("adopt approval", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Cards of a conversation that wait for a decision, newest first.
    pub async fn pending_approvals(&self, conversation_id: &str, limit: i64) -> Result<Vec<Approval>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE conversation_id = $1 AND status = 'pending'
             ORDER BY created_at DESC, id DESC LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(conversation_id).bind(limit.max(0));
        tried(
            Named("list the open approvals of conversation", conversation_id),
            async { row::all(&query.fetch_all(&self.read).await?, approval) },
        )
        .await
    }

    /// The card for the same act in the same conversation that still waits, for a decision or for its execution.
    pub async fn open_approval(
        &self,
        conversation_id: &str,
        tool: &str,
        args_hash: &str,
        now: Millis,
    ) -> Result<Option<Approval>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals
             WHERE conversation_id = $1 AND tool = $2 AND args_hash = $3 AND {WAITS} > $4
             ORDER BY created_at, id LIMIT 1"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(conversation_id)
            .bind(tool)
            .bind(args_hash)
            .bind(now.0);
        tried(Named("look for an open approval of tool", tool), async {
            query
                .fetch_optional(&self.read)
                .await?
                .as_ref()
                .map(approval)
                .transpose()
        })
        .await
    }

    /// Takes an approved, unexpired act for execution, once: `None` when somebody else has it, when it does not
    /// qualify, or when `args_hash` is not the one that was approved.
    pub async fn claim_approval(&self, id: &str, args_hash: &str, now: Millis) -> Result<Option<Approval>> {
        let sql = format!(
            "UPDATE approvals SET status = 'executing', executed_at = $3, instance_id = $4
             WHERE id = $1 AND args_hash = $2 AND status = 'approved' AND expires_at > $3 RETURNING {COLUMNS}"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(canonical(id))
            .bind(args_hash)
            .bind(now.0)
            .bind(self.me().to_string());
        tried(Named("claim approval", id), async {
            query
                .fetch_optional(&self.write)
                .await?
                .as_ref()
                .map(approval)
                .transpose()
        })
        .await
    }

    /// `executing` to `done`, `failed` or `stale`, with its entry in the audit; its conversation is to be told. `false` when
    /// it was not executing in this instance, or when `status` is another.
    pub async fn finish_approval(
        &self,
        id: &str,
        (status, result): (ApprovalStatus, &Value),
        event: &AuditEvent,
        now: Millis,
    ) -> Result<bool> {
        match status {
            ApprovalStatus::Done | ApprovalStatus::Failed | ApprovalStatus::Stale => {}
            ApprovalStatus::Pending
            | ApprovalStatus::Approved
            | ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Executing => return Ok(false),
        }
        let query = sqlx::query(
            "UPDATE approvals SET status = $2, result = $3, finished_at = $4, untold = CASE WHEN conversation_id IS NULL THEN 0 ELSE 1 END
             WHERE id = $1 AND status = 'executing' AND COALESCE(instance_id, '') = $5",
        )
        .bind(canonical(id))
        .bind(status.as_str())
        .bind(result.to_string())
        .bind(now.0)
        .bind(self.me().to_string());
        tried(Named("finish approval", id), async {
            let mut transaction = self.write.begin().await?;
            if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            audit::append(&mut transaction, event, now).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Turns pending (and approved, unclaimed) cards whose time is over into `expired`, each with its entry in the audit,
    /// and returns them. Their conversations are to be told.
    pub async fn expire_approvals(
        &self,
        now: Millis,
        event: impl Fn(&Approval) -> AuditEvent,
    ) -> Result<Vec<Approval>> {
        let sql = format!(
            "UPDATE approvals SET status = 'expired', untold = CASE WHEN conversation_id IS NULL THEN 0 ELSE 1 END, instance_id = $2
             WHERE status IN ('pending', 'approved') AND expires_at <= $1 RETURNING {COLUMNS}"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(self.me().to_string());
        tried("expire approvals", async {
            let mut transaction = self.write.begin().await?;
            let expired = row::all(&query.fetch_all(&mut *transaction).await?, approval)?;
            for approval in &expired {
                audit::append(&mut transaction, &event(approval), now).await?;
            }
            transaction.commit().await?;
            Ok(expired)
        })
        .await
    }

    /// Cards that have ended, whose conversations have not been told, and that nobody is at work on: the dead have left
    /// them. In the order of their making.
    pub async fn untold_approvals(&self, limit: i64) -> Result<Vec<Approval>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE untold = 1 AND COALESCE(instance_id, '') = '' ORDER BY created_at, id LIMIT $1"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(limit.max(0));
        tried("list approvals to tell of", async {
            row::all(&query.fetch_all(&self.read).await?, approval)
        })
        .await
    }

    /// Tells a conversation how its card ended, once, and opens the run of the turn that follows: `false` when somebody
    /// told it before.
    pub async fn tell_approval(&self, id: &str, message: &Message, next: Option<&Run>) -> Result<bool> {
        let me = self.me();
        tried(Named("tell of approval", id), async {
            let mut transaction = self.write.begin().await?;
            let told = sqlx::query("UPDATE approvals SET untold = 0 WHERE id = $1 AND untold = 1")
                .bind(canonical(id))
                .execute(&mut *transaction)
                .await?;
            if told.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            conversations::say(&mut transaction, message).await?;
            if let Some(run) = next {
                runs::insert(run, &me).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

/// Ids are kept in upper case, because people type and speak them.
pub(super) fn canonical(id: &str) -> String {
    id.to_ascii_uppercase()
}

pub(super) fn approval(row: &AnyRow) -> sqlx::Result<Approval> {
    Ok(Approval {
        id: row.try_get("id")?,
        tool: row.try_get("tool")?,
        arguments: row::json(row, "arguments")?,
        args_hash: row.try_get("args_hash")?,
        effect: row.try_get("effect")?,
        rule: row.try_get("rule")?,
        plan: row::json(row, "plan")?,
        state_hash: row.try_get("state_hash")?,
        requester_id: row.try_get("requester_id")?,
        conversation_id: row.try_get("conversation_id")?,
        run_id: row.try_get("run_id")?,
        min_trust: row.try_get("min_trust")?,
        need: row.try_get("need")?,
        status: row::word(row, "status", &ApprovalStatus::ALL, ApprovalStatus::as_str)?,
        created_at: row::millis(row, "created_at")?,
        expires_at: row::millis(row, "expires_at")?,
        decided_at: row::millis_or_null(row, "decided_at")?,
        decided_by: row.try_get("decided_by")?,
        executed_at: row::millis_or_null(row, "executed_at")?,
        result: row::json_or_null(row, "result")?,
    })
}
