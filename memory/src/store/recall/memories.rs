//! Facts that are remembered: kept, replaced, listed, forgotten.

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::super::error::{Named, tried};
use super::super::{Result, Store, row};
use super::write::{Entry, audience, count, hold_index, put};
use super::{full_text, key};
use crate::recall::{Audience, Kept, Memory, NEIGHBOURS, Remembered, Scope, Whose};

/// Memories have no neighbours.
const APART: i64 = 2 * NEIGHBOURS + 2;
/// Facts that hold of one author. Who has more says nothing that anybody finds.
const MOST_OF_AN_AUTHOR: i64 = 5_000;

/// A fact and those that it took the place of.
const WITH_FORMER: &str = "WITH RECURSIVE former (id) AS (SELECT id FROM memories WHERE id = $1
     UNION SELECT m.id FROM memories m JOIN former f ON m.superseded_by = f.id)";

impl Store {
    /// Keeps a fact and makes it findable.
    pub async fn remember(&self, memory: &Memory) -> Result<()> {
        tried(Named("remember", &memory.id), async {
            let mut transaction = self.write.begin().await?;
            hold_index(&mut transaction, "").await?;
            insert(&mut transaction, memory).await?;
            transaction.commit().await
        })
        .await
    }

    /// Keeps a fact unless it is kept already; with `replaces`, another one of the same author and audience ends with it.
    pub async fn keep_memory(&self, memory: &Memory, replaces: Option<&str>) -> Result<Kept> {
        tried(Named("remember", &memory.id), async {
            let mut transaction = self.write.begin().await?;
            hold_index(&mut transaction, "").await?;
            let kept = keep(&mut transaction, memory, replaces).await?;
            if kept == Kept::New {
                transaction.commit().await?;
            } else {
                transaction.rollback().await?;
            }
            Ok(kept)
        })
        .await
    }

