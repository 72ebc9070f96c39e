//! The due times of jobs: claimed once ever, held by a lease, ended by whoever holds it.

use jarvis_gateway::clock::Millis;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::jobs::{JobEnd, JobRun, JobRunState, JobStatus};

const COLUMNS: &str =
    "job_id, due, state, holder, lease_until, run_id, missed, claimed_at, ended_at, delivered_at, says";

/// Ended runs are kept for a year.
const KEPT_MILLIS: i64 = 366 * 24 * 60 * 60 * 1000;

impl Store {
    /// Takes a due time for `run.holder` and moves the job on to `next_due`; without one the job is done. `false` when
    /// the job is not due then any more, or when this due time was taken before, by anybody.
    pub async fn claim_job(&self, run: &JobRun, next_due: Option<Millis>) -> Result<bool> {
        tried(Named("claim job", &run.job_id), async {
            let mut transaction = self.write.begin().await?;
            let status = next_due.map_or(JobStatus::Done, |_| JobStatus::Active);
            let moved = sqlx::query(
                "UPDATE jobs SET next_due = $3, status = $4 WHERE id = $1 AND next_due = $2 AND status = 'active'",
            )
            .bind(&run.job_id)
            .bind(run.due.0)
            .bind(next_due.map(|at| at.0))
            .bind(status.as_str())
            .execute(&mut *transaction)
            .await?;
            if moved.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            let sql = format!(
                "INSERT INTO job_runs ({COLUMNS}, instance_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                 ON CONFLICT (job_id, due) DO NOTHING"
            );
            let claimed = sqlx::query(AssertSqlSafe(sql))
                .bind(&run.job_id)
                .bind(run.due.0)
                .bind(run.state.as_str())
                .bind(&run.holder)
                .bind(run.lease_until.0)
                .bind(&run.run_id)
                .bind(run.missed)
                .bind(run.claimed_at.0)
                .bind(run.ended_at.map(|at| at.0))
                .bind(run.delivered_at.map(|at| at.0))
                .bind(&run.says)
                .bind(self.me().to_string())
                .execute(&mut *transaction)
                .await?;
            // The newest are enough to tell a time that has run.
            sqlx::query("DELETE FROM job_runs WHERE job_id = $1 AND due < $2 AND state <> 'claimed'")
                .bind(&run.job_id)
                .bind(run.due.0.saturating_sub(KEPT_MILLIS))
                .execute(&mut *transaction)
                .await?;
            // Committed also when it was taken before: the job has to move on from a time that it will not run at again.
            transaction.commit().await?;
            Ok(claimed.rows_affected() == 1)
        })
        .await
    }

