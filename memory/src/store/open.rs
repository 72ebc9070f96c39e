//! Opening, closing and asking whether the database is there.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use sqlx::AnyPool;
#[cfg(any(test, feature = "test-support"))]
use sqlx::Executor;

use super::Result;
use super::engine::{Location, Pools};
use super::error::{Error, tried};
use super::migrate::{self, MigrationState};
use super::{postgres, sqlite};

/// How long an operation waits for its turn at the database before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
const PING_LIMIT: Duration = Duration::from_secs(3);

/// The database. Cheap to clone; all clones are one set of connections.
#[derive(Clone)]
pub struct Store {
    pub(super) read: AnyPool,
    pub(super) write: AnyPool,
    pub(super) location: Arc<Location>,
    file: sqlite::Identity,
    /// The instance that writes. It becomes another when this one was declared dead.
    pub(super) me: Arc<Mutex<Arc<str>>>,
    #[cfg(any(test, feature = "test-support"))]
    folder: Option<Arc<tempfile::TempDir>>,
}

impl Store {
    /// Opens a database and migrates it under a lock: `sqlite:PATH`, made if missing with its folder private to the user, or
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, whose database exists.
    ///
    /// The path is taken literally: blanks and any letters are fine, options are not.
    pub async fn open(url: &str) -> Result<Self> {
        let location = Location::parse(url)?;
        location.migrate(location.migrations()).await?;
        let Pools { read, write } = tried(location.opening(), async { location.pools() }).await?;
        Ok(Self {
            read,
            write,
            file: location.identity(),
            me: Arc::default(),
            location: Arc::new(location),
            #[cfg(any(test, feature = "test-support"))]
            folder: None,
        })
    }

    /// The database at `url` as people are told of it: without a password.
    pub fn name_of(url: &str) -> Result<String> {
        Ok(Location::parse(url)?.name().to_owned())
    }

    /// How the database at `url` stands to the migrations of this program. Changes nothing and needs no lock.
    pub async fn migration_state(url: &str) -> Result<MigrationState> {
        let location = Location::parse(url)?;
        migrate::state(&location, location.migrations()).await
    }

    /// Lets operations that have begun end, then closes. Everything afterwards answers [`Error::Unavailable`].
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Writes to what nobody holds: for closing what the dead have left. Several may do that at once, and each end is
    /// written once.
    #[must_use]
    pub fn as_nobody(&self) -> Self {
        Self {
            me: Arc::default(),
            ..self.clone()
        }
    }

    /// What time it is on the machine of the database, for all who share it. A file has no machine of its own.
    pub async fn time(&self) -> Result<Option<Millis>> {
        match &*self.location {
            Location::Sqlite(_) => Ok(None),
            Location::Postgres(_) => tried("ask the database for the time", postgres::time(&self.read))
                .await
                .map(Some),
        }
    }

    /// The database is in its place and answers a small query, within seconds.
    pub async fn ping(&self) -> Result<()> {
        let doing = "ask the database for a sign of life";
        if self.location.identity() != self.file {
            let why = "its file was removed or replaced while Jarvis ran; what is written now is lost, so restart it";
            return Err(Error::unavailable(doing, why, self.location.name().to_owned()));
        }
        let query = sqlx::query("SELECT entries FROM audit_head WHERE one = 1").fetch_one(&self.read);
        match tokio::time::timeout(PING_LIMIT, query).await {
            Ok(answer) => tried(doing, async { answer.map(drop) }).await,
            Err(cause) => Err(Error::unavailable(doing, "it did not answer in time", cause)),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.location.name())
    }
}

/// What a write waits for before it begins.
#[cfg(any(test, feature = "test-support"))]
type Gate = Arc<dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

#[cfg(any(test, feature = "test-support"))]
impl Store {
    /// A store in a folder of its own, which goes away with the last clone.
    pub async fn temporary() -> Result<Self> {
        let failed = |cause| Error::unavailable("make a temporary store", "no temporary folder", cause);
        let folder = tempfile::tempdir().map_err(failed)?;
        let mut store = Self::open(&format!("sqlite:{}/jarvis.db", folder.path().display())).await?;
        store.folder = Some(Arc::new(folder));
        Ok(store)
    }

    /// Other connections to the same database, as a second process would have them.
    pub async fn another(&self) -> Result<Self> {
        let mut store = Self::open(&self.location.url()).await?;
        store.folder.clone_from(&self.folder);
        Ok(store)
    }

    /// Opens a file that is there and migrated. Every write, a transaction being one, passes `gate` first, and no other
    /// write is under way then: a test ends a process there with nothing half done but what the database itself takes back.
    pub async fn open_behind(url: &str, gate: Gate) -> Result<Self> {
        let location = Location::parse(url)?;
        let behind = sqlite::pool_options(1).before_acquire(move |_, _| {
            let pass = gate();
            Box::pin(async move {
                pass.await;
                Ok(true)
            })
        });
        let write = async {
            let write = behind.connect_lazy_with(location.options()?);
            // A fresh connection is handed out without being asked for.
            write.acquire().await.map(drop)?;
            Ok((location.pools()?.read, write))
        };
        let (read, write) = tried(location.opening(), write).await?;
        Ok(Self {
            read,
            write,
            file: location.identity(),
            me: Arc::default(),
            location: Arc::new(location),
            folder: None,
        })
    }

    /// Runs any SQL on the writing connection, to damage the database on purpose.
    pub async fn execute_raw(&self, sql: &str) -> Result<()> {
        let work = self.write.execute(sqlx::AssertSqlSafe(sql));
        tried("run raw SQL", async { work.await.map(drop) }).await
    }

    /// The folder of a temporary store.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(|folder| folder.path())
    }

    /// The tables that hold these letters in any column.
    pub async fn tables_with(&self, letters: &str) -> Result<Vec<String>> {
        let columns = "SELECT 'SELECT ''' || m.name || ''' FROM ' || m.name || ' WHERE CAST(' || c.name || ' AS TEXT) LIKE '
             FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%'";
        let mut found = std::collections::BTreeSet::new();
        for query in self.texts_raw(columns).await? {
            found.extend(self.texts_raw(&format!("{query} '%{letters}%' LIMIT 1")).await?);
        }
        Ok(found.into_iter().collect())
    }

    /// The first column, a text, of any query.
    pub async fn texts_raw(&self, sql: &str) -> Result<Vec<String>> {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        tried("ask with raw SQL", query.fetch_all(&self.read)).await
    }
}