    /// Facts that hold, the newest first. `ending` is the end of an id.
    pub async fn memories(
        &self,
        whose: Whose<'_>,
        scope: &Scope,
        ending: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Remembered>> {
        let (person, rule) = match whose {
            Whose::Person(person) => (person, "m.author_id = $1 OR (m.subject_id = $1 AND {here})"),
            Whose::PersonHere(person) => (person, "(m.author_id = $1 OR m.subject_id = $1) AND {here}"),
            Whose::House(person) => (
                person,
                "m.author_id = $1 OR m.audience = 'owner' OR (m.subject_id = $1 AND {here})",
            ),
        };
        let mut places: Vec<String> = (0..scope.audiences.len())
            .map(|at| format!("(${}, ${})", 2 * at + 4, 2 * at + 5))
            .collect();
        if places.is_empty() {
            // Nobody has such an audience.
            places.push("('', '')".to_owned());
        }
        let here = format!("(m.audience, m.whose) IN (VALUES {})", places.join(", "));
        let sql = format!(
            "SELECT m.id, m.subject_id, m.author_id, m.audience, m.whose, m.text, m.source_message, m.author_trust,
               m.valid_from, s.display AS subject, a.display AS author
             FROM memories m LEFT JOIN persons s ON s.id = m.subject_id LEFT JOIN persons a ON a.id = m.author_id
             WHERE m.valid_to IS NULL AND m.id LIKE $2 AND ({}) ORDER BY m.id DESC LIMIT $3",
            rule.replace("{here}", &here)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(person)
            .bind(like(ending))
            .bind(limit.max(0));
        for (audience, whose) in &scope.audiences {
            query = query.bind(audience.as_str()).bind(whose);
        }
        tried("list memories", async {
            row::all(&query.fetch_all(&self.read).await?, remembered)
        })
        .await
    }

    /// Deletes a fact with all that it took the place of. `false` when there is none.
    pub async fn forget_memory(&self, id: &str) -> Result<bool> {
        tried(Named("forget memory", id), async {
            let mut transaction = self.write.begin().await?;
            hold_index(&mut transaction, "").await?;
            unindex(&mut transaction, id).await?;
            let sql = format!("{WITH_FORMER} DELETE FROM memories WHERE id IN (SELECT id FROM former)");
            let gone = sqlx::query(AssertSqlSafe(sql))
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(gone.rows_affected() > 0)
        })
        .await
    }

    /// Whether something may be learned of a person by itself. Of somebody unknown nothing may.
    pub async fn is_remembered(&self, person_id: &str) -> Result<bool> {
        let query = sqlx::query("SELECT remembered FROM persons WHERE id = $1").bind(person_id);
        tried(Named("read the wish of person", person_id), async {
            let found = query.fetch_optional(&self.read).await?;
            Ok(found.map(|found| row::flag(&found, "remembered")).transpose()? == Some(true))
        })
        .await
    }

    /// Writes down whether something may be learned of a person. `false` when there is no such person.
    pub async fn set_remembered(&self, person_id: &str, remembered: bool) -> Result<bool> {
        let query = sqlx::query("UPDATE persons SET remembered = $2 WHERE id = $1")
            .bind(person_id)
            .bind(i64::from(remembered));
        tried(Named("write down the wish of person", person_id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }
}

async fn keep(transaction: &mut Transaction<'_, Any>, memory: &Memory, replaces: Option<&str>) -> sqlx::Result<Kept> {
    let same = sqlx::query(
        "SELECT 1 FROM memories
         WHERE author_id = $1 AND audience = $2 AND whose = $3 AND text = $4 AND valid_to IS NULL LIMIT 1",
    )
    .bind(&memory.author_id)
    .bind(memory.audience.as_str())
    .bind(&memory.whose)
    .bind(&memory.text)
    .fetch_optional(&mut **transaction)
    .await?;
    if same.is_some() {
        return Ok(Kept::Known);
    }
    let of_author: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM memories WHERE author_id = $1 AND valid_to IS NULL")
        .bind(&memory.author_id)
        .fetch_one(&mut **transaction)
        .await?;
    if of_author >= MOST_OF_AN_AUTHOR && replaces.is_none() {
        return Ok(Kept::Full);
    }
    insert(transaction, memory).await?;
    let Some(old) = replaces else {
        return Ok(Kept::New);
    };
    let ended = sqlx::query(
        "UPDATE memories SET valid_to = $2, superseded_by = $3
         WHERE id = $1 AND valid_to IS NULL AND author_id = $4 AND audience = $5 AND whose = $6",
    )
    .bind(old)
    .bind(memory.at.0)
    .bind(&memory.id)
    .bind(&memory.author_id)
    .bind(memory.audience.as_str())
    .bind(&memory.whose)
    .execute(&mut **transaction)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(Kept::NothingToReplace);
    }
    unindex(transaction, old).await?;
    Ok(Kept::New)
}

async fn insert(transaction: &mut Transaction<'_, Any>, memory: &Memory) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO memories (id, subject_id, author_id, audience, whose, text, source_message, author_trust,
           valid_from, valid_to, superseded_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)",
    )
    .bind(&memory.id)
    .bind(&memory.subject_id)
    .bind(&memory.author_id)
    .bind(memory.audience.as_str())
    .bind(&memory.whose)
    .bind(&*row::kept(&memory.text))
    .bind(&memory.source_message)
    .bind(memory.author_trust)
    .bind(memory.at.0)
    .execute(&mut **transaction)
    .await?;
    let author: Option<String> = sqlx::query_scalar("SELECT display FROM persons WHERE id = $1")
        .bind(&memory.author_id)
        .fetch_optional(&mut **transaction)
        .await?;
    let number = audience(transaction, memory.audience, &memory.whose).await?;
    let entry = Entry::of(author.as_deref(), &memory.text);
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(key) FROM recall_entries WHERE key >= $1 AND key < $2")
        .bind(key::first_of_thread(number, 0))
        .bind(key::first_of_thread(number, 1))
        .fetch_one(&mut **transaction)
        .await?;
    let next = last.map_or_else(|| key::first_of_thread(number, 0), |last| last + APART);
    if next < key::first_of_thread(number, 1) {
        put(transaction, next, (None, Some(&memory.id)), &entry, memory.at).await?;
        full_text::put(transaction, &[(next, &entry.words)]).await?;
        count(transaction, number, 1, entry.length).await?;
    }
    Ok(())
}

/// What no longer holds is not found, and takes the place of nothing that does.
async fn unindex(transaction: &mut Transaction<'_, Any>, id: &str) -> sqlx::Result<()> {
    let gone = sqlx::query("DELETE FROM recall_entries WHERE memory_id = $1 RETURNING key, words")
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(gone) = gone else { return Ok(()) };
    let key: i64 = gone.try_get("key")?;
    let words: &str = gone.try_get("words")?;
    let length = i64::try_from(words.split(' ').count()).unwrap_or(i64::MAX);
    count(transaction, key >> key::AUDIENCE_SHIFT, -1, -length).await
}

/// A pattern for ids that end so. Ids have no `%` and no `_`, and neither has what is looked for.
fn like(ending: Option<&str>) -> String {
    let letters: String = ending
        .unwrap_or_default()
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .collect();
    format!("%{}", letters.to_ascii_lowercase())
}

fn remembered(row: &AnyRow) -> sqlx::Result<Remembered> {
    Ok(Remembered {
        memory: Memory {
            id: row.try_get("id")?,
            subject_id: row.try_get("subject_id")?,
            author_id: row.try_get("author_id")?,
            audience: row::word(row, "audience", &Audience::ALL, Audience::as_str)?,
            whose: row.try_get("whose")?,
            text: row.try_get("text")?,
            source_message: row.try_get("source_message")?,
            author_trust: row.try_get("author_trust")?,
            at: row::millis(row, "valid_from")?,
        },
        subject: row.try_get("subject")?,
        author: row.try_get("author")?,
    })
}