    /// `false` when `holder` does not hold it any more.
    pub async fn renew_job_lease(&self, run: &JobRun, lease_until: Millis) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE job_runs SET lease_until = $4 WHERE job_id = $1 AND due = $2 AND holder = $3 AND state = 'claimed'",
        )
        .bind(&run.job_id)
        .bind(run.due.0)
        .bind(&run.holder)
        .bind(lease_until.0);
        tried(Named("keep the lease of job", &run.job_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Claimed, and not kept up: whoever held them is gone. Another instance that lives keeps its own, whatever the clocks
    /// say.
    pub async fn abandoned_job_runs(&self, now: Millis, limit: i64) -> Result<Vec<JobRun>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job_runs WHERE state = 'claimed' AND lease_until <= $1
               AND COALESCE(instance_id, '') IN ('', $3) ORDER BY lease_until LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(now.0)
            .bind(limit.max(0))
            .bind(self.me().to_string());
        tried("look for job runs that broke off", async {
            row::all(&query.fetch_all(&self.read).await?, job_run)
        })
        .await
    }

    /// Gives an abandoned run to `holder`. `false` when somebody else was faster, or its holder is back.
    pub async fn take_over_job_run(
        &self,
        run: &JobRun,
        holder: &str,
        lease_until: Millis,
        now: Millis,
    ) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE job_runs SET holder = $4, lease_until = $5, instance_id = $7
             WHERE job_id = $1 AND due = $2 AND holder = $3 AND state = 'claimed' AND lease_until <= $6",
        )
        .bind(&run.job_id)
        .bind(run.due.0)
        .bind(&run.holder)
        .bind(holder)
        .bind(lease_until.0)
        .bind(now.0)
        .bind(self.me().to_string());
        tried(Named("take over job", &run.job_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// Writes the end of a claimed run, and counts the job's failures in a row: at `pause_after` of them it is paused.
    /// The job's status afterwards; `None` when `run.holder` does not hold it any more, and then nothing changes.
    pub async fn finish_job_run(
        &self,
        run: &JobRun,
        end: &JobEnd,
        pause_after: i64,
        now: Millis,
    ) -> Result<Option<JobStatus>> {
        tried(Named("finish job", &run.job_id), async {
            let mut transaction = self.write.begin().await?;
            let ended = sqlx::query(
                "UPDATE job_runs SET state = $4, ended_at = $5, delivered_at = $6, says = $7
                 WHERE job_id = $1 AND due = $2 AND holder = $3 AND state = 'claimed'",
            )
            .bind(&run.job_id)
            .bind(run.due.0)
            .bind(&run.holder)
            .bind(end.state.as_str())
            .bind(now.0)
            .bind(end.delivered_at.map(|at| at.0))
            .bind(&end.says)
            .execute(&mut *transaction)
            .await?;
            if ended.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(None);
            }
            let failed = match end.state {
                JobRunState::Failed | JobRunState::Unknown => 1_i64,
                JobRunState::Claimed | JobRunState::Done | JobRunState::Skipped => 0,
            };
            let job = sqlx::query(
                "UPDATE jobs SET
                   failures = CASE WHEN $2 = 1 THEN failures + 1 ELSE 0 END,
                   status = CASE WHEN $2 = 1 AND failures + 1 >= $3 AND status = 'active' THEN 'paused' ELSE status END
                 WHERE id = $1 RETURNING status",
            )
            .bind(&run.job_id)
            .bind(failed)
            .bind(pause_after)
            .fetch_one(&mut *transaction)
            .await?;
            let status = row::word(&job, "status", &JobStatus::ALL, JobStatus::as_str)?;
            transaction.commit().await?;
            Ok(Some(status))
        })
        .await
    }

    /// The newest first.
    pub async fn job_runs(&self, job_id: &str, limit: i64) -> Result<Vec<JobRun>> {
        let sql = format!("SELECT {COLUMNS} FROM job_runs WHERE job_id = $1 ORDER BY due DESC LIMIT $2");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(job_id).bind(limit.max(0));
        tried(Named("read the runs of job", job_id), async {
            row::all(&query.fetch_all(&self.read).await?, job_run)
        })
        .await
    }

    /// Whether a due time of this job is being carried out.
    pub async fn is_job_running(&self, job_id: &str) -> Result<bool> {
        let query =
            sqlx::query("SELECT 1 AS one FROM job_runs WHERE job_id = $1 AND state = 'claimed' LIMIT 1").bind(job_id);
        tried(Named("look for a run of job", job_id), async {
            Ok(query.fetch_optional(&self.read).await?.is_some())
        })
        .await
    }
}

fn job_run(row: &AnyRow) -> sqlx::Result<JobRun> {
    Ok(JobRun {
        job_id: row.try_get("job_id")?,
        due: row::millis(row, "due")?,
        state: row::word(row, "state", &JobRunState::ALL, JobRunState::as_str)?,
        holder: row.try_get("holder")?,
        lease_until: row::millis(row, "lease_until")?,
        run_id: row.try_get("run_id")?,
        missed: row.try_get("missed")?,
        claimed_at: row::millis(row, "claimed_at")?,
        ended_at: row::millis_or_null(row, "ended_at")?,
        delivered_at: row::millis_or_null(row, "delivered_at")?,
        says: row.try_get("says")?,
    })
}
