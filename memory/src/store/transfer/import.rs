//! Into a database.

use std::io::BufRead;

use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::any::AnyArguments;
use sqlx::error::BoxDynError;
use sqlx::{Any, AnyConnection, Arguments, AssertSqlSafe, Executor, Transaction};

use super::super::engine::{Engine, Location};
use super::super::error::{Error, Named, tried};
use super::super::recall::fill_words;
use super::super::{Result, Store};
use super::line::{Column, FORMAT, Kind, Mark, Moved, Tally, write};
use super::tables::{TABLES, Table};

const DOING: &str = "import into the database";
/// Rows of one statement.
const TOGETHER: usize = 50;

impl Store {
    /// Writes what [`Store::export`] wrote into the empty database at `url`, which is made and migrated first. All of it or
    /// nothing: every table is read again and compared by count and hash before anything counts.
    pub async fn import(url: &str, from: &mut (dyn BufRead + Send)) -> Result<Vec<Moved>> {
        let mut lines = Lines { from, number: 0 };
        let location = Location::parse(url)?;
        let newest = location.migrations().iter().map(|step| step.version).max().unwrap_or(0);
        match lines.mark()? {
            Mark::JarvisExport {
                format: FORMAT,
                migration,
            } if migration <= newest => {}
            Mark::JarvisExport { .. } => {
                return Err(lines.wrong("a newer Jarvis wrote it; import it with that version"));
            }
            _ => return Err(lines.wrong("it does not begin as an export of Jarvis does")),
        }
        let store = Self::open(url).await?;
        let moved = store.take_in(&mut lines).await;
        store.close().await;
        moved
    }

    async fn take_in(&self, lines: &mut Lines<'_>) -> Result<Vec<Moved>> {
        let mut transaction = tried(DOING, self.write.begin()).await?;
        tried(DOING, alone(&mut transaction)).await?;
        if let Some(table) = tried(DOING, filled(&mut transaction)).await? {
            return Err(Error::Transfer(format!(
                "the database `{}` is not empty: {table} has rows. Import into a new one; nothing was changed",
                self.location.name()
            )));
        }
        let mut moved = Vec::new();
        loop {
            match lines.mark()? {
                Mark::Table { name, columns } => moved.push(one(&mut transaction, lines, &name, &columns).await?),
                Mark::End { tables } if tables == moved.len() => break,
                Mark::End { .. } | Mark::Rows(_) | Mark::JarvisExport { .. } => {
                    return Err(lines.wrong("a table is missing, or stands where it does not belong"));
                }
            }
        }
        tried("make the index of words", fill_words(&mut transaction)).await?;
        tried(DOING, transaction.commit()).await?;
        Ok(moved)
    }
}

/// Keeps everybody else from writing until the end.
async fn alone(transaction: &mut Transaction<'_, Any>) -> sqlx::Result<()> {
    match Engine::of(transaction) {
        Engine::Sqlite => transaction.execute("UPDATE audit_head SET entries = entries").await?,
        Engine::Postgres => {
            let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
            let lock = format!(
                "SET LOCAL statement_timeout = 0; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
                names.join(", ")
            );
            transaction.execute(AssertSqlSafe(lock)).await?
        }
    };
    Ok(())
}

