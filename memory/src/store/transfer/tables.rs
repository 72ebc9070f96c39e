//! What is moved, and how a table looks.

use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::super::engine::Engine;
use super::super::row;
use super::line::{Column, Kind};

/// A table, by the columns of its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    /// A column that refers to another row of the same table, which may come later.
    pub(super) own: Option<&'static str>,
}

const fn table(name: &'static str, key: &'static str) -> Table {
    Table { name, key, own: None }
}

const fn within(name: &'static str, key: &'static str, own: &'static str) -> Table {
    Table {
        name,
        key,
        own: Some(own),
    }
}

/// Those that others refer to come first. A new table stands here, or in [`MADE_ANEW`].
pub(super) const TABLES: [Table; 34] = [
    table("persons", "id"),
    table("rooms", "id"),
    table("identities", "platform, external_id"),
    table("conversations", "id"),
    table("room_conversations", "room_id, person_id"),
    table("link_codes", "hash"),
    table("link_tries", "platform, external_id"),
    within("runs", "id", "parent_id"),
    table("messages", "id"),
    table("tool_calls", "id"),
    table("approvals", "id"),
    table("approval_votes", "approval_id, person_id"),
    table("audit", "id"),
    table("audit_head", "one"),
    table("api_keys", "id"),
    table("usage_attempts", "id"),
    table("spending", "day, key_id"),
    table("responses", "id"),
    table("deliveries", "id"),
    table("grants", "id"),
    table("switches", "name"),
    table("kept_results", "id"),
    table("jobs", "id"),
    table("job_runs", "job_id, due"),
    table("mcp_pins", "server, tool"),
    within("memories", "id", "superseded_by"),
    table("forgotten", "platform, id_hash"),
    table("forgotten_salt", "one"),
    table("forget_wishes", "person_id"),
    table("recall_audiences", "number"),
    table("recall_threads", "conversation_id"),
    table("recall_entries", "key"),
    table("recall_vectors", "space, key"),
    table("recall_progress", "one"),
];

/// Tables whose rows follow from those of others, or from who lives.
#[cfg(test)]
const MADE_ANEW: [&str; 4] = ["_sqlx_migrations", "instances", "leases", "recall_words"];

impl Table {
    /// A table of one row that is there from the beginning.
    pub(super) fn is_single(&self) -> bool {
        self.key == "one"
    }

    /// The columns that it has in this database, by name, so that their order is the same everywhere.
    pub(super) async fn columns(&self, connection: &mut AnyConnection) -> sqlx::Result<Vec<Column>> {
        let sql = match Engine::of(connection) {
            Engine::Sqlite => "SELECT name, type AS kind FROM pragma_table_info($1) ORDER BY name",
            Engine::Postgres => {
                "SELECT column_name::TEXT AS name, data_type::TEXT AS kind FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = $1 ORDER BY column_name COLLATE \"C\""
            }
        };
        let rows = sqlx::query(sql).bind(self.name).fetch_all(connection).await?;
        row::all(&rows, |row| {
            let kind: &str = row.try_get("kind")?;
            Ok(Column {
                name: row.try_get("name")?,
                kind: match kind {
                    "INTEGER" | "bigint" => Kind::Number,
                    "BLOB" | "bytea" => Kind::Bytes,
                    _ => Kind::Text,
                },
            })
        })
    }

    /// All rows, in the order of their key.
    pub(super) fn select(&self, columns: &[Column]) -> AssertSqlSafe<String> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        AssertSqlSafe(format!(
            "SELECT {} FROM {} ORDER BY {}",
            names.join(", "),
            self.name,
            self.key
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::Store;
    use super::*;

    #[tokio::test]
    async fn every_table_is_moved_or_made_anew() {
        let store = Store::temporary().await.unwrap();
        let there = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'
             AND name NOT GLOB 'recall_words_*'";
        let there: BTreeSet<String> = store.texts_raw(there).await.unwrap().into_iter().collect();
        let known: BTreeSet<String> = TABLES
            .iter()
            .map(|table| table.name)
            .chain(MADE_ANEW)
            .map(str::to_owned)
            .collect();
        assert_eq!(there, known);
    }
}
