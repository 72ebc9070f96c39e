//! The two engines, and which of them a connection speaks to.

use std::fmt;

#[cfg(any(test, feature = "test-support"))]
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, ConnectOptions};

use super::error::{Error, Named};
use super::sqlite::Identity;
use super::{Result, postgres, sqlite};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// What runs the statements, where they must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(super) fn of(connection: &AnyConnection) -> Self {
        match connection.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// Places for so many rows of values. They have no numbers in `SQLite`, as an exception: it finds a numbered one by its
    /// name, one after the other, which took five times as long as the rest of a row. `PostgreSQL` knows numbered ones only,
    /// and finds them at once.
    pub(super) fn places(self, rows: usize, width: usize) -> String {
        let place = |number: usize| match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${}", number + 1),
        };
        let row = |row: usize| {
            let places: Vec<String> = (row * width..(row + 1) * width).map(place).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        rows.join(", ")
    }

    /// What follows a `SELECT` whose rows nobody may change or refer to until the transaction ends. `SQLite` has one writer,
    /// so a transaction that has written is alone anyway.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }
}

/// Where the database is.
#[derive(Clone)]
pub(super) enum Location {
    Sqlite(sqlite::Location),
    Postgres(postgres::Location),
}

/// Every operation that may wait for a connection goes through one of these. They are apart on every engine: somebody whose
/// turn to read has come keeps it until they go on, and they may be writing before that.
pub(super) struct Pools {
    pub(super) read: AnyPool,
    pub(super) write: AnyPool,
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => sqlite::Location::parse(url).map(Self::Sqlite),
            Some("postgres" | "postgresql") => postgres::Location::parse(url).map(Self::Postgres),
            // Only the scheme: the rest of an address may hold a password.
            scheme => {
                let scheme = scheme.map(|scheme| format!("`{scheme}:`"));
                let what = scheme.as_deref().unwrap_or("an address without `:`");
                Err(Error::Address(format!(
                    "{what} is not a database that this version can open; write `sqlite:` and the path of a file, or \
                     `postgres://USER@HOST/DATABASE`"
                )))
            }
        }
    }

    /// As it was given, with its password.
    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.path()),
            Self::Postgres(server) => server.url(),
        }
    }

    /// For people: without a password.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Sqlite(file) => file.path(),
            Self::Postgres(server) => server.name(),
        }
    }

    pub(super) fn opening(&self) -> Named<'_> {
        Named("open the database", self.name())
    }

    /// Which file is at the path now. A server's database has none, and is the same as long as it answers.
    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Sqlite(file) => file.identity(),
            Self::Postgres(_) => Identity::Missing,
        }
    }

    pub(super) fn migrations(&self) -> &'static Migrator {
        match self {
            Self::Sqlite(_) => &SQLITE,
            Self::Postgres(_) => &POSTGRES,
        }
    }

    /// A connection that changes nothing; `None` when there is no file yet.
    pub(super) async fn reader(&self) -> sqlx::Result<Option<AnyConnection>> {
        match self {
            Self::Sqlite(file) => file.reader().await,
            Self::Postgres(server) => server.reader().await.map(Some),
        }
    }

    /// Applies what is pending, alone among all processes.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<()> {
        match self {
            Self::Sqlite(file) => file.migrate(migrations).await,
            Self::Postgres(server) => server.migrate(migrations).await,
        }
    }

    pub(super) fn pools(&self) -> sqlx::Result<Pools> {
        match self {
            Self::Sqlite(file) => file.pools(),
            Self::Postgres(server) => server.pools(),
        }
    }

    /// A connection for one thing alone.
    pub(super) async fn connect(&self) -> sqlx::Result<AnyConnection> {
        match self {
            Self::Sqlite(file) => file.options(sqlite::Access::Write)?.connect().await,
            Self::Postgres(server) => server.connect().await,
        }
    }

    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn options(&self) -> sqlx::Result<AnyConnectOptions> {
        match self {
            Self::Sqlite(file) => file.options(sqlite::Access::Write),
            Self::Postgres(server) => server.options(),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
