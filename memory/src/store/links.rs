//! Making two accounts one person, and taking them apart.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::engine::Engine;
use super::error::{Named, tried};
use super::{Result, Store, people, row};
use crate::people::{Identity, LinkCode, Linked, Redeemed, Target};

/// What of `$1` becomes `$2`'s. A new table that refers to a person has its line here, unless its rows end with the person:
/// what somebody was allowed for a while is not passed on.
const MOVES: [&str; 15] = [
    "UPDATE messages SET person_id = $2 WHERE person_id = $1",
    "UPDATE runs SET person_id = $2 WHERE person_id = $1",
    "UPDATE approvals SET requester_id = $2 WHERE requester_id = $1",
    "UPDATE jobs SET person_id = $2 WHERE person_id = $1",
    // One person has one vote.
    "DELETE FROM approval_votes WHERE person_id = $1
       AND approval_id IN (SELECT approval_id FROM approval_votes WHERE person_id = $2)",
    "UPDATE approval_votes SET person_id = $2 WHERE person_id = $1",
    "DELETE FROM room_conversations WHERE person_id = $1
       AND room_id IN (SELECT room_id FROM room_conversations WHERE person_id = $2)",
    "UPDATE room_conversations SET person_id = $2 WHERE person_id = $1",
    "DELETE FROM link_codes WHERE confirmed_at IS NULL
       AND (issuer_id = $1 OR redeemer_id = $1 OR issuer_id = $2 OR redeemer_id = $2)",
    "UPDATE link_codes SET redeemer_id = $2 WHERE redeemer_id = $1",
    // Who did not want to be learned about does not want it under another account.
    "UPDATE persons SET remembered = 0
       WHERE id = $2 AND EXISTS (SELECT 1 FROM persons p WHERE p.id = $1 AND p.remembered = 0)",
    "UPDATE memories SET subject_id = $2 WHERE subject_id = $1",
    "UPDATE memories SET author_id = $2 WHERE author_id = $1",
    "UPDATE memories SET whose = $2 WHERE audience = 'person' AND whose = $1",
    "UPDATE recall_audiences SET whose = $2 WHERE audience = 'person' AND whose = $1",
];

/// So often an account may try codes within [`TRIES_WITHIN`].
const MOST_TRIES: i64 = 5;
const TRIES_WITHIN: Duration = Duration::from_mins(10);

