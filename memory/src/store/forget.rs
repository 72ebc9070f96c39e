//! Forgetting a person: everything that they said, and what came of it, in one transaction.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use sha2::{Digest, Sha256};
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::engine::Engine;
use super::error::{Named, tried};
use super::recall::{hold_index, uncount};
use super::{Result, Store, sqlite};
use crate::people::{Forget, Forgotten, Identity};

/// What is theirs of `$1`, in this order: what refers to something goes before it, and what has to be known of messages
/// and runs goes before them. A new table that holds words of a person has its line here.
const FORGETS: [&str; 12] = [
    // A summary can say what they said, and a title is how they began. Both are made anew of what stays.
    "UPDATE conversations SET title = '', summary = NULL, summary_upto = NULL, summary_tainted = 0, summary_private = 0
       WHERE id IN (SELECT conversation_id FROM messages WHERE person_id = $1
                    UNION SELECT conversation_id FROM runs WHERE person_id = $1)",
    "DELETE FROM kept_results WHERE conversation_id IN (SELECT conversation_id FROM runs WHERE person_id = $1)",
    "DELETE FROM deliveries WHERE EXISTS (SELECT 1 FROM rooms r JOIN room_conversations o ON o.room_id = r.id
       WHERE r.direct = 1 AND o.person_id = $1 AND r.platform = deliveries.platform
         AND (r.external_id = deliveries.room OR r.external_id = deliveries.shown_room))",
    // What is being done is done to its end, for nobody.
    "DELETE FROM approvals WHERE requester_id = $1 AND status NOT IN ('approved', 'executing')",
    "UPDATE approval_votes SET note = NULL WHERE person_id = $1",
    "DELETE FROM messages WHERE run_id IN (SELECT id FROM runs WHERE person_id = $1)",
    "DELETE FROM messages WHERE person_id = $1",
    "DELETE FROM runs WHERE person_id = $1",
    "DELETE FROM memories WHERE author_id = $1",
    "DELETE FROM memories WHERE subject_id = $1",
    "DELETE FROM recall_audiences WHERE audience = 'person' AND whose = $1",
    "DELETE FROM jobs WHERE person_id = $1",
];

/// Where a name stands that is no key of anything: who decided, granted, froze.
const NAMES: [&str; 3] = [
    "UPDATE approvals SET decided_by = $2 WHERE decided_by = $1",
    "UPDATE grants SET granted_by = $2 WHERE granted_by = $1",
    "UPDATE switches SET by_name = $2 WHERE by_name = $1",
];
/// Between two steps others have their turn to write.
const WIPE_PAUSE: Duration = Duration::from_millis(20);
const NOBODY: &str = "somebody who was forgotten";

/// Conversations that nobody else wrote in: direct ones, and those in the places of this machine.
const WHOLE: &str = "SELECT o.conversation_id AS id FROM room_conversations o WHERE o.person_id = $1
     UNION SELECT c.id FROM conversations c JOIN rooms r ON r.id = c.room_id
       WHERE r.platform IN ('local', 'key')
         AND c.id IN (SELECT conversation_id FROM messages WHERE person_id = $1)
         AND NOT EXISTS (SELECT 1 FROM messages m
           WHERE m.conversation_id = c.id AND m.person_id IS NOT NULL AND m.person_id <> $1)";

