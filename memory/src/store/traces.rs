//! What is known of one turn, table by table, each in the order in which it was written.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, approvals, audit, conversations, row, usage};
use crate::records::{Approval, AskedIn, AuditEntry, CastVote, Message, ModelCall, Run, Shown};

/// Rows of one table. No bound of a turn lets it come to as many.
const MOST: i64 = 1000;
/// The ledger tells of an attempt when it is over, which for one that nobody waits for is after the turn.
const LATE: Duration = Duration::from_mins(15);

impl Store {
    /// Ids of runs that begin with `prefix`, oldest first.
    pub async fn run_ids(&self, prefix: &str, limit: i64) -> Result<Vec<String>> {
        // `g` sorts after every digit, letter and hyphen of an id.
        let query = sqlx::query("SELECT id FROM runs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3")
            .bind(prefix)
            .bind(format!("{prefix}g"))
            .bind(limit.max(0));
        tried("look for a run", async {
            row::all(&query.fetch_all(&self.read).await?, |row| row.try_get("id"))
        })
        .await
    }

    /// The id of the run that began last. What was done within another is not one by itself.
    pub async fn latest_run(&self) -> Result<Option<String>> {
        let query = sqlx::query("SELECT id FROM runs WHERE parent_id IS NULL ORDER BY id DESC LIMIT 1");
        tried("look for the latest run", async {
            let found = query.fetch_optional(&self.read).await?;
            found.map(|row| row.try_get("id")).transpose()
        })
        .await
    }

    /// Who asked for a run, and where.
    pub async fn asked_in(&self, run: &Run) -> Result<Option<AskedIn>> {
        let query = sqlx::query(
            "SELECT (SELECT p.display FROM persons p WHERE p.id = $2) AS name, r.platform, r.external_id
             FROM conversations c JOIN rooms r ON r.id = c.room_id WHERE c.id = $1",
        )
        .bind(&run.conversation_id)
        .bind(&run.person_id);
        tried(Named("read who asked for run", &run.id), async {
            let found = query.fetch_optional(&self.read).await?;
            found.as_ref().map(asked_in).transpose()
        })
        .await
    }

    pub async fn messages_of_run(&self, run_id: &str) -> Result<Vec<Message>> {
        let query = sqlx::query(
            "SELECT id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at
             FROM messages WHERE run_id = $1 ORDER BY id LIMIT $2",
        )
        .bind(run_id)
        .bind(MOST);
        tried(Named("read the messages of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, conversations::message)
        })
        .await
    }

    pub async fn audit_of_run(&self, run_id: &str) -> Result<Vec<AuditEntry>> {
        let columns = audit::COLUMNS;
        let sql = format!("SELECT {columns} FROM audit WHERE run_id = $1 ORDER BY id LIMIT $2");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(run_id).bind(MOST);
        tried(Named("read the audit of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, |row| audit::stored(row)?.entry())
        })
        .await
    }

    pub async fn approvals_of_run(&self, run_id: &str) -> Result<Vec<Approval>> {
        let columns = approvals::COLUMNS;
        let sql = format!("SELECT {columns} FROM approvals WHERE run_id = $1 ORDER BY created_at, id LIMIT $2");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(run_id).bind(MOST);
        tried(Named("read the approvals of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, approvals::approval)
        })
        .await
    }

    pub async fn votes_of_run(&self, run_id: &str) -> Result<Vec<CastVote>> {
        let query = sqlx::query(
            "SELECT v.at, v.approval_id, v.person_id, p.display, v.yes, v.via, v.note
             FROM approvals a JOIN approval_votes v ON v.approval_id = a.id LEFT JOIN persons p ON p.id = v.person_id
             WHERE a.run_id = $1 ORDER BY v.at, v.approval_id, v.person_id LIMIT $2",
        )
        .bind(run_id)
        .bind(MOST);
        tried(Named("read the votes of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, vote)
        })
        .await
    }

    /// What platforms show, or are to show, of its messages and cards.
    pub async fn shown_of_run(&self, run_id: &str) -> Result<Vec<Shown>> {
        let query = sqlx::query(
            "SELECT created_at, sent_at, kind, platform, room, state, attempts, fault FROM deliveries
             WHERE message_id IN (SELECT id FROM messages WHERE run_id = $1)
                OR approval_id IN (SELECT id FROM approvals WHERE run_id = $1)
             ORDER BY id LIMIT $2",
        )
        .bind(run_id)
        .bind(MOST);
        tried(Named("read the deliveries of run", run_id), async {
            row::all(&query.fetch_all(&self.read).await?, shown)
        })
        .await
    }

    /// The targets that were asked in a run, from the ledger. It names them by the run's id, and its own ids are times, so
    /// that it is searched where the run was.
    pub async fn model_calls_of_run(&self, run: &Run) -> Result<Vec<ModelCall>> {
        let until = run.ended_at.map_or(Millis(i64::MAX), |at| at.plus(LATE));
        let query = sqlx::query(
            "SELECT at, alias, backend, model, attempt, outcome, fault, reason, tokens_in, tokens_out, estimated, cost, took_ms
             FROM usage_attempts WHERE id >= $1 AND id < $2 AND request_id = $3 ORDER BY at, id LIMIT $4",
        )
        .bind(usage::first_id(run.started_at))
        .bind(usage::first_id(until))
        .bind(&run.id)
        .bind(MOST);
        tried(Named("read the model calls of run", &run.id), async {
            row::all(&query.fetch_all(&self.read).await?, model_call)
        })
        .await
    }
}

fn asked_in(row: &AnyRow) -> sqlx::Result<AskedIn> {
    Ok(AskedIn {
        name: row.try_get("name")?,
        platform: row.try_get("platform")?,
        room: row.try_get("external_id")?,
    })
}

fn vote(row: &AnyRow) -> sqlx::Result<CastVote> {
    Ok(CastVote {
        at: row::millis(row, "at")?,
        approval_id: row.try_get("approval_id")?,
        person_id: row.try_get("person_id")?,
        name: row.try_get("display")?,
        yes: row::flag(row, "yes")?,
        via: row.try_get("via")?,
        note: row.try_get("note")?,
    })
}

fn shown(row: &AnyRow) -> sqlx::Result<Shown> {
    Ok(Shown {
        created_at: row::millis(row, "created_at")?,
        sent_at: row::millis_or_null(row, "sent_at")?,
        kind: row.try_get("kind")?,
        platform: row.try_get("platform")?,
        room: row.try_get("room")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        fault: row.try_get("fault")?,
    })
}

fn model_call(row: &AnyRow) -> sqlx::Result<ModelCall> {
    let (backend, model): (String, String) = (row.try_get("backend")?, row.try_get("model")?);
    Ok(ModelCall {
        at: row::millis(row, "at")?,
        alias: row.try_get("alias")?,
        target: format!("{backend}/{model}"),
        attempt: row.try_get("attempt")?,
        outcome: row.try_get("outcome")?,
        fault: row.try_get("fault")?,
        reason: row.try_get("reason")?,
        tokens_in: row.try_get("tokens_in")?,
        tokens_out: row.try_get("tokens_out")?,
        estimated: row::flag(row, "estimated")?,
        cost: row.try_get::<Option<i64>, _>("cost")?.map(MicroUsd),
        took_ms: row.try_get("took_ms")?,
    })
}
