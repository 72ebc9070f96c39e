//! The tables and how they change: forward only, each migration one transaction.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, ConnectOptions, Connection, Row};

use super::error::{Error, Named};
use super::row;
use super::sqlite::{self, Access, Location};
use super::{Result, open};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

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
    let mut found = Vec::new();
    if location.exists() {
        let read = async {
            let mut connection = open::options(location, Access::Read)?.connect().await?;
            let found = applied(&mut connection).await?;
            connection.close().await?;
            Ok(found)
        };
        found = super::error::tried(Named("read the migrations of", location.path()), read).await?;
    }
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
    if !sqlite::has_table(connection, &MIGRATIONS.table_name).await? {
        return Ok(Vec::new());
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .fetch_all(connection)
        .await?;
    row::all(&rows, |row| Ok((row.try_get("version")?, row.try_get("checksum")?)))
}

/// Applies what is pending. The caller holds the lock: sqlx's migrator takes none on `SQLite`.
pub(super) async fn run(connection: &mut AnyConnection, location: &Location, migrations: &Migrator) -> Result<()> {
    let Err(cause) = migrations.run_direct(None, connection, false).await else {
        return Ok(());
    };
    let tried = Named("migrate the database", location.path()).to_string();
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
