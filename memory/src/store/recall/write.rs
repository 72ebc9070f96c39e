//! Entries for what was said and for what is remembered.

use std::collections::HashMap;

use jarvis_gateway::clock::Millis;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row, Transaction};

use super::super::error::tried;
use super::super::{Result, Store, row};
use super::{full_text, key};
use crate::recall::{Audience, words};
use crate::records::Room;

/// How long before the newest message that was looked at another one may have been made that was stored later.
const LATE: i64 = 60_000;

impl Store {
    /// Makes the messages after the id `after` findable, at most `limit` of them in one transaction, and says where to go
    /// on; `None` when there is nothing left. Without `after` it begins shortly before where it stopped last.
    ///
    /// What people and Jarvis said is indexed, each message once. Events and empty messages are passed over.
    pub async fn index_messages(&self, after: Option<&str>, limit: i64) -> Result<Option<String>> {
        tried("index messages", async {
            let after = match after {
                Some(after) => after.to_owned(),
                None => self.indexed_upto().await?,
            };
            let said = self.not_indexed(&after, limit).await?;
            let Some(last) = said.last() else { return Ok(None) };
            let mut transaction = self.write.begin().await?;
            hold_index(&mut transaction, &last.id).await?;
            let mut batch = Batch::default();
            for said in &said {
                enter(&mut transaction, said, &mut batch).await?;
            }
            batch.write(&mut transaction).await?;
            let last = last.id.clone();
            transaction.commit().await?;
            Ok(Some(last))
        })
        .await
    }

    /// No message is newer than the newest one that was looked at.
    pub async fn is_indexed(&self) -> Result<bool> {
        let newer =
            sqlx::query("SELECT 1 FROM messages WHERE id > (SELECT upto FROM recall_progress WHERE one = 1) LIMIT 1");
        tried("look for new messages", async {
            Ok(newer.fetch_optional(&self.read).await?.is_none())
        })
        .await
    }

    /// Names the newest of what can be found: another name when something came in.
    pub async fn newest_findable(&self) -> Result<String> {
        let query = sqlx::query_scalar(
            "SELECT upto || ' ' || COALESCE((SELECT MAX(id) FROM memories), '') FROM recall_progress WHERE one = 1",
        );
        tried("look for the newest entry", query.fetch_one(&self.read)).await
    }

    async fn indexed_upto(&self) -> sqlx::Result<String> {
        let upto: String = sqlx::query_scalar("SELECT upto FROM recall_progress WHERE one = 1")
            .fetch_one(&self.read)
            .await?;
        Ok(shortly_before(&upto))
    }

    async fn not_indexed(&self, after: &str, limit: i64) -> sqlx::Result<Vec<Said>> {
        let rows = sqlx::query(
            "SELECT m.id, m.conversation_id, m.role, m.text, m.created_at, p.display,
               r.id AS room, r.platform, r.public, r.direct, r.server_id,
               (SELECT MAX(o.person_id) FROM room_conversations o WHERE o.conversation_id = m.conversation_id) AS whose
             FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN rooms r ON r.id = c.room_id
             LEFT JOIN persons p ON p.id = m.person_id
             WHERE m.id > $1 AND NOT EXISTS (SELECT 1 FROM recall_entries e WHERE e.message_id = m.id)
             ORDER BY m.id LIMIT $2",
        )
        .bind(after)
        .bind(limit.max(1))
        .fetch_all(&self.read)
        .await?;
        row::all(&rows, Said::read)
    }
}

/// Everybody who gives out numbers and keys of the index comes through here first, and so does it alone. What was looked at
/// reaches to the message `upto` now, if that is newer.
pub(in crate::store) async fn hold_index(transaction: &mut Transaction<'_, Any>, upto: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE recall_progress SET upto = CASE WHEN upto < $1 THEN $1 ELSE upto END WHERE one = 1")
        .bind(upto)
        .execute(&mut **transaction)
        .await
        .map(drop)
}

/// The id that a message had a moment before the one with this id.
fn shortly_before(id: &str) -> String {
    let digits: String = id.chars().filter(|letter| *letter != '-').take(12).collect();
    let Ok(millis) = i64::from_str_radix(&digits, 16) else {
        return String::new();
    };
    let digits = format!("{:012x}", (millis - LATE).max(0));
    let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{high}-{low}")
}

/// A message, and where it was said.
struct Said {
    id: String,
    conversation_id: String,
    is_talk: bool,
    text: String,
    at: Millis,
    author: Option<String>,
    audience: Audience,
    whose: String,
}

impl Said {
    fn read(row: &AnyRow) -> sqlx::Result<Self> {
        let room = Room {
            id: row.try_get("room")?,
            platform: row.try_get("platform")?,
            external_id: String::new(),
            ceiling: 0,
            public: row::flag(row, "public")?,
            server_id: row.try_get("server_id")?,
            direct: row::flag(row, "direct")?,
        };
        let person: Option<String> = row.try_get("whose")?;
        let (audience, whose) = Audience::of_room(&room, person.as_deref().filter(|person| !person.is_empty()));
        let role: &str = row.try_get("role")?;
        Ok(Self {
            id: row.try_get("id")?,
            conversation_id: row.try_get("conversation_id")?,
            is_talk: role != "event",
            text: row.try_get("text")?,
            at: row::millis(row, "created_at")?,
            author: row.try_get("display")?,
            audience,
            whose,
        })
    }
}

/// A text as it is looked for.
pub(super) struct Entry {
    author: String,
    pub(super) words: String,
    pub(super) length: i64,
    asks: bool,
}