impl Store {
    /// Keeps a code. An older one of the same issuer that nobody confirmed is void, and so are all that are over.
    pub async fn issue_link(&self, code: &LinkCode, now: Millis) -> Result<()> {
        let (target, is_id) = match &code.target {
            Target::Account(id) => (id, true),
            Target::Handle(handle) => (handle, false),
        };
        tried(Named("keep a link code of person", &code.issuer_id), async {
            let mut transaction = self.write.begin().await?;
            // Of two codes that a person asks for at once, the second waits here and voids the first.
            people::hold(&code.issuer_id).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM link_codes WHERE confirmed_at IS NULL AND (issuer_id = $1 OR expires_at <= $2)")
                .bind(&code.issuer_id)
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "INSERT INTO link_codes (hash, issuer_id, conversation_id, platform, target, target_is_id, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&code.hash)
            .bind(&code.issuer_id)
            .bind(&code.conversation_id)
            .bind(&code.platform)
            .bind(target)
            .bind(i64::from(is_id))
            .bind(code.expires_at.0)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// The account `by` of the person `redeemer_id` brings a code. It is good once, and for the named account alone: by its
    /// id, or by the name that it has now.
    pub async fn redeem_link(&self, hash: &str, by: &Identity, redeemer_id: &str, now: Millis) -> Result<Redeemed> {
        tried(Named("redeem a link code by account", &by.account), async {
            let mut transaction = self.write.begin().await?;
            let tries = count_try(&mut transaction, by, now).await?;
            if tries > MOST_TRIES {
                transaction.commit().await?;
                return Ok(Redeemed::TooOften);
            }
            people::hold(redeemer_id).execute(&mut *transaction).await?;
            let taken = sqlx::query(
                "UPDATE link_codes SET redeemed_by = $2, redeemer_id = $3
                 WHERE hash = $1 AND redeemed_by IS NULL AND expires_at > $4 AND platform = $5 AND issuer_id <> $3
                   AND ((target_is_id = 1 AND target = $2) OR (target_is_id = 0 AND target = $6))
                 RETURNING issuer_id, conversation_id",
            )
            .bind(hash)
            .bind(&by.account)
            .bind(redeemer_id)
            .bind(now.0)
            .bind(&by.platform)
            .bind(by.handle.to_lowercase())
            .fetch_optional(&mut *transaction)
            .await?;
            let redeemed = match taken {
                None => Redeemed::No,
                Some(code) => Redeemed::Waits {
                    issuer_id: code.try_get("issuer_id")?,
                    conversation_id: code.try_get("conversation_id")?,
                },
            };
            transaction.commit().await?;
            Ok(redeemed)
        })
        .await
    }

    /// Who brought the open code of this issuer, that was given out in this room: the person and the account.
    pub async fn redeemer_of(&self, issuer_id: &str, room_id: &str, now: Millis) -> Result<Option<(String, String)>> {
        let query = sqlx::query(
            "SELECT redeemer_id, redeemed_by FROM link_codes
             WHERE issuer_id = $1 AND confirmed_at IS NULL AND expires_at > $3 AND redeemer_id IS NOT NULL
               AND conversation_id IN (SELECT id FROM conversations WHERE room_id = $2)",
        )
        .bind(issuer_id)
        .bind(room_id)
        .bind(now.0);
        tried(Named("look for the link code of person", issuer_id), async {
            let found = query.fetch_optional(&self.read).await?;
            found
                .map(|row| Ok((row.try_get("redeemer_id")?, row.try_get("redeemed_by")?)))
                .transpose()
        })
        .await
    }

    /// Makes the redeemer `from` of the issuer's open code a part of the issuer, in one transaction: accounts, messages,
    /// runs, cards, votes, jobs and direct conversations. What the owner granted to `from` ends; what was granted to the issuer
    /// holds for all their accounts. `floor` is what the issuer has without any grant.
    pub async fn confirm_link(
        &self,
        issuer_id: &str,
        room_id: &str,
        from: &str,
        floor: i64,
        now: Millis,
    ) -> Result<Linked> {
        tried(Named("link an account to person", issuer_id), async {
            let mut transaction = self.write.begin().await?;
            let linked = confirm(&mut transaction, (issuer_id, room_id), from, floor, now).await?;
            match linked {
                Linked::Done { .. } => transaction.commit().await?,
                Linked::NotRedeemed | Linked::NoCode | Linked::Changed | Linked::MoreTrusted => {
                    transaction.rollback().await?;
                }
            }
            Ok(linked)
        })
        .await
    }

    /// Gives an account of `person_id` a fresh person of its own, without anything that was granted. `false` when the
    /// account is not one of theirs.
    pub async fn unlink(&self, person_id: &str, identity: &Identity, fresh_id: &str) -> Result<bool> {
        tried(Named("unlink account", &identity.account), async {
            let mut transaction = self.write.begin().await?;
            // Not while this person becomes, or takes in, another one.
            people::hold(person_id).execute(&mut *transaction).await?;
            sqlx::query("INSERT INTO persons (id, display, trust) VALUES ($1, $2, 0)")
                .bind(fresh_id)
                .bind(&*row::kept(&identity.handle))
                .execute(&mut *transaction)
                .await?;
            let moved = sqlx::query(
                "UPDATE identities SET person_id = $4, linked_at = $5
                 WHERE platform = $1 AND external_id = $2 AND person_id = $3",
            )
            .bind(&identity.platform)
            .bind(&identity.account)
            .bind(person_id)
            .bind(fresh_id)
            .bind(identity.linked_at.0)
            .execute(&mut *transaction)
            .await?;
            if moved.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

async fn count_try(transaction: &mut Transaction<'_, Any>, by: &Identity, now: Millis) -> sqlx::Result<i64> {
    let since = now.0 - i64::try_from(TRIES_WITHIN.as_millis()).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO link_tries (platform, external_id, since, tries) VALUES ($1, $2, $3, 1)
         ON CONFLICT (platform, external_id) DO UPDATE SET
           tries = CASE WHEN link_tries.since <= $4 THEN 1 ELSE link_tries.tries + 1 END,
           since = CASE WHEN link_tries.since <= $4 THEN $3 ELSE link_tries.since END
         RETURNING tries",
    )
    .bind(&by.platform)
    .bind(&by.account)
    .bind(now.0)
    .bind(since)
    .fetch_one(&mut **transaction)
    .await?
    .try_get("tries")
}

async fn confirm(
    transaction: &mut Transaction<'_, Any>,
    (issuer_id, room_id): (&str, &str),
    from: &str,
    floor: i64,
    now: Millis,
) -> sqlx::Result<Linked> {
    hold_both(transaction, from, issuer_id).await?;
    let code = sqlx::query(
        "UPDATE link_codes SET confirmed_at = $3
         WHERE issuer_id = $1 AND confirmed_at IS NULL AND expires_at > $3
           AND conversation_id IN (SELECT id FROM conversations WHERE room_id = $2)
         RETURNING platform, redeemed_by, redeemer_id",
    )
    .bind(issuer_id)
    .bind(room_id)
    .bind(now.0)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(code) = code else {
        return Ok(Linked::NoCode);
    };
    let redeemer: Option<String> = code.try_get("redeemer_id")?;
    let account: Option<String> = code.try_get("redeemed_by")?;
    let (Some(redeemer), Some(account)) = (redeemer, account) else {
        return Ok(Linked::NotRedeemed);
    };
    let owner = sqlx::query(
        "SELECT i.person_id, p.granted, q.granted AS granted_to_issuer
         FROM identities i JOIN persons p ON p.id = i.person_id JOIN persons q ON q.id = $3
         WHERE i.platform = $1 AND i.external_id = $2",
    )
    .bind(code.try_get::<String, _>("platform")?)
    .bind(&account)
    .bind(issuer_id)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(owner) = owner else {
        return Ok(Linked::Changed);
    };
    if redeemer != from || owner.try_get::<String, _>("person_id")? != redeemer {
        return Ok(Linked::Changed);
    }
    if owner.try_get::<i64, _>("granted")? > floor.max(owner.try_get("granted_to_issuer")?) {
        return Ok(Linked::MoreTrusted);
    }
    merge(transaction, from, issuer_id, now).await?;
    Ok(Linked::Done { from: from.to_owned() })
}

/// Nobody writes for either of them until the transaction ends: what `from` said meanwhile would go with `from`, and two
/// who take each other in would wait for each other. Cards first, because whoever decides one then writes of a person.
async fn hold_both(transaction: &mut Transaction<'_, Any>, from: &str, into: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE approvals SET need = need WHERE requester_id = $1")
        .bind(from)
        .execute(&mut **transaction)
        .await?;
    let both = format!(
        "SELECT id FROM persons WHERE id IN ($1, $2) ORDER BY id{}",
        Engine::of(transaction).for_update()
    );
    sqlx::query(AssertSqlSafe(both))
        .bind(from)
        .bind(into)
        .fetch_all(&mut **transaction)
        .await
        .map(drop)
}

/// Everything of `from` becomes `into`'s. The rows that refer to a person go first: a message goes with its author.
async fn merge(transaction: &mut Transaction<'_, Any>, from: &str, into: &str, now: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE identities SET person_id = $2, linked_at = $3 WHERE person_id = $1")
        .bind(from)
        .bind(into)
        .bind(now.0)
        .execute(&mut **transaction)
        .await?;
    for statement in MOVES {
        sqlx::query(statement)
            .bind(from)
            .bind(into)
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query("DELETE FROM persons WHERE id = $1")
        .bind(from)
        .execute(&mut **transaction)
        .await
        .map(drop)
}
