//! What only `SQLite` does: a path, its permissions, its settings, the lock for migrating, its error codes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};

use super::engine::Pools;
use super::error::{Error, Named, Nature, tried};
use super::{Result, migrate, open};

/// How long one process waits for another that migrates the same database.
const LOCK_LIMIT: Duration = Duration::from_mins(1);
const LOCK_POLL: Duration = Duration::from_millis(20);
const LOCK_HELD: &str = "another Jarvis has been migrating this database for a minute; stop it or wait";

/// Readers beside the one writer. Each is a thread; `SQLite` readers do not wait for the writer.
const READERS: u32 = 4;

/// Set on every connection. WAL itself is a property of the file and is set once, under the lock.
/// With WAL, `NORMAL` keeps the file whole in a power cut and may lose the last commits; a crash of Jarvis loses none.
/// What is deleted is overwritten, because people may ask for it.
/// Every so many pages, 32 MiB, a commit brings the WAL into the file and waits for the disk; with the usual 1,000 pages one
/// message in fifty did.
const SETTINGS: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;
     PRAGMA wal_autocheckpoint = 8000; PRAGMA secure_delete = ON";

/// A database file, by its absolute path.
#[derive(Debug, Clone)]
pub(super) struct Location {
    path: String,
}

/// What a connection may do to the file. A reader leaves the folder as it is, too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
}

/// Tells one file from another that has taken its place: connections keep the old one, which nobody else can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    Missing,
    File(u64),
}

impl Location {
    /// Understands `sqlite:PATH`; the path is taken as it is, with blanks and without escapes.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" {
            return Err(Error::Address(format!(
                "`{url}` names no file; approvals and the audit must survive a restart, so write `sqlite:` and a path"
            )));
        }
        if path.contains('?') || path.contains('\0') {
            return Err(Error::Address(format!(
                "`{}` is more than a path; write `sqlite:` and the path of a file, without options",
                url.escape_debug()
            )));
        }
        // An absolute path keeps meaning the same file, and it cannot be taken for one of SQLite's `file:` addresses.
        let absolute = std::path::absolute(path)
            .map_err(|cause| Error::unavailable(Named("find the database", path), "no working folder", cause))?;
        match absolute.to_str() {
            Some(path) => Ok(Self { path: path.to_owned() }),
            None => Err(Error::Address(format!("the path `{path}` is not UTF-8"))),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn exists(&self) -> bool {
        Path::new(&self.path).exists()
    }

    /// Which file is at the path now.
    pub(super) fn identity(&self) -> Identity {
        let Ok(found) = fs::metadata(&self.path) else {
            return Identity::Missing;
        };
        #[cfg(unix)]
        return Identity::File(std::os::unix::fs::MetadataExt::ino(&found));
        #[cfg(not(unix))]
        return Identity::File(u64::from(found.is_file()));
    }

    /// The address as sqlx reads it.
    fn address(&self, access: Access) -> String {
        let mode = match access {
            Access::Write => "rw",
            Access::Read if Path::new(&format!("{}-wal", self.path)).exists() => "ro",
            // Without a log nobody has the file open, and a plain reader would make the files of one.
            Access::Read => "ro&immutable=true",
        };
        let escape = |byte: u8| {
            if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        };
        let path: String = self.path.bytes().map(escape).collect();
        format!("sqlite:{path}?mode={mode}")
    }

    /// Makes the folder and the file if they are missing, readable by this user only. What exists stays as it is.
    fn prepare(&self) -> Result<()> {
        let path = Path::new(&self.path);
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(|cause| {
                let folder = folder.display().to_string();
                let why = "the folder cannot be made; make it, or configure another path";
                Error::unavailable(Named("make the folder of the database", &folder), why, cause)
            })?;
        }
        private_file(path).map(drop).map_err(|cause| {
            let why = match cause.kind() {
                io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only",
                io::ErrorKind::IsADirectory => "the path is a folder; give the path of a file",
                io::ErrorKind::PermissionDenied => "this user may not write there",
                _ => "the file cannot be opened for writing",
            };
            Error::unavailable(self.opening(), why, cause)
        })
    }

    /// Waits for the right to migrate. It ends when the file is dropped, or when the process dies.
    async fn lock(&self) -> Result<File> {
        let path = PathBuf::from(format!("{}.lock", self.path));
        let named = path.display().to_string();
        let failed = |why, cause| Error::unavailable(Named("lock", &named), why, cause);
        let file = private_file(&path).map_err(|cause| failed("the lock file cannot be made", cause))?;
        let deadline = tokio::time::Instant::now() + LOCK_LIMIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(cause)) => return Err(failed("the file system has no locks", cause)),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() >= deadline => {
                    return Err(failed(LOCK_HELD, io::ErrorKind::TimedOut.into()));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
            }
        }
    }

    fn opening(&self) -> Named<'_> {
        Named("open the database", &self.path)
    }

    pub(super) fn options(&self, access: Access) -> sqlx::Result<AnyConnectOptions> {
        sqlx::any::install_default_drivers();
        self.address(access).parse()
    }

    /// A missing file is a database on which everything is pending.
    pub(super) async fn reader(&self) -> sqlx::Result<Option<AnyConnection>> {
        if !self.exists() {
            return Ok(None);
        }
        self.options(Access::Read)?.connect().await.map(Some)
    }

    /// Makes the file when it is missing.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<()> {
        self.prepare()?;
        let lock = self.lock().await?;
        let mut connection = tried(self.opening(), async {
            let mut connection = self.options(Access::Write)?.connect().await?;
            connection.execute(SETTINGS).await?;
            use_wal(&mut connection).await?;
            Ok(connection)
        })
        .await?;
        let migrated = migrate::run(&mut connection, &self.path, migrations).await;
        tried(self.opening(), connection.close()).await?;
        drop(lock);
        migrated
    }

    /// One connection writes and some read. Writers of this process so wait for each other in order, and only another
    /// process can make `SQLite` answer that it is busy.
    pub(super) fn pools(&self) -> sqlx::Result<Pools> {
        let options = self.options(Access::Write)?;
        Ok(Pools {
            read: pool_options(READERS).connect_lazy_with(options.clone()),
            write: pool_options(1).connect_lazy_with(options),
        })
    }
}

