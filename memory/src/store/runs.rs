//! Turns of the agent and the tool calls in them.

use jarvis_gateway::clock::Millis;
use serde_json::Value;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::error::{Named, tried};
use super::{Error, Result, Store, audit, conversations, row};
use crate::records::{AuditEvent, Message, NestedIn, Run, RunStatus, ToolCall};

const COLUMNS: &str = "id, conversation_id, person_id, status, target, model_calls, tool_calls, tokens_in, tokens_out,
    tainted, saw_private, started_at, ended_at, stop_reason, parent_id, parent_call_id, agent, waits";

impl Store {
    pub async fn start_run(&self, run: &Run) -> Result<()> {
        tried(Named("start run", &run.id), async {
            insert(run, &self.me()).execute(&self.write).await.map(drop)
        })
        .await
    }

    /// Writes every field but id, conversation, person, start, the turn that it is nested in and whether it waits. Refused
    /// with [`Error::Fenced`] when another instance holds it.
    pub async fn update_run(&self, run: &Run) -> Result<()> {
        let (what, me) = (Named("update run", &run.id), self.me());
        let held = tried(Named("update run", &run.id), async {
            let mut transaction = self.write.begin().await?;
            let held = update(&mut transaction, run, &me).await?;
            transaction.commit().await?;
            Ok(held)
        });
        fenced(&what, held.await?)
    }

    /// Says the last word of a turn and ends its runs, all or nothing: a run is never open beside its answer, nor over
    /// without one.
    ///
    /// Refused with [`Error::Fenced`] when another instance holds one of them.
    pub async fn end_runs(&self, runs: &[Run], message: &Message) -> Result<()> {
        let what = || Named("end a turn in conversation", &message.conversation_id);
        let me = self.me();
        let held = tried(what(), async {
            let mut transaction = self.write.begin().await?;
            conversations::say(&mut transaction, message).await?;
            for run in runs {
                if !update(&mut transaction, run, &me).await? {
                    transaction.rollback().await?;
                    return Ok(false);
                }
            }
            transaction.commit().await?;
            Ok(true)
        });
        fenced(&what(), held.await?)
    }

