//! The tables and how they change: forward only, each migration one transaction.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Connection, Row};

use super::engine::{Engine, Location};
use super::error::{Error, Named, tried};
use super::{Result, postgres, row, sqlite};

/// The table in which sqlx keeps the steps that were taken.
const STEPS: &str = "_sqlx_migrations";

/// One step of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The number at the front of its file's name.
    pub version: i64,
    /// The rest of its file's name, as words. Empty when this program does not have the file.
    pub description: String,
}

/// How a database stands to this program. Each list is in order of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationState {
    pub applied: Vec<Migration>,
    /// Will be applied when the store is opened.
    pub pending: Vec<Migration>,
    /// Applied, and not part of this program: a newer Jarvis made them. The store does not open.
    pub unknown: Vec<Migration>,
    /// Applied with another text than this program has. The store does not open.
    pub changed: Vec<Migration>,
}

impl MigrationState {
    /// Nothing is pending and nothing stands in the way.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.may_open()
    }

    /// Opening the store would succeed, after the pending migrations.
    pub fn may_open(&self) -> bool {
        self.unknown.is_empty() && self.changed.is_empty()
    }
}

/// Reads how the database stands. Changes nothing; a missing file is a database on which everything is pending.
pub(super) async fn state(location: &Location, migrations: &Migrator) -> Result<MigrationState> {
    let read = async {
        let Some(mut connection) = location.reader().await? else {
            return Ok(Vec::new());
        };
        let found = applied(&mut connection).await?;
        connection.close().await?;
        Ok(found)
    };
    let found = tried(Named("read the migrations of", location.name()), read).await?;
    let mut state = MigrationState::default();
    for migration in migrations.iter() {
        let known = Migration {
            version: migration.version,
            description: migration.description.to_string(),
        };
        match found.iter().find(|(version, _)| *version == migration.version) {
            None => state.pending.push(known),
            Some((_, checksum)) if *checksum == *migration.checksum => state.applied.push(known),
            Some(_) => state.changed.push(known),
        }
    }
    let unknown = found
        .iter()
        .filter(|(version, _)| !migrations.version_exists(*version))
        .map(|(version, _)| Migration {
            version: *version,
            description: String::new(),
        });
    state.unknown.extend(unknown);
    Ok(state)
}

async fn applied(connection: &mut AnyConnection) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let is_there = match Engine::of(connection) {
        Engine::Sqlite => sqlite::has_table(connection, STEPS).await?,
        Engine::Postgres => postgres::has_table(connection, STEPS).await?,
    };
    if !is_there {
        return Ok(Vec::new());
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .fetch_all(connection)
        .await?;
    row::all(&rows, |row| Ok((row.try_get("version")?, row.try_get("checksum")?)))
}

