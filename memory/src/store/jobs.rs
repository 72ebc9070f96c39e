//! Jobs as rows: made, listed, cancelled, paused. Their due times are in `job_runs`.

use jarvis_gateway::clock::Millis;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, people, row};
use crate::jobs::{Job, JobKind, JobStatus, Misfire};

pub(super) const COLUMNS: &str = "id, person_id, conversation_id, kind, text, rule, zone, misfire, may_use, grounded,
    tainted, max_trust, status, next_due, failures, created_at";

impl Store {
    /// `false` when its person has `limit` jobs that are active or paused, or when the id is taken.
    pub async fn create_job(&self, job: &Job, limit: i64) -> Result<bool> {
        let sql = format!(
            "INSERT INTO jobs ({COLUMNS})
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
             WHERE (SELECT COUNT(*) FROM jobs WHERE person_id = $2 AND status IN ('active', 'paused')) < $17
             ON CONFLICT (id) DO NOTHING"
        );
        let may_use = serde_json::to_string(&job.may_use).unwrap_or_default();
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(&job.id)
            .bind(&job.person_id)
            .bind(&job.conversation_id)
            .bind(job.kind.as_str())
            .bind(&*row::kept(&job.text))
            .bind(job.rule.to_string())
            .bind(&job.zone)
            .bind(job.misfire.as_str())
            .bind(may_use)
            .bind(i64::from(job.grounded))
            .bind(i64::from(job.tainted))
            .bind(job.max_trust)
            .bind(job.status.as_str())
            .bind(job.next_due.map(|at| at.0))
            .bind(job.failures)
            .bind(job.created_at.0)
            .bind(limit);
        tried(Named("create job", &job.id), async {
            let mut transaction = self.write.begin().await?;
            // Of two jobs that a person makes at once, the second waits here and is counted after the first.
            people::hold(&job.person_id).execute(&mut *transaction).await?;
            let created = query.execute(&mut *transaction).await?.rows_affected() == 1;
            transaction.commit().await?;
            Ok(created)
        })
        .await
    }

    /// Ids are matched without regard to case.
    pub async fn job(&self, id: &str) -> Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(id.to_ascii_uppercase());
        tried(Named("read job", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(job).transpose()
        })
        .await
    }

    /// Active and paused jobs, of one person or of everybody, the next due first.
    pub async fn open_jobs(&self, person_id: Option<&str>, limit: i64) -> Result<Vec<Job>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE status IN ('active', 'paused') AND ($1 = '' OR person_id = $1)
             ORDER BY CASE WHEN status = 'active' THEN 0 ELSE 1 END, next_due, id LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(person_id.unwrap_or_default())
            .bind(limit.max(0));
        tried("list jobs", async {
            row::all(&query.fetch_all(&self.read).await?, job)
        })
        .await
    }

    /// Active jobs whose time has come, the longest due first.
    pub async fn due_jobs(&self, now: Millis, limit: i64) -> Result<Vec<Job>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE status = 'active' AND next_due <= $1 ORDER BY next_due, id LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(limit.max(0));
        tried("look for due jobs", async {
            row::all(&query.fetch_all(&self.read).await?, job)
        })
        .await
    }

    /// Ends a job that is active or paused. `None` when there is none.
    pub async fn cancel_job(&self, id: &str) -> Result<Option<Job>> {
        let condition = "status = 'cancelled', next_due = NULL WHERE id = $1 AND status IN ('active', 'paused')";
        self.change_job(id, condition, None).await
    }

    /// `None` when there is no active job of this id.
    pub async fn pause_job(&self, id: &str) -> Result<Option<Job>> {
        self.change_job(id, "status = 'paused' WHERE id = $1 AND status = 'active'", None)
            .await
    }

    /// Makes a paused job active again, due at `next_due`, with its failures forgotten.
    pub async fn resume_job(&self, id: &str, next_due: Millis) -> Result<Option<Job>> {
        let condition = "status = 'active', failures = 0, next_due = $2 WHERE id = $1 AND status = 'paused'";
        self.change_job(id, condition, Some(next_due)).await
    }

    async fn change_job(&self, id: &str, change: &str, next_due: Option<Millis>) -> Result<Option<Job>> {
        let sql = format!("UPDATE jobs SET {change} RETURNING {COLUMNS}");
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(id.to_ascii_uppercase());
        if let Some(next_due) = next_due {
            query = query.bind(next_due.0);
        }
        tried(Named("change job", id), async {
            query.fetch_optional(&self.write).await?.as_ref().map(job).transpose()
        })
        .await
    }
}

fn job(row: &AnyRow) -> sqlx::Result<Job> {
    let may_use = row::json(row, "may_use")?;
    Ok(Job {
        id: row.try_get("id")?,
        person_id: row.try_get("person_id")?,
        conversation_id: row.try_get("conversation_id")?,
        kind: row::word(row, "kind", &JobKind::ALL, JobKind::as_str)?,
        text: row.try_get("text")?,
        rule: row::json(row, "rule")?,
        zone: row.try_get("zone")?,
        misfire: row::word(row, "misfire", &Misfire::ALL, Misfire::as_str)?,
        may_use: serde_json::from_value(may_use).map_err(|error| row::unreadable("may_use", error))?,
        grounded: row::flag(row, "grounded")?,
        tainted: row::flag(row, "tainted")?,
        max_trust: row.try_get("max_trust")?,
        status: row::word(row, "status", &JobStatus::ALL, JobStatus::as_str)?,
        next_due: row::millis_or_null(row, "next_due")?,
        failures: row.try_get("failures")?,
        created_at: row::millis(row, "created_at")?,
    })
}