    pub async fn run(&self, id: &str) -> Result<Option<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = $1");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id);
        tried(Named("read run", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(run).transpose()
        })
        .await
    }

    /// Runs that are `running` and that nobody is at work on, oldest first: the dead have left them.
    pub async fn abandoned_runs(&self) -> Result<Vec<Run>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE status = 'running' AND COALESCE(instance_id, '') = '' ORDER BY id"
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        tried("list runs that broke off", async {
            row::all(&query.fetch_all(&self.read).await?, run)
        })
        .await
    }

    /// Runs that are `running`, whoever is at work on them, oldest first.
    #[cfg(any(test, feature = "test-support"))]
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE status = 'running' ORDER BY id");
        let query = sqlx::query(AssertSqlSafe(sql));
        tried("list unfinished runs", async {
            row::all(&query.fetch_all(&self.read).await?, run)
        })
        .await
    }

    /// The turns of specialists that were asked in the turn `parent_id`, oldest first.
    pub async fn nested_runs(&self, parent_id: &str) -> Result<Vec<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE parent_id = $1 ORDER BY id");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(parent_id);
        tried(Named("read the nested runs of run", parent_id), async {
            row::all(&query.fetch_all(&self.read).await?, run)
        })
        .await
    }

    /// Writes down a call, and with it what the audit says of it. One that begins is refused with [`Error::Fenced`] when
    /// another instance holds its card, or its run: what the dead have begun is known to whoever takes it over.
    pub async fn start_tool_call(&self, call: &ToolCall, audit: Option<&AuditEvent>) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO tool_calls (id, run_id, call_id, tool, arguments, effect, outcome, result, at, took_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&call.id)
        .bind(&call.run_id)
        .bind(&*row::kept(&call.call_id))
        .bind(&*row::kept(&call.tool))
        .bind(call.arguments.to_string())
        .bind(&call.effect)
        .bind(&call.outcome)
        .bind(call.result.as_ref().map(Value::to_string))
        .bind(call.at.0)
        .bind(call.took_ms);
        let (what, me) = (Named("store a call of tool", &call.tool), self.me());
        let held = tried(Named("store a call of tool", &call.tool), async {
            let mut transaction = self.write.begin().await?;
            let card = audit.and_then(|event| event.approval_id.as_deref());
            if call.outcome == "started" && !hold(&mut transaction, &call.run_id, card, &me).await? {
                transaction.rollback().await?;
                return Ok(false);
            }
            query.execute(&mut *transaction).await?;
            if let Some(event) = audit {
                audit::append(&mut transaction, event, call.at).await?;
            }
            transaction.commit().await?;
            Ok(true)
        });
        fenced(&what, held.await?)
    }

    /// Writes down what a call came to, once, and with it what the audit says of that.
    pub async fn finish_tool_call(
        &self,
        id: &str,
        (outcome, result): (&str, &Value),
        took_ms: i64,
        event: &AuditEvent,
        now: Millis,
    ) -> Result<()> {
        let query = sqlx::query(
            "UPDATE tool_calls SET outcome = $2, result = $3, took_ms = $4 WHERE id = $1 AND outcome = 'started'",
        )
        .bind(id)
        .bind(outcome)
        .bind(result.to_string())
        .bind(took_ms);
        tried(Named("store the outcome of tool call", id), async {
            let mut transaction = self.write.begin().await?;
            one_row(query.execute(&mut *transaction).await?.rows_affected())?;
            audit::append(&mut transaction, event, now).await?;
            transaction.commit().await
        })
        .await
    }

    /// In the order in which they were stored.
    pub async fn tool_calls(&self, run_id: &str) -> Result<Vec<ToolCall>> {
        let query = sqlx::query(
            "SELECT id, run_id, call_id, tool, arguments, effect, outcome, result, at, took_ms
             FROM tool_calls WHERE run_id = $1 ORDER BY id",
        )
        .bind(run_id);
        tried(Named("read the tool calls of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, tool_call)
        })
        .await
    }
}

/// Keeps a card that is carried out, or else a run, in its state until the transaction ends. `false` when it is not `me` who
/// holds it.
async fn hold(
    transaction: &mut Transaction<'_, Any>,
    run_id: &str,
    card: Option<&str>,
    me: &str,
) -> sqlx::Result<bool> {
    let (sql, id) = match card {
        Some(card) => (
            "UPDATE approvals SET need = need WHERE id = $1 AND status = 'executing' AND COALESCE(instance_id, '') = $2",
            card,
        ),
        None => (
            "UPDATE runs SET waits = waits WHERE id = $1 AND status = 'running' AND COALESCE(instance_id, '') = $2",
            run_id,
        ),
    };
    let held = sqlx::query(sql).bind(id).bind(me).execute(&mut **transaction).await?;
    if held.rows_affected() == 0 && card.is_none() {
        exists(transaction, run_id).await?;
    }
    Ok(held.rows_affected() == 1)
}

/// A row that is not there is another fault than one that somebody else holds.
async fn exists(transaction: &mut Transaction<'_, Any>, run_id: &str) -> sqlx::Result<()> {
    let query = sqlx::query("SELECT 1 AS one FROM runs WHERE id = $1").bind(run_id);
    query.fetch_one(&mut **transaction).await.map(drop)
}

fn fenced(what: &Named<'_>, held: bool) -> Result<()> {
    if held {
        return Ok(());
    }
    Err(Error::Fenced {
        tried: what.to_string(),
    })
}