/// Applies what is pending to the database called `name`. The caller holds the lock: sqlx's migrator takes none on `SQLite`,
/// and one without a limit on `PostgreSQL`.
pub(super) async fn run(connection: &mut AnyConnection, name: &str, migrations: &Migrator) -> Result<()> {
    let Err(cause) = migrations.run_direct(None, connection, false).await else {
        return Ok(());
    };
    let tried = Named("migrate the database", name).to_string();
    let why = match cause {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
            return Err(Error::new(tried, cause));
        }
        MigrateError::VersionMissing(version) => {
            format!("a newer Jarvis made it (migration {version}); start that version, or restore an older backup")
        }
        MigrateError::VersionMismatch(version) => {
            format!("its migration {version} is not the one of this program; start the version that made it")
        }
        _ => "the migrations do not fit".to_owned(),
    };
    Err(Error::Schema {
        tried,
        why,
        source: cause.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration as Step, MigrationType};

    use super::super::{Store, test_postgres};
    use super::*;

    fn step(version: i64, sql: &'static str) -> Step {
        let name = Cow::Borrowed("step");
        Step::new(version, name, MigrationType::Simple, sql.into_sql_str(), false)
    }

    fn migrator(steps: Vec<Step>) -> Migrator {
        Migrator::with_migrations(steps)
    }

    async fn migrate(location: &Location, steps: Vec<Step>) -> std::result::Result<(), String> {
        let done = location.migrate(&migrator(steps)).await;
        done.map_err(|error| error.to_string())
    }

    /// An empty place on each engine.
    async fn everywhere(check: impl AsyncFn(Location)) {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("sqlite:{}/a.db", folder.path().display());
        let database = test_postgres::empty_postgres_database().await;
        for url in [&file, &database] {
            check(Location::parse(url).unwrap()).await;
        }
        test_postgres::drop_postgres_database(&database).await;
    }

    async fn versions(location: &Location, steps: Vec<Step>) -> [Vec<i64>; 4] {
        let state = state(location, &migrator(steps)).await.unwrap();
        [state.applied, state.pending, state.unknown, state.changed]
            .map(|list| list.into_iter().map(|migration| migration.version).collect())
    }

    const ONE: &str = "CREATE TABLE one (id TEXT)";
    const TWO: &str = "CREATE TABLE two (id TEXT); INSERT INTO two VALUES ('a')";
    /// Stops in its middle, as a crash would.
    const TWO_STOPS: &str = "CREATE TABLE two (id TEXT); INSERT INTO nowhere VALUES ('a')";

    #[tokio::test]
    async fn a_migration_that_stops_in_its_middle_leaves_nothing() {
        everywhere(async |location| {
            let stopped = migrate(&location, vec![step(1, ONE), step(2, TWO_STOPS)])
                .await
                .unwrap_err();
            assert!(stopped.starts_with("migrate the database `"), "{stopped}");
            assert_eq!(
                versions(&location, vec![step(1, ONE), step(2, TWO)]).await,
                [vec![1], vec![2], vec![], vec![]]
            );
            migrate(&location, vec![step(1, ONE), step(2, TWO)]).await.unwrap();
            assert_eq!(
                versions(&location, vec![step(1, ONE), step(2, TWO)]).await,
                [vec![1, 2], vec![], vec![], vec![]]
            );
        })
        .await;
    }

    #[tokio::test]
    async fn a_database_of_another_version_is_told_apart() {
        everywhere(async |location| {
            assert_eq!(
                versions(&location, vec![step(1, ONE)]).await,
                [vec![], vec![1], vec![], vec![]]
            );
            assert_eq!(location.identity(), sqlite::Identity::Missing, "asking makes no file");
            migrate(&location, vec![step(1, ONE), step(2, TWO)]).await.unwrap();

            let older = || vec![step(1, ONE)];
            assert_eq!(versions(&location, older()).await, [vec![1], vec![], vec![2], vec![]]);
            let why = migrate(&location, older()).await.unwrap_err();
            let expect = "a newer Jarvis made it (migration 2); start that version, or restore an older backup";
            assert_eq!(why, format!("migrate the database `{}`: {expect}", location.name()));

            let changed = || vec![step(1, "CREATE TABLE one (id BIGINT)"), step(2, TWO)];
            assert_eq!(versions(&location, changed()).await, [vec![2], vec![], vec![], vec![1]]);
            let why = migrate(&location, changed()).await.unwrap_err();
            let expect = "its migration 1 is not the one of this program; start the version that made it";
            assert_eq!(why, format!("migrate the database `{}`: {expect}", location.name()));
        })
        .await;
    }

    async fn texts(store: &Store, sql: &str) -> Vec<String> {
        store.texts_raw(sql).await.unwrap()
    }

    #[tokio::test]
    async fn every_foreign_key_has_an_index() {
        let store = Store::temporary().await.unwrap();
        let count = "SELECT COUNT(*) FROM sqlite_master t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'";
        let keys: i64 = sqlx::query_scalar(count).fetch_one(&store.read).await.unwrap();
        assert!(keys > 10, "{keys} foreign keys");
        let without = "SELECT t.name || '.' || k.\"from\" FROM sqlite_master t, pragma_foreign_key_list(t.name) k
             WHERE t.type = 'table' AND NOT EXISTS (
               SELECT 1 FROM pragma_index_list(t.name) l, pragma_index_info(l.name) i
               WHERE i.seqno = 0 AND i.name = k.\"from\" AND l.partial = 0)";
        assert_eq!(texts(&store, without).await, Vec::<String>::new());

        let store = Store::temporary_postgres().await.unwrap();
        let count = "SELECT COUNT(*) FROM pg_constraint WHERE contype = 'f'";
        let there: i64 = sqlx::query_scalar(count).fetch_one(&store.read).await.unwrap();
        assert_eq!(there, keys, "both engines have the same foreign keys");
        let without = "SELECT c.conrelid::REGCLASS || '.' || c.conname FROM pg_constraint c
             WHERE c.contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_index i
               WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)";
        assert_eq!(texts(&store, without).await, Vec::<String>::new());
        store.discard().await;
    }

    /// A migration that was written for one engine alone, or a text that a server's language would sort, shows here.
    #[tokio::test]
    async fn both_engines_have_the_same_tables() {
        let (file, server) = (
            Store::temporary().await.unwrap(),
            Store::temporary_postgres().await.unwrap(),
        );
        let numbers = |location: &Location| -> Vec<(i64, String)> {
            let step = |step: &Step| (step.version, step.description.to_string());
            location.migrations().iter().map(step).collect()
        };
        assert_eq!(numbers(&file.location), numbers(&server.location));
        let columns =
            "SELECT t.name || '.' || c.name || ' ' || c.type || CASE c.\"notnull\" WHEN 1 THEN ' NOT NULL' ELSE '' END
             FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT GLOB '_sqlx*' AND t.name NOT GLOB 'recall_words*'
             AND t.name NOT GLOB 'sqlite_*' ORDER BY 1";
        let expect: Vec<String> = texts(&file, columns).await;
        assert!(expect.len() > 150, "{} columns", expect.len());
        let columns = "SELECT table_name || '.' || column_name || ' '
               || CASE data_type WHEN 'text' THEN 'TEXT' WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' ELSE data_type END
               || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END AS line
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT IN ('_sqlx_migrations', 'recall_words')
             ORDER BY (table_name || '.' || column_name) COLLATE \"C\"";
        let mut found = texts(&server, columns).await;
        found.sort_unstable();
        let mut expect = expect;
        expect.sort_unstable();
        assert_eq!(found, expect);
        let sorted_by_language =
            "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::REGNAMESPACE AND c.relname <> '_sqlx_migrations'
             AND a.attnum > 0 AND a.attcollation NOT IN (0, 'pg_catalog.\"C\"'::REGCOLLATION)";
        assert_eq!(texts(&server, sorted_by_language).await, Vec::<String>::new());
        server.discard().await;
    }
}
