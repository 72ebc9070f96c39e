//! What only `SQLite` does: FTS5 by stems and without texts, and many rows as one.

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::full_text::{MOST_KEYS, list};

/// The end of a line is in none of the texts that are put together here: a row each is work for two threads.
const LINE: &str = "char(10)";

pub(super) async fn put(connection: &mut AnyConnection, words: &[(i64, &str)]) -> sqlx::Result<()> {
    for (key, words) in words {
        let tokens: Vec<String> = words.split_ascii_whitespace().map(token).collect();
        sqlx::query("INSERT INTO recall_words (rowid, words) VALUES ($1, $2)")
            .bind(*key)
            .bind(tokens.join(" "))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn fill(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let mut after = i64::MIN;
    loop {
        let page = sqlx::query("SELECT key, words FROM recall_entries WHERE key > $1 ORDER BY key LIMIT 1000")
            .bind(after)
            .fetch_all(&mut *connection)
            .await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut words = Vec::with_capacity(page.len());
        for row in &page {
            after = row.try_get("key")?;
            words.push((after, row.try_get("words")?));
        }
        put(connection, &words).await?;
    }
}

pub(super) async fn postings(
    connection: &mut AnyConnection,
    words: &[String],
    ranges: &[(i64, i64)],
) -> sqlx::Result<Option<String>> {
    let parts: Vec<String> = (0..words.len())
        .flat_map(|at| ranges.iter().map(move |range| part(at, *range)))
        .collect();
    let sql = format!("SELECT group_concat(line, {LINE}) FROM ({})", parts.join(" UNION ALL "));
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    for word in words {
        query = query.bind(format!("\"{}\"", token(word)));
    }
    query.fetch_one(connection).await
}

/// One line. The numbers are ours; a word is a parameter, which the text may name more than once.
fn part(at: usize, (first, last): (i64, i64)) -> String {
    format!(
        "SELECT '{at} ' || group_concat(key) AS line FROM (SELECT rowid AS key FROM recall_words
           WHERE recall_words MATCH ${} AND rowid BETWEEN {first} AND {last} ORDER BY rowid DESC LIMIT {MOST_KEYS})",
        at + 1
    )
}

pub(super) async fn entries(connection: &mut AnyConnection, ranges: &[(i64, i64)]) -> sqlx::Result<Option<String>> {
    let values: Vec<String> = ranges
        .iter()
        .map(|(first, last)| format!("({first}, {last})"))
        .collect();
    let sql = format!(
        "SELECT group_concat(e.key || ' ' || e.asks || ' ' || e.at || {LINE} || e.author || {LINE} || e.words, {LINE})
         FROM (VALUES {}) AS r JOIN recall_entries e ON e.key BETWEEN r.column1 AND r.column2",
        values.join(", ")
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await
}

pub(super) async fn vectors(connection: &mut AnyConnection, space: &str, keys: &[i64]) -> sqlx::Result<Option<String>> {
    let sql = format!(
        "SELECT group_concat(key || ' ' || hex(vector), {LINE}) FROM recall_vectors WHERE space = $1 AND key IN ({})",
        list(keys.iter().copied())
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(space)
        .fetch_one(connection)
        .await
}

/// A word as the tokenizer takes it whole: it knows the letters and digits of ASCII alone.
fn token(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        word.to_owned()
    } else {
        format!("u{}", hex::encode(word))
    }
}
