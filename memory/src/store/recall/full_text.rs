//! What only `SQLite` does: FTS5 by stems and without texts, and many rows as one.
//!
//! `PostgreSQL` has the same to offer: an array of the tokens under a GIN index, and `string_agg`.

use jarvis_gateway::clock::Millis;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::super::row;
use super::key;
use crate::recall::{Entry, Posting, Vector};

/// Keys of one word that are read from one range, the newest. More say little about what is wanted and take time.
const MOST_KEYS: usize = 1_000;
/// The end of a line is in none of the texts that are put together here: a row each is work for two threads.
const LINE: &str = "char(10)";

/// Writes the words of an entry, which has none yet.
pub(super) async fn put(connection: &mut AnyConnection, key: i64, words: &str) -> sqlx::Result<()> {
    let tokens: Vec<String> = words.split_ascii_whitespace().map(token).collect();
    sqlx::query("INSERT INTO recall_words (rowid, words) VALUES ($1, $2)")
        .bind(key)
        .bind(tokens.join(" "))
        .execute(connection)
        .await
        .map(drop)
}

/// Where each of `words` stands within the ranges of keys.
pub(super) async fn postings(
    connection: &mut AnyConnection,
    words: &[String],
    ranges: &[(i64, i64)],
) -> sqlx::Result<Vec<Posting>> {
    let mut postings = vec![Posting::default(); words.len()];
    if words.is_empty() || ranges.is_empty() {
        return Ok(postings);
    }
    let parts: Vec<String> = (0..words.len())
        .flat_map(|at| ranges.iter().map(move |range| part(at, *range)))
        .collect();
    let sql = format!("SELECT group_concat(line, {LINE}) FROM ({})", parts.join(" UNION ALL "));
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    for word in words {
        query = query.bind(format!("\"{}\"", token(word)));
    }
    let lines: Option<String> = query.fetch_one(connection).await?;
    for line in lines.unwrap_or_default().lines() {
        let (at, keys) = line.split_once(' ').unwrap_or((line, ""));
        let found: Vec<i64> = keys.split(',').filter_map(|key| key.parse().ok()).collect();
        let Some(posting) = at.parse::<usize>().ok().and_then(|at| postings.get_mut(at)) else {
            continue;
        };
        posting.holding += holding(&found);
        posting.keys.extend(found);
    }
    Ok(postings)
}

/// One line. The numbers are ours; a word is a parameter, which the text may name more than once.
fn part(at: usize, (first, last): (i64, i64)) -> String {
    format!(
        "SELECT '{at} ' || group_concat(key) AS line FROM (SELECT rowid AS key FROM recall_words
           WHERE recall_words MATCH ${} AND rowid BETWEEN {first} AND {last} ORDER BY rowid DESC LIMIT {MOST_KEYS})",
        at + 1
    )
}

/// The entries within the ranges of keys, which are apart, in the order of their keys.
pub(super) async fn entries(connection: &mut AnyConnection, ranges: &[(i64, i64)]) -> sqlx::Result<Vec<Entry>> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<String> = ranges
        .iter()
        .map(|(first, last)| format!("({first}, {last})"))
        .collect();
    let sql = format!(
        "SELECT group_concat(e.key || ' ' || e.asks || ' ' || e.at || {LINE} || e.author || {LINE} || e.words, {LINE})
         FROM (VALUES {}) AS r JOIN recall_entries e ON e.key BETWEEN r.column1 AND r.column2",
        values.join(", ")
    );
    let lines: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await?;
    let lines = lines.unwrap_or_default();
    let mut lines = lines.split('\n');
    let mut entries = Vec::new();
    while let (Some(numbers), Some(author), Some(words)) = (lines.next(), lines.next(), lines.next()) {
        let mut numbers = numbers.split(' ').map(str::parse::<i64>);
        let (Some(Ok(key)), Some(Ok(asks)), Some(Ok(at))) = (numbers.next(), numbers.next(), numbers.next()) else {
            return Err(row::unreadable("recall_entries", "a row is not as it was written"));
        };
        entries.push(Entry {
            key,
            author: author.to_owned(),
            words: words.to_owned(),
            asks: asks != 0,
            at: Millis(at),
        });
    }
    entries.sort_unstable_by_key(|entry| entry.key);
    Ok(entries)
}

/// The vectors that these entries have in a space.
pub(super) async fn vectors(
    connection: &mut AnyConnection,
    space: &str,
    keys: &[i64],
) -> sqlx::Result<Vec<(i64, Vector)>> {
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    let sql = format!(
        "SELECT group_concat(key || ' ' || hex(vector), {LINE}) FROM recall_vectors WHERE space = $1 AND key IN ({})",
        keys.join(", ")
    );
    let lines: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(space)
        .fetch_one(connection)
        .await?;
    let read = |line: &str| {
        let (key, vector) = line.split_once(' ')?;
        Some((key.parse().ok()?, Vector::from_bytes(hex::decode(vector).ok()?)))
    };
    Ok(lines.unwrap_or_default().lines().filter_map(read).collect())
}

/// How many entries hold the word, when these are the newest of them, the newest first.
#[expect(clippy::cast_precision_loss, reason = "at most 1,000")]
fn holding(found: &[i64]) -> f64 {
    let count = found.len() as f64;
    match (found.first(), found.last()) {
        (Some(newest), Some(oldest)) if found.len() == MOST_KEYS => count / key::part_after(*oldest, *newest),
        _ => count,
    }
}

/// A word as the tokenizer takes it whole: it knows the letters and digits of ASCII alone.
fn token(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        word.to_owned()
    } else {
        format!("u{}", hex::encode(word))
    }
}
