//! Deciding an approval.

use jarvis_gateway::clock::Millis;
use sqlx::{Any, Row, Transaction};

use super::approvals::canonical;
use super::error::{Named, tried};
use super::{Result, Store, audit, grants, people, row};
use crate::records::{ApprovalStatus, AuditEvent, Grant, Vote, VoteOutcome};

impl Store {
    /// Votes and decides in one transaction.
    ///
    /// 1. The card is taken first, by a write that changes nothing: of many voters at once, each sees the votes before.
    /// 2. Trust (the person's and that of the account that votes), status and time are checked by the statement that stores the vote.
    /// 3. One no denies; otherwise it takes `need` yes votes of different persons.
    /// 4. A vote that counts is in the audit by the same transaction, and so is the grant, if it decides for yes.
    pub async fn vote(
        &self,
        vote: &Vote,
        event: &AuditEvent,
        grant: Option<(&Grant, &AuditEvent)>,
        now: Millis,
    ) -> Result<VoteOutcome> {
        let (id, me) = (canonical(&vote.approval_id), self.me());
        tried(Named("vote on approval", &id), async {
            let mut transaction = self.write.begin().await?;
            let outcome = cast(&mut transaction, &id, vote, &me, now).await?;
            match outcome {
                VoteOutcome::Decided(_) | VoteOutcome::Waiting => {
                    let grant = grant.filter(|_| outcome == VoteOutcome::Decided(ApprovalStatus::Approved));
                    if let Some((grant, _)) = grant {
                        grants::insert(grant).execute(&mut *transaction).await?;
                    }
                    audit::append(&mut transaction, event, now).await?;
                    if let Some((_, event)) = grant {
                        audit::append(&mut transaction, event, now).await?;
                    }
                    transaction.commit().await?;
                }
                VoteOutcome::Unknown | VoteOutcome::NotAllowed | VoteOutcome::Expired | VoteOutcome::Already(_) => {
                    transaction.rollback().await?;
                }
            }
            Ok(outcome)
        })
        .await
    }
}

async fn cast(
    transaction: &mut Transaction<'_, Any>,
    id: &str,
    vote: &Vote,
    me: &str,
    now: Millis,
) -> sqlx::Result<VoteOutcome> {
    let card = sqlx::query("UPDATE approvals SET need = need WHERE id = $1 RETURNING status, expires_at")
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(card) = card else {
        return Ok(VoteOutcome::Unknown);
    };
    match row::word(&card, "status", &ApprovalStatus::ALL, ApprovalStatus::as_str)? {
        ApprovalStatus::Pending => {}
        ApprovalStatus::Expired => return Ok(VoteOutcome::Expired),
        status @ (ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Executing
        | ApprovalStatus::Done
        | ApprovalStatus::Failed
        | ApprovalStatus::Stale) => return Ok(VoteOutcome::Already(status)),
    }
    if row::millis(&card, "expires_at")? <= now {
        return Ok(VoteOutcome::Expired);
    }
    // Not while the voter becomes another person.
    let voter = people::hold(&vote.person_id).execute(&mut **transaction).await?;
    if voter.rows_affected() == 0 {
        return Ok(VoteOutcome::NotAllowed);
    }
    let counted = sqlx::query(
        "INSERT INTO approval_votes (approval_id, person_id, yes, via, note, at)
         SELECT a.id, p.id, $3, $4, $5, $6 FROM approvals a JOIN persons p ON p.id = $2
         WHERE a.id = $1 AND a.status = 'pending' AND a.expires_at > $6 AND p.trust >= a.min_trust
           AND $7 >= a.min_trust
         ON CONFLICT (approval_id, person_id) DO NOTHING",
    )
    .bind(id)
    .bind(&vote.person_id)
    .bind(i64::from(vote.yes))
    .bind(&vote.via)
    .bind(vote.note.as_deref().map(row::kept).as_deref())
    .bind(now.0)
    .bind(vote.trust)
    .execute(&mut **transaction)
    .await?;
    if counted.rows_affected() == 0 {
        return why_not(transaction, id, vote).await;
    }
    decide(transaction, id, vote, me, now).await
}

/// The card is open, and yet the vote was not stored.
async fn why_not(transaction: &mut Transaction<'_, Any>, id: &str, vote: &Vote) -> sqlx::Result<VoteOutcome> {
    let before = sqlx::query("SELECT yes FROM approval_votes WHERE approval_id = $1 AND person_id = $2")
        .bind(id)
        .bind(&vote.person_id)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(match before {
        Some(_) => VoteOutcome::Already(ApprovalStatus::Pending),
        None => VoteOutcome::NotAllowed,
    })
}

async fn decide(
    transaction: &mut Transaction<'_, Any>,
    id: &str,
    vote: &Vote,
    me: &str,
    now: Millis,
) -> sqlx::Result<VoteOutcome> {
    // Those who agree with this vote are those who decide, if it decides.
    let names = sqlx::query(
        "SELECT p.display FROM approval_votes v JOIN persons p ON p.id = v.person_id
         WHERE v.approval_id = $1 AND v.yes = $2 ORDER BY v.at, v.person_id",
    )
    .bind(id)
    .bind(i64::from(vote.yes))
    .fetch_all(&mut **transaction)
    .await?;
    let names: Vec<String> = row::all(&names, |row| row.try_get("display"))?;
    let decided = sqlx::query(
        "UPDATE approvals SET decided_at = $2, decided_by = $3, instance_id = $4, status = CASE
           WHEN EXISTS (SELECT 1 FROM approval_votes v WHERE v.approval_id = $1 AND v.yes = 0) THEN 'denied'
           ELSE 'approved' END,
           untold = CASE WHEN conversation_id IS NOT NULL
             AND EXISTS (SELECT 1 FROM approval_votes v WHERE v.approval_id = $1 AND v.yes = 0) THEN 1 ELSE 0 END
         WHERE id = $1 AND status = 'pending' AND expires_at > $2 AND (
           EXISTS (SELECT 1 FROM approval_votes v WHERE v.approval_id = $1 AND v.yes = 0)
           OR (SELECT COUNT(*) FROM approval_votes v WHERE v.approval_id = $1 AND v.yes = 1) >= need)
         RETURNING status",
    )
    .bind(id)
    .bind(now.0)
    .bind(names.join(", "))
    .bind(me)
    .fetch_optional(&mut **transaction)
    .await?;
    match decided {
        Some(card) => {
            row::word(&card, "status", &ApprovalStatus::ALL, ApprovalStatus::as_str).map(VoteOutcome::Decided)
        }
        None => Ok(VoteOutcome::Waiting),
    }
}
