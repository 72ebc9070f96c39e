//! The statistics of what can be found, when something of it goes.

use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::key;
use super::write::count;

/// Words of an entry, which have one blank between them.
const WORDS: &str = "LENGTH(e.words) - LENGTH(REPLACE(e.words, ' ', '')) + 1";
/// Ids that one statement names.
const AT_ONCE: usize = 100;

/// Takes the entries of rows of a table out of the statistics. `of` names what of `m` goes, with `$1` for `bound`.
pub(in crate::store) async fn uncount(
    transaction: &mut Transaction<'_, Any>,
    table: &str,
    column: &str,
    of: &str,
    bound: &str,
) -> sqlx::Result<()> {
    let sql = format!(
        "SELECT e.key >> {} AS number, COUNT(*) AS entries, SUM({WORDS}) AS words
         FROM {table} m JOIN recall_entries e ON e.{column} = m.id WHERE {of} GROUP BY e.key >> {}",
        key::AUDIENCE_SHIFT,
        key::AUDIENCE_SHIFT
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(bound)
        .fetch_all(&mut **transaction)
        .await?;
    for row in rows {
        let entries: i64 = row.try_get("entries")?;
        let words: i64 = row.try_get("words")?;
        count(transaction, row.try_get("number")?, -entries, -words).await?;
    }
    Ok(())
}

/// The same for messages by their ids.
pub(in crate::store) async fn uncount_ids(transaction: &mut Transaction<'_, Any>, ids: &[String]) -> sqlx::Result<()> {
    for ids in ids.chunks(AT_ONCE) {
        let places: Vec<String> = (1..=ids.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "SELECT key >> {} AS number, COUNT(*) AS entries, SUM({WORDS}) AS words FROM recall_entries e
             WHERE message_id IN ({}) GROUP BY key >> {}",
            key::AUDIENCE_SHIFT,
            places.join(", "),
            key::AUDIENCE_SHIFT
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(id);
        }
        for row in query.fetch_all(&mut **transaction).await? {
            let entries: i64 = row.try_get("entries")?;
            let words: i64 = row.try_get("words")?;
            count(transaction, row.try_get("number")?, -entries, -words).await?;
        }
    }
    Ok(())
}