impl Store {
    /// Writes down that somebody wants to be forgotten, as they said in this conversation. It holds until `expires_at`.
    pub async fn wish_to_be_forgotten(&self, person_id: &str, conversation_id: &str, expires_at: Millis) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO forget_wishes (person_id, conversation_id, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (person_id) DO UPDATE SET
               conversation_id = excluded.conversation_id, expires_at = excluded.expires_at",
        )
        .bind(person_id)
        .bind(conversation_id)
        .bind(expires_at.0);
        tried(Named("write down the wish of person", person_id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// Takes the wish when it was made in this conversation and holds, once.
    pub async fn take_forget_wish(&self, person_id: &str, conversation_id: &str, now: Millis) -> Result<bool> {
        let query =
            sqlx::query("DELETE FROM forget_wishes WHERE person_id = $1 AND conversation_id = $2 AND expires_at > $3")
                .bind(person_id)
                .bind(conversation_id)
                .bind(now.0);
        tried(Named("take the wish of person", person_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// The conversations in which turns of a person run.
    pub async fn running_turns_of(&self, person_id: &str) -> Result<Vec<String>> {
        let query =
            sqlx::query_scalar("SELECT DISTINCT conversation_id FROM runs WHERE person_id = $1 AND status = 'running'");
        tried(Named("look for turns of person", person_id), async {
            query.bind(person_id).fetch_all(&self.read).await
        })
        .await
    }

    /// Forgets a person with all their accounts. `None` when there is no such person. What stays: what others wrote, and the
    /// audit, which has the number of the person.
    pub async fn forget_person(&self, forget: &Forget<'_>) -> Result<Option<Forgotten>> {
        tried(Named("forget person", forget.person_id), async {
            let mut transaction = self.write.begin().await?;
            let is_there = sqlx::query("UPDATE persons SET remembered = 0 WHERE id = $1")
                .bind(forget.person_id)
                .execute(&mut *transaction)
                .await?;
            if is_there.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(None);
            }
            hold_index(&mut transaction, "").await?;
            let forgotten = all_of(&mut transaction, forget).await?;
            transaction.commit().await?;
            Ok(Some(forgotten))
        })
        .await
    }

    /// Takes what was deleted out of parts of the database that nothing reads any more, a little at a time.
    pub async fn wipe(&self) -> Result<()> {
        tried("clean up after deleting", async {
            let mut is_first = true;
            loop {
                let mut connection = self.write.acquire().await?;
                let goes_on = match Engine::of(&connection) {
                    Engine::Sqlite => sqlite::wipe(&mut connection, is_first).await?,
                    // It vacuums by itself.
                    Engine::Postgres => false,
                };
                drop(connection);
                if !goes_on {
                    return Ok(());
                }
                is_first = false;
                tokio::time::sleep(WIPE_PAUSE).await;
            }
        })
        .await
    }

    /// When the person of this account was forgotten, if one was.
    pub async fn forgotten_at(&self, platform: &str, account: &str) -> Result<Option<Millis>> {
        tried(Named("look whether an account was forgotten on", platform), async {
            let salt: Option<String> = sqlx::query_scalar("SELECT salt FROM forgotten_salt WHERE one = 1")
                .fetch_optional(&self.read)
                .await?;
            let Some(salt) = salt else { return Ok(None) };
            let at: Option<i64> = sqlx::query_scalar("SELECT at FROM forgotten WHERE platform = $1 AND id_hash = $2")
                .bind(platform)
                .bind(hash(&salt, platform, account))
                .fetch_optional(&self.read)
                .await?;
            Ok(at.map(Millis))
        })
        .await
    }
}

async fn all_of(transaction: &mut Transaction<'_, Any>, forget: &Forget<'_>) -> sqlx::Result<Forgotten> {
    let person = forget.person_id;
    let accounts = accounts(transaction, person).await?;
    bury(transaction, &accounts, forget).await?;
    let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).bind(person.to_owned());
    let mut forgotten = Forgotten {
        accounts: accounts.len(),
        messages: count("SELECT COUNT(*) FROM messages WHERE person_id = $1")
            .fetch_one(&mut **transaction)
            .await?,
        turns: count("SELECT COUNT(*) FROM runs WHERE person_id = $1")
            .fetch_one(&mut **transaction)
            .await?,
        memories: count("SELECT COUNT(*) FROM memories WHERE author_id = $1 OR subject_id = $1")
            .fetch_one(&mut **transaction)
            .await?,
        conversations: 0,
    };
    let whole: Vec<String> = sqlx::query_scalar(WHOLE)
        .bind(person)
        .fetch_all(&mut **transaction)
        .await?;
    let rooms: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT DISTINCT r.id FROM rooms r JOIN conversations c ON c.room_id = r.id
         WHERE (r.direct = 1 OR r.platform = 'key') AND c.id IN ({WHOLE})"
    )))
    .bind(person)
    .fetch_all(&mut **transaction)
    .await?;
    let their_messages = "m.person_id = $1 OR m.run_id IN (SELECT id FROM runs WHERE person_id = $1)";
    uncount(transaction, "messages", "message_id", their_messages, person).await?;
    let their_facts = "m.author_id = $1 OR m.subject_id = $1";
    uncount(transaction, "memories", "memory_id", their_facts, person).await?;
    for statement in FORGETS {
        sqlx::query(statement).bind(person).execute(&mut **transaction).await?;
    }
    forgotten.conversations = whole.len();
    for conversation in &whole {
        // Of what is left in it, too: events, and answers to nobody.
        uncount(
            transaction,
            "messages",
            "message_id",
            "m.conversation_id = $1",
            conversation,
        )
        .await?;
        sqlx::query("DELETE FROM conversations WHERE id = $1")
            .bind(conversation)
            .execute(&mut **transaction)
            .await?;
    }
    for room in &rooms {
        let gone = sqlx::query(
            "DELETE FROM rooms WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.room_id = $1)",
        )
        .bind(room)
        .execute(&mut **transaction)
        .await?;
        if gone.rows_affected() == 1 {
            sqlx::query("DELETE FROM recall_audiences WHERE audience = 'room' AND whose = $1")
                .bind(room)
                .execute(&mut **transaction)
                .await?;
        }
    }
    for name in forget.names {
        for statement in NAMES {
            let rename = sqlx::query(statement).bind(name).bind(NOBODY);
            rename.execute(&mut **transaction).await?;
        }
    }
    // Accounts, codes, grants and wishes go with the person.
    sqlx::query("DELETE FROM persons WHERE id = $1")
        .bind(person)
        .execute(&mut **transaction)
        .await?;
    Ok(forgotten)
}

