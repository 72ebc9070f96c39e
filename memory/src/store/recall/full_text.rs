//! Words, entries and vectors, read a few statements at a time: what the engine puts together as lines is taken apart here.

use jarvis_gateway::clock::Millis;
use sqlx::AnyConnection;

use super::super::engine::Engine;
use super::super::row;
use super::{key, postgres, sqlite};
use crate::recall::{Entry, Posting, Vector};

/// Keys of one word that are read from one range, the newest. More say little about what is wanted and take time.
pub(super) const MOST_KEYS: usize = 1_000;

/// Writes the words of entries, by their keys, which have none yet.
pub(super) async fn put(connection: &mut AnyConnection, words: &[(i64, &str)]) -> sqlx::Result<()> {
    match Engine::of(connection) {
        Engine::Sqlite => sqlite::put(connection, words).await,
        Engine::Postgres => postgres::put(connection, words).await,
    }
}

/// Writes the words of all entries, of which none has any yet.
pub(in super::super) async fn fill(connection: &mut AnyConnection) -> sqlx::Result<()> {
    match Engine::of(connection) {
        Engine::Sqlite => sqlite::fill(connection).await,
        Engine::Postgres => postgres::fill(connection).await,
    }
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
    // A line for each word and range: the number of the word, and the keys.
    let lines = match Engine::of(connection) {
        Engine::Sqlite => sqlite::postings(connection, words, ranges).await?,
        Engine::Postgres => postgres::postings(connection, words, ranges).await?,
    };
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

/// The entries within the ranges of keys, which are apart, in the order of their keys.
pub(super) async fn entries(connection: &mut AnyConnection, ranges: &[(i64, i64)]) -> sqlx::Result<Vec<Entry>> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    // Three lines for each entry: its numbers, the author, the words.
    let lines = match Engine::of(connection) {
        Engine::Sqlite => sqlite::entries(connection, ranges).await?,
        Engine::Postgres => postgres::entries(connection, ranges).await?,
    };
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
    // A line for each: the key, and the vector in hexadecimal digits.
    let lines = match Engine::of(connection) {
        Engine::Sqlite => sqlite::vectors(connection, space, keys).await?,
        Engine::Postgres => postgres::vectors(connection, space, keys).await?,
    };
    let read = |line: &str| {
        let (key, vector) = line.split_once(' ')?;
        Some((key.parse().ok()?, Vector::from_bytes(hex::decode(vector).ok()?)))
    };
    Ok(lines.unwrap_or_default().lines().filter_map(read).collect())
}

/// Numbers of ours, as SQL lists them.
pub(super) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    numbers.join(", ")
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