impl Entry {
    pub(super) fn of(author: Option<&str>, text: &str) -> Self {
        let author = author.map(words).unwrap_or_default();
        let all: Vec<String> = author.iter().cloned().chain(words(text)).collect();
        Self {
            author: author.join(" "),
            length: i64::try_from(all.len()).unwrap_or(i64::MAX),
            words: all.join(" "),
            asks: text.trim_end().ends_with('?'),
        }
    }
}

/// What is written once for all messages of a batch.
#[derive(Default)]
struct Batch<'a> {
    /// The next key of each conversation.
    next: HashMap<&'a str, i64>,
    /// Entries and their words, by the number of the audience.
    added: HashMap<i64, (i64, i64)>,
    /// By the keys of the entries.
    words: Vec<(i64, String)>,
}

impl Batch<'_> {
    async fn write(self, transaction: &mut Transaction<'_, Any>) -> sqlx::Result<()> {
        let words: Vec<(i64, &str)> = self.words.iter().map(|(key, words)| (*key, words.as_str())).collect();
        full_text::put(transaction, &words).await?;
        for (conversation, next) in self.next {
            sqlx::query("UPDATE recall_threads SET next = $2 WHERE conversation_id = $1")
                .bind(conversation)
                .bind(next)
                .execute(&mut **transaction)
                .await?;
        }
        for (number, (entries, words)) in self.added {
            count(transaction, number, entries, words).await?;
        }
        Ok(())
    }
}

async fn enter<'a>(transaction: &mut Transaction<'_, Any>, said: &'a Said, batch: &mut Batch<'a>) -> sqlx::Result<()> {
    let entry = Entry::of(said.author.as_deref(), &said.text);
    if !said.is_talk || entry.words == entry.author {
        return Ok(());
    }
    let next = match batch.next.get(said.conversation_id.as_str()) {
        Some(next) => Some(*next),
        None => place_of(transaction, said).await?,
    };
    let Some(key) = next.filter(|next| key::place(*next) < key::MOST_PLACES - 1) else {
        return Ok(());
    };
    // Not when another Jarvis was faster.
    if put(transaction, key, (Some(&said.id), None), &entry, said.at).await? {
        batch.next.insert(&said.conversation_id, key + 1);
        let added = batch.added.entry(key >> key::AUDIENCE_SHIFT).or_default();
        added.0 += 1;
        added.1 += entry.length;
        batch.words.push((key, entry.words));
    }
    Ok(())
}

/// The key of the next entry of a conversation; `None` when no more fit.
async fn place_of(transaction: &mut Transaction<'_, Any>, said: &Said) -> sqlx::Result<Option<i64>> {
    let next: Option<i64> = sqlx::query_scalar("SELECT next FROM recall_threads WHERE conversation_id = $1")
        .bind(&said.conversation_id)
        .fetch_optional(&mut **transaction)
        .await?;
    if next.is_some() {
        return Ok(next);
    }
    let number = audience(transaction, said.audience, &said.whose).await?;
    let thread: i64 =
        sqlx::query_scalar("UPDATE recall_audiences SET threads = threads + 1 WHERE number = $1 RETURNING threads")
            .bind(number)
            .fetch_one(&mut **transaction)
            .await?;
    if thread >= key::MOST_THREADS {
        return Ok(None);
    }
    let first = key::first_of_thread(number, thread);
    sqlx::query("INSERT INTO recall_threads (conversation_id, next) VALUES ($1, $2)")
        .bind(&said.conversation_id)
        .bind(first)
        .execute(&mut **transaction)
        .await?;
    Ok(Some(first))
}

/// The number of an audience, made when there is none.
pub(super) async fn audience(connection: &mut AnyConnection, audience: Audience, whose: &str) -> sqlx::Result<i64> {
    let find = "SELECT MIN(number) FROM recall_audiences WHERE audience = $1 AND whose = $2";
    let found: Option<i64> = sqlx::query_scalar(find)
        .bind(audience.as_str())
        .bind(whose)
        .fetch_one(&mut *connection)
        .await?;
    if let Some(number) = found {
        return Ok(number);
    }
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(number) FROM recall_audiences")
        .fetch_one(&mut *connection)
        .await?;
    let number = last.unwrap_or(0) + 1;
    if number >= key::MOST_AUDIENCES {
        return Err(sqlx::Error::Protocol(
            "there are as many audiences as keys can tell apart".into(),
        ));
    }
    sqlx::query(
        "INSERT INTO recall_audiences (number, audience, whose, threads, entries, words) VALUES ($1, $2, $3, 0, 0, 0)",
    )
    .bind(number)
    .bind(audience.as_str())
    .bind(whose)
    .execute(connection)
    .await?;
    Ok(number)
}

/// Without its words. `false` when there is an entry already.
pub(super) async fn put(
    connection: &mut AnyConnection,
    key: i64,
    (message, memory): (Option<&str>, Option<&str>),
    entry: &Entry,
    at: Millis,
) -> sqlx::Result<bool> {
    let put = sqlx::query(
        "INSERT INTO recall_entries (key, message_id, memory_id, author, words, asks, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message_id) DO NOTHING",
    )
    .bind(key)
    .bind(message)
    .bind(memory)
    .bind(&entry.author)
    .bind(&entry.words)
    .bind(i64::from(entry.asks))
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(put.rows_affected() == 1)
}

pub(super) async fn count(connection: &mut AnyConnection, number: i64, entries: i64, words: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE recall_audiences SET entries = entries + $2, words = words + $3 WHERE number = $1")
        .bind(number)
        .bind(entries)
        .bind(words)
        .execute(connection)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_late_is_looked_at_again() {
        let check = |id: &str, expect: &str| assert_eq!(shortly_before(id), expect, "{id}");
        check("", "");
        check("not an id", "");
        check("0199aa00-0000-7000-8000-000000000000", "0199a9ff-15a0");
        check("00000000-0000-7000-8000-000000000000", "00000000-0000");
    }
}
