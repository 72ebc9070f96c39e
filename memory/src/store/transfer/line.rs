//! The lines of the file.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::row;

/// How the lines are to be read. Another number is another program's.
pub(super) const FORMAT: u32 = 1;

/// Everything but rows, which are JSON lists.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Mark {
    /// The first line.
    JarvisExport { format: u32, migration: i64 },
    /// Before the rows of a table.
    Table { name: String, columns: Vec<Column> },
    /// After them.
    Rows(Moved),
    /// The last line.
    End { tables: usize },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Number,
    Text,
    /// In hexadecimal digits.
    Bytes,
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    pub table: String,
    pub rows: u64,
    /// Over the lines of all rows, in hexadecimal digits.
    pub sha256: String,
}

/// Counts rows and hashes their lines.
#[derive(Default)]
pub(super) struct Tally {
    rows: u64,
    hash: Sha256,
}

impl Tally {
    pub(super) fn add(&mut self, line: &str) {
        self.rows += 1;
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
    }

    pub(super) fn of(self, table: &str) -> Moved {
        Moved {
            table: table.to_owned(),
            rows: self.rows,
            sha256: hex::encode(self.hash.finalize()),
        }
    }
}

/// A row as its line.
pub(super) fn write(row: &AnyRow, columns: &[Column]) -> sqlx::Result<String> {
    let mut values = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        values.push(match column.kind {
            Kind::Number => row.try_get::<Option<i64>, _>(at)?.map(Value::from),
            Kind::Text => row.try_get::<Option<String>, _>(at)?.map(Value::from),
            Kind::Bytes => row
                .try_get::<Option<Vec<u8>>, _>(at)?
                .map(|bytes| Value::from(hex::encode(bytes))),
        });
    }
    serde_json::to_string(&values).map_err(|error| row::unreadable("a row", error))
}
