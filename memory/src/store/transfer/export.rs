//! Out of a database.

use std::io::Write;

use futures_util::TryStreamExt;
use sqlx::{AnyConnection, Connection, Executor};

use super::super::engine::{Engine, Location};
use super::super::error::{Error, tried};
use super::super::{Result, Store, migrate};
use super::line::{FORMAT, Mark, Moved, Tally, write};
use super::tables::{TABLES, Table};

const DOING: &str = "export the database";

impl Store {
    /// Writes everything that is in the database at `url`, as it is at one moment, while others may go on writing. The
    /// database has to be there and up to date.
    pub async fn export(url: &str, to: &mut (dyn Write + Send)) -> Result<Vec<Moved>> {
        let location = Location::parse(url)?;
        let state = migrate::state(&location, location.migrations()).await?;
        if !state.is_current() {
            let why =
                "is not what this program makes of it; run `jarvis migrate` first, and see `jarvis migrate --check`";
            return Err(Error::Transfer(format!("the database `{}` {why}", location.name())));
        }
        let migration = state.applied.last().map_or(0, |last| last.version);
        let mut connection = tried(DOING, location.connect()).await?;
        tried(DOING, connection.execute(begin(Engine::of(&connection)))).await?;
        tell(
            to,
            &Mark::JarvisExport {
                format: FORMAT,
                migration,
            },
        )?;
        let mut moved = Vec::new();
        for table in TABLES {
            moved.push(one(&mut connection, table, to).await?);
        }
        tell(to, &Mark::End { tables: moved.len() })?;
        tried(DOING, connection.close()).await?;
        Ok(moved)
    }
}

/// Begins to read everything as it is at one moment, for as long as that takes.
fn begin(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "BEGIN",
        Engine::Postgres => "SET statement_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    }
}

async fn one(connection: &mut AnyConnection, table: Table, to: &mut (dyn Write + Send)) -> Result<Moved> {
    let columns = tried(DOING, table.columns(connection)).await?;
    tell(
        to,
        &Mark::Table {
            name: table.name.to_owned(),
            columns: columns.clone(),
        },
    )?;
    let mut tally = Tally::default();
    let mut rows = sqlx::query(table.select(&columns)).fetch(connection);
    while let Some(row) = tried(DOING, rows.try_next()).await? {
        let line = tried(DOING, async { write(&row, &columns) }).await?;
        tally.add(&line);
        put(to, &line)?;
    }
    let moved = tally.of(table.name);
    tell(to, &Mark::Rows(moved.clone()))?;
    Ok(moved)
}

fn tell(to: &mut (dyn Write + Send), mark: &Mark) -> Result<()> {
    let line =
        serde_json::to_string(mark).map_err(|cause| Error::unavailable(DOING, "a line cannot be made", cause))?;
    put(to, &line)
}

fn put(to: &mut (dyn Write + Send), line: &str) -> Result<()> {
    writeln!(to, "{line}").map_err(|cause| Error::unavailable(DOING, "the file cannot be written", cause))
}