pub(super) fn insert<'q>(run: &'q Run, me: &str) -> Query<'q, Any, AnyArguments> {
    sqlx::query(
        "INSERT INTO runs
         (id, conversation_id, person_id, status, target, model_calls, tool_calls, tokens_in, tokens_out,
          tainted, saw_private, started_at, ended_at, stop_reason, parent_id, parent_call_id, agent, waits, instance_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(&run.id)
    .bind(&run.conversation_id)
    .bind(&run.person_id)
    .bind(run.status.as_str())
    .bind(&run.target)
    .bind(run.model_calls)
    .bind(run.tool_calls)
    .bind(run.tokens_in)
    .bind(run.tokens_out)
    .bind(i64::from(run.tainted))
    .bind(i64::from(run.saw_private))
    .bind(run.started_at.0)
    .bind(run.ended_at.map(|at| at.0))
    .bind(&run.stop_reason)
    .bind(run.nested_in.as_ref().map(|nested| &nested.run_id))
    .bind(run.nested_in.as_ref().map(|nested| &nested.call_id))
    .bind(run.nested_in.as_ref().map(|nested| &nested.agent))
    .bind(i64::from(run.waits))
    .bind(me.to_owned())
}

/// `false` when it is not `me` who holds the run.
async fn update(transaction: &mut Transaction<'_, Any>, run: &Run, me: &str) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "UPDATE runs SET status = $2, target = $3, model_calls = $4, tool_calls = $5, tokens_in = $6,
         tokens_out = $7, tainted = $8, saw_private = $9, ended_at = $10, stop_reason = $11
         WHERE id = $1 AND status = 'running' AND COALESCE(instance_id, '') = $12",
    )
    .bind(&run.id)
    .bind(run.status.as_str())
    .bind(&run.target)
    .bind(run.model_calls)
    .bind(run.tool_calls)
    .bind(run.tokens_in)
    .bind(run.tokens_out)
    .bind(i64::from(run.tainted))
    .bind(i64::from(run.saw_private))
    .bind(run.ended_at.map(|at| at.0))
    .bind(&run.stop_reason)
    .bind(me)
    .execute(&mut **transaction)
    .await?;
    if updated.rows_affected() == 0 {
        exists(transaction, &run.id).await?;
    }
    Ok(updated.rows_affected() == 1)
}

fn one_row(affected: u64) -> sqlx::Result<()> {
    if affected == 0 {
        return Err(sqlx::Error::RowNotFound);
    }
    Ok(())
}

pub(super) fn run(row: &AnyRow) -> sqlx::Result<Run> {
    Ok(Run {
        id: row.try_get("id")?,
        conversation_id: row.try_get("conversation_id")?,
        person_id: row.try_get("person_id")?,
        status: row::word(row, "status", &RunStatus::ALL, RunStatus::as_str)?,
        target: row.try_get("target")?,
        model_calls: row.try_get("model_calls")?,
        tool_calls: row.try_get("tool_calls")?,
        tokens_in: row.try_get("tokens_in")?,
        tokens_out: row.try_get("tokens_out")?,
        tainted: row::flag(row, "tainted")?,
        saw_private: row::flag(row, "saw_private")?,
        started_at: row::millis(row, "started_at")?,
        ended_at: row::millis_or_null(row, "ended_at")?,
        stop_reason: row.try_get("stop_reason")?,
        nested_in: nested_in(row)?,
        waits: row::flag(row, "waits")?,
    })
}

fn nested_in(row: &AnyRow) -> sqlx::Result<Option<NestedIn>> {
    let words: (Option<String>, Option<String>, Option<String>) = (
        row.try_get("parent_id")?,
        row.try_get("parent_call_id")?,
        row.try_get("agent")?,
    );
    Ok(match words {
        (Some(run_id), Some(call_id), Some(agent)) => Some(NestedIn { run_id, call_id, agent }),
        _ => None,
    })
}

fn tool_call(row: &AnyRow) -> sqlx::Result<ToolCall> {
    Ok(ToolCall {
        id: row.try_get("id")?,
        run_id: row.try_get("run_id")?,
        call_id: row.try_get("call_id")?,
        tool: row.try_get("tool")?,
        arguments: row::json(row, "arguments")?,
        effect: row.try_get("effect")?,
        outcome: row.try_get("outcome")?,
        result: row::json_or_null(row, "result")?,
        at: row::millis(row, "at")?,
        took_ms: row.try_get("took_ms")?,
    })
}