async fn accounts(transaction: &mut Transaction<'_, Any>, person: &str) -> sqlx::Result<Vec<Identity>> {
    let rows = sqlx::query("SELECT platform, external_id, handle, linked_at FROM identities WHERE person_id = $1")
        .bind(person)
        .fetch_all(&mut **transaction)
        .await?;
    super::row::all(&rows, super::identities::identity)
}

/// Tombstones of accounts, and what is kept of them without being the person's.
async fn bury(transaction: &mut Transaction<'_, Any>, accounts: &[Identity], forget: &Forget<'_>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO forgotten_salt (one, salt) VALUES (1, $1) ON CONFLICT (one) DO NOTHING")
        .bind(forget.salt)
        .execute(&mut **transaction)
        .await?;
    let salt: String = sqlx::query_scalar("SELECT salt FROM forgotten_salt WHERE one = 1")
        .fetch_one(&mut **transaction)
        .await?;
    for account in accounts {
        let tombstone = sqlx::query(
            "INSERT INTO forgotten (platform, id_hash, at) VALUES ($1, $2, $3)
             ON CONFLICT (platform, id_hash) DO UPDATE SET at = excluded.at",
        )
        .bind(&account.platform)
        .bind(hash(&salt, &account.platform, &account.account))
        .bind(forget.now.0);
        tombstone.execute(&mut **transaction).await?;
        for statement in [
            "DELETE FROM link_tries WHERE platform = $1 AND external_id = $2",
            "DELETE FROM link_codes WHERE platform = $1 AND (redeemed_by = $2 OR target = $2)",
            "DELETE FROM deliveries WHERE platform = $1 AND opens = 1 AND room = $2",
        ] {
            let gone = sqlx::query(statement).bind(&account.platform).bind(&account.account);
            gone.execute(&mut **transaction).await?;
        }
        sqlx::query("DELETE FROM link_codes WHERE platform = $1 AND target_is_id = 0 AND target = $2")
            .bind(&account.platform)
            .bind(account.handle.to_lowercase())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

fn hash(salt: &str, platform: &str, account: &str) -> String {
    hex::encode(Sha256::digest(format!("{salt}\n{platform}\n{account}")))
}
