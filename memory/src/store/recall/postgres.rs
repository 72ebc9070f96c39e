//! What only `PostgreSQL` does: a row for each word of an entry, lists as one parameter, and many rows as one.
//!
//! A statement has the same text whatever is asked, so that it is planned once for each connection.

use sqlx::AnyConnection;

use super::full_text::{MOST_KEYS, list};

pub(super) async fn put(connection: &mut AnyConnection, words: &[(i64, &str)]) -> sqlx::Result<()> {
    let lines: Vec<&str> = words.iter().map(|(_, words)| *words).collect();
    sqlx::query(
        "INSERT INTO recall_words (word, key) SELECT DISTINCT w.word, e.key
         FROM unnest(string_to_array($1, ',')::BIGINT[], string_to_array($2, chr(10))) AS e (key, words)
           CROSS JOIN unnest(string_to_array(e.words, ' ')) AS w (word)",
    )
    .bind(list(words.iter().map(|(key, _)| *key)))
    .bind(lines.join("\n"))
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn fill(connection: &mut AnyConnection) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO recall_words (word, key) SELECT DISTINCT word, key FROM recall_entries, unnest(string_to_array(words, ' ')) AS word")
        .execute(connection)
        .await
        .map(drop)
}

/// Each word is looked up in each range from its end. The keys come as they are found, the newest first: to sort them once
/// more is a third of the time.
pub(super) async fn postings(
    connection: &mut AnyConnection,
    words: &[String],
    ranges: &[(i64, i64)],
) -> sqlx::Result<Option<String>> {
    let (first, last) = ends(ranges);
    sqlx::query_scalar(
        "SELECT string_agg((w.at - 1) || ' ' || f.keys, chr(10))
         FROM unnest(string_to_array($1, ' ')) WITH ORDINALITY AS w (word, at)
           CROSS JOIN unnest(string_to_array($2, ',')::BIGINT[], string_to_array($3, ',')::BIGINT[]) AS r (first, last)
           CROSS JOIN LATERAL (SELECT string_agg(n.key::TEXT, ',') AS keys FROM (
             SELECT x.key FROM recall_words x WHERE x.word = w.word AND x.key BETWEEN r.first AND r.last
             ORDER BY x.key DESC LIMIT $4) AS n) AS f
         WHERE f.keys IS NOT NULL",
    )
    .bind(words.join(" "))
    .bind(first)
    .bind(last)
    .bind(i64::try_from(MOST_KEYS).unwrap_or(i64::MAX))
    .fetch_one(connection)
    .await
}

/// The limit is never reached. With it, each range is looked up by itself, however many the planner expects.
pub(super) async fn entries(connection: &mut AnyConnection, ranges: &[(i64, i64)]) -> sqlx::Result<Option<String>> {
    let (first, last) = ends(ranges);
    sqlx::query_scalar(
        "SELECT string_agg(e.key || ' ' || e.asks || ' ' || e.at || chr(10) || e.author || chr(10) || e.words, chr(10))
         FROM unnest(string_to_array($1, ',')::BIGINT[], string_to_array($2, ',')::BIGINT[]) AS r (first, last)
           CROSS JOIN LATERAL (SELECT x.key, x.asks, x.at, x.author, x.words FROM recall_entries x
             WHERE x.key BETWEEN r.first AND r.last ORDER BY x.key LIMIT 1000000) AS e",
    )
    .bind(first)
    .bind(last)
    .fetch_one(connection)
    .await
}

pub(super) async fn vectors(connection: &mut AnyConnection, space: &str, keys: &[i64]) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT string_agg(key || ' ' || encode(vector, 'hex'), chr(10)) FROM recall_vectors
         WHERE space = $1 AND key = ANY (string_to_array($2, ',')::BIGINT[])",
    )
    .bind(space)
    .bind(list(keys.iter().copied()))
    .fetch_one(connection)
    .await
}

/// The first keys of all ranges, and the last ones, as the text of an array each.
fn ends(ranges: &[(i64, i64)]) -> (String, String) {
    (
        list(ranges.iter().map(|(first, _)| *first)),
        list(ranges.iter().map(|(_, last)| *last)),
    )
}