pub(super) fn pool_options(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(open::PATIENCE)
        // sqlx tests a connection when it is given back, and a file does not hang up in between.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SETTINGS).await?;
                Ok(())
            })
        })
}

/// Turns write-ahead logging on for the file: readers then do not wait for the writer.
async fn use_wal(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL")
        .fetch_one(connection)
        .await?;
    if mode != "wal" {
        tracing::warn!(
            database.journal = mode,
            "the file system of the database has no write-ahead log; it works, slower"
        );
    }
    Ok(())
}

/// Pages of the index of words that are merged in one transaction, which takes some milliseconds.
const MERGED: i64 = 100;

/// Deleted rows leave their words in the index until its parts are merged: a step of that. `false` when nothing is left, and
/// the log of the file holds nothing old either.
pub(super) async fn wipe(connection: &mut AnyConnection, is_first: bool) -> sqlx::Result<bool> {
    const CHANGES: &str = "SELECT total_changes()";
    let before: i64 = sqlx::query_scalar(CHANGES).fetch_one(&mut *connection).await?;
    // A negative number begins to merge everything into one.
    let pages = if is_first { -MERGED } else { MERGED };
    sqlx::query("INSERT INTO recall_words (recall_words, rank) VALUES ('merge', $1)")
        .bind(pages)
        .execute(&mut *connection)
        .await?;
    let after: i64 = sqlx::query_scalar(CHANGES).fetch_one(&mut *connection).await?;
    if after - before >= 2 {
        return Ok(true);
    }
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_optional(&mut *connection)
        .await?;
    Ok(false)
}

/// Whether a table of this name exists.
pub(super) async fn has_table(connection: &mut AnyConnection, name: &str) -> sqlx::Result<bool> {
    let found = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// `SQLite`'s result codes, <https://www.sqlite.org/rescode.html>. The lowest byte of an extended one is the primary.
pub(super) fn nature(code: &str) -> Nature {
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(1) => Nature::Corrupt("the tables are not those that Jarvis made"),
        Ok(5 | 6) => Nature::Unavailable("another process keeps the database locked"),
        Ok(8) => Nature::Unavailable("the file or its disk is read-only; make both writable for this user"),
        Ok(10) => Nature::Unavailable("the disk failed to read or write"),
        Ok(11 | 26) => {
            Nature::Corrupt("the file is damaged or is no SQLite database; restore a backup, or move it away")
        }
        Ok(13) => Nature::Unavailable("the disk is full"),
        Ok(14) => Nature::Unavailable("the file cannot be opened by this user"),
        Ok(18 | 19) => Nature::Refused,
        _ => Nature::Unavailable("the database failed"),
    }
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_literal_path_or_says_what_to_write() {
        let check = |url: &str, expect: &str| {
            let found = match Location::parse(url) {
                Ok(location) => location.address(Access::Write),
                Err(refused) => refused.to_string(),
            };
            assert_eq!(found, expect, "{url}");
        };
        check("sqlite:/data/jarvis.db", "sqlite:/data/jarvis.db?mode=rw");
        check("sqlite:///data/jarvis.db", "sqlite:/data/jarvis.db?mode=rw");
        check("sqlite:/a b/ü%2F#1.db", "sqlite:/a%20b/%C3%BC%252F%231.db?mode=rw");
        let no_file = "names no file; approvals and the audit must survive a restart, so write `sqlite:` and a path";
        check("sqlite:", &format!("`sqlite:` {no_file}"));
        check("sqlite::memory:", &format!("`sqlite::memory:` {no_file}"));
        check("sqlite://:memory:", &format!("`sqlite://:memory:` {no_file}"));
        let options = "is more than a path; write `sqlite:` and the path of a file, without options";
        check("sqlite:a.db?mode=rwc", &format!("`sqlite:a.db?mode=rwc` {options}"));
        check("sqlite:a\0b", &format!("`sqlite:a\\0b` {options}"));
    }

    #[test]
    fn a_relative_path_keeps_its_meaning() {
        let expect = std::path::absolute("data/jarvis.db").unwrap();
        assert_eq!(
            Path::new(Location::parse("sqlite:data/jarvis.db").unwrap().path()),
            expect
        );
        assert_eq!(
            Path::new(Location::parse("sqlite://data/jarvis.db").unwrap().path()),
            expect
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_another_migration_ends() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(&format!("sqlite:{}/a.db", folder.path().display())).unwrap();
        let held = location.lock().await.unwrap();
        let started = tokio::time::Instant::now();
        let refused = location.lock().await.unwrap_err().to_string();
        let expect = format!("lock `{}.lock`: {LOCK_HELD}", location.path());
        assert_eq!(refused, expect);
        assert!(started.elapsed() >= LOCK_LIMIT && started.elapsed() < LOCK_LIMIT * 2);
        drop(held);
        location.lock().await.unwrap();
    }
}