/// The first table in which there is something.
async fn filled(transaction: &mut Transaction<'_, Any>) -> sqlx::Result<Option<&'static str>> {
    for table in TABLES {
        let sql = match table.name {
            "audit_head" => "SELECT 1 FROM audit_head WHERE entries > 0".to_owned(),
            "recall_progress" => "SELECT 1 FROM recall_progress WHERE upto <> ''".to_owned(),
            name => format!("SELECT 1 FROM {name} LIMIT 1"),
        };
        if transaction.fetch_optional(AssertSqlSafe(sql)).await?.is_some() {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

/// One table, up to the line after its rows.
async fn one(
    transaction: &mut Transaction<'_, Any>,
    lines: &mut Lines<'_>,
    name: &str,
    columns: &[Column],
) -> Result<Moved> {
    let table = TABLES.into_iter().find(|table| table.name == name);
    let table = table.ok_or_else(|| lines.wrong("it names a table that Jarvis does not have"))?;
    let doing = || Named("import table", table.name);
    let there = tried(doing(), table.columns(transaction)).await?;
    if columns.is_empty() || columns.iter().any(|column| !there.contains(column)) {
        return Err(lines.wrong("a table has columns that Jarvis does not have"));
    }
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    let mut own = Vec::new();
    let said = loop {
        let line = lines.next()?;
        if !line.starts_with('[') {
            match lines.read(&line)? {
                Mark::Rows(moved) => break moved,
                Mark::JarvisExport { .. } | Mark::Table { .. } | Mark::End { .. } => {
                    return Err(lines.wrong("a table does not end"));
                }
            }
        }
        tally.add(&line);
        let mut row: Vec<Value> = serde_json::from_str(&line).map_err(|_| lines.wrong("a row cannot be read"))?;
        if row.len() != columns.len() {
            return Err(lines.wrong("a row has another number of values than its table has columns"));
        }
        own.extend(take_own(table, columns, &mut row));
        rows.push(row);
        if rows.len() == TOGETHER {
            tried(doing(), insert(transaction, table, columns, &rows)).await?;
            rows.clear();
        }
    };
    tried(doing(), insert(transaction, table, columns, &rows)).await?;
    tried(doing(), refer(transaction, table, &own)).await?;
    if tally.of(name) != said {
        return Err(lines.wrong(&format!("the rows of {name} are not those that were written")));
    }
    let found = tried(doing(), again(transaction, table, columns)).await?;
    if found != said {
        return Err(Error::Transfer(format!(
            "table {name} holds {} rows with hash {}, where the file has {} with {}; nothing was changed",
            found.rows, found.sha256, said.rows, said.sha256
        )));
    }
    Ok(found)
}

/// The key of a row and what it refers to in its own table, which is then left out of it for now.
fn take_own(table: Table, columns: &[Column], row: &mut [Value]) -> Option<(Value, Value)> {
    let at = |name: &str| columns.iter().position(|column| column.name == name);
    let (own, key) = (at(table.own?)?, at(table.key)?);
    let other = row.get_mut(own).filter(|value| !value.is_null())?.take();
    Some((row.get(key)?.clone(), other))
}

async fn refer(connection: &mut AnyConnection, table: Table, own: &[(Value, Value)]) -> sqlx::Result<()> {
    let Some(column) = table.own else { return Ok(()) };
    let sql = format!("UPDATE {} SET {column} = $2 WHERE {} = $1", table.name, table.key);
    for (key, other) in own {
        sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(key.as_str())
            .bind(other.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    table: Table,
    columns: &[Column],
    rows: &[Vec<Value>],
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let engine = Engine::of(connection);
    let mut values = AnyArguments::default();
    for row in rows {
        for (value, column) in row.iter().zip(columns) {
            add(&mut values, value, column.kind).map_err(sqlx::Error::Encode)?;
        }
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    // What is there from the beginning becomes what it was.
    let over = if table.is_single() {
        let sets: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
        format!(" ON CONFLICT (one) DO UPDATE SET {}", sets.join(", "))
    } else {
        String::new()
    };
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {}{over}",
        table.name,
        names.join(", "),
        engine.places(rows.len(), columns.len())
    );
    sqlx::query_with(AssertSqlSafe(sql), values)
        .persistent(rows.len() == TOGETHER)
        .execute(connection)
        .await
        .map(drop)
}

fn add(values: &mut AnyArguments, value: &Value, kind: Kind) -> std::result::Result<(), BoxDynError> {
    match (kind, value) {
        (Kind::Number, Value::Null) => values.add(None::<i64>),
        (Kind::Text, Value::Null) => values.add(None::<String>),
        (Kind::Bytes, Value::Null) => values.add(None::<Vec<u8>>),
        (Kind::Number, value) => values.add(value.as_i64().ok_or("a value is no number")?),
        (Kind::Text, value) => values.add(value.as_str().ok_or("a value is no text")?.to_owned()),
        (Kind::Bytes, value) => values.add(hex::decode(value.as_str().ok_or("a value is no text")?)?),
    }
}

/// The table as the database gives it back.
async fn again(connection: &mut AnyConnection, table: Table, columns: &[Column]) -> sqlx::Result<Moved> {
    let mut tally = Tally::default();
    let mut rows = sqlx::query(table.select(columns)).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        tally.add(&write(&row, columns)?);
    }
    Ok(tally.of(table.name))
}

/// The file, line by line.
struct Lines<'a> {
    from: &'a mut (dyn BufRead + Send),
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<String> {
        let mut line = String::new();
        self.number += 1;
        let read = self.from.read_line(&mut line);
        let read = read.map_err(|cause| Error::unavailable(DOING, "the file cannot be read", cause))?;
        // A line that was cut off has no end.
        if read == 0 || line.pop() != Some('\n') {
            return Err(self.wrong("it was cut off"));
        }
        Ok(line)
    }

    fn mark(&mut self) -> Result<Mark> {
        let line = self.next()?;
        self.read(&line)
    }

    fn read(&self, line: &str) -> Result<Mark> {
        serde_json::from_str(line).map_err(|_| self.wrong("a line is none of an export"))
    }

    fn wrong(&self, why: &str) -> Error {
        Error::Transfer(format!(
            "the file is not right at line {}: {why}; nothing was changed",
            self.number
        ))
    }
}
