//! What only `PostgreSQL` does: a server's address, its settings, the lock for migrating, its error codes.

use std::io::ErrorKind;
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};
use tokio::time::Instant;
use url::{Host, Url};

use super::engine::Pools;
use super::error::{Error, Named, Nature, tried};
use super::{Result, migrate, open};

/// The oldest version that the tests run on is the oldest that is supported by its makers.
const OLDEST: i64 = 150_000;
/// Of one process, for what reads and for what writes. A server takes 100 from everybody, unless it was told otherwise.
const CONNECTIONS: u32 = 5;
/// One number for all of Jarvis; locks of this kind are a database's own.
const MIGRATING: i64 = 0x6a61_7276_6973;
/// How long a connection may take to say that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// Shorter than routers remember a connection over which nothing goes.
const IDLE: Duration = Duration::from_mins(2);
const LOCK_HELD: &str = "another Jarvis has been migrating this database for a minute; stop it or wait";

/// Set on every connection. A lost connection or a stopped process keeps no row locked for longer than these times, and
/// compiling a statement of a few milliseconds would take longer than running it.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '10s';
    SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'; SET jit = off";
/// A migration may take as long as it needs, and waits as long for others as [`LOCK_HELD`] says.
const SETTINGS_OF_MIGRATION: &str = "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '60s';
    SET statement_timeout = 0; SET client_min_messages = 'warning'";

/// What an address may say after `?`. Anything else is a mistake, or belongs elsewhere.
const PARAMETERS: [&str; 8] = [
    "application_name",
    "host",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
];
const SSL_MODES: [&str; 6] = ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"];

/// A database of a server.
#[derive(Clone)]
pub(super) struct Location {
    /// With the password.
    url: Url,
    name: String,
}

impl Location {
    /// Understands `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. What is wrong is named without repeating the
    /// address, which may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let refused = |why: &str| {
            Error::Address(format!(
                "the address of the PostgreSQL database {why}; write `postgres://USER@HOST/DATABASE`"
            ))
        };
        let url = Url::parse(url).map_err(|cause| refused(&format!("cannot be read ({cause})")))?;
        if url.path().trim_matches('/').is_empty() {
            return Err(refused("names no database"));
        }
        if url.username().is_empty() {
            return Err(refused("names no user"));
        }
        let mut host = url.host_str().unwrap_or_default().replace("%2F", "/");
        let mut port = url.port();
        for (key, value) in url.query_pairs() {
            match &*key {
                "host" => host = value.into_owned(),
                "port" => {
                    let number = value.parse().map_err(|_| refused("has a port that is no number"))?;
                    port = Some(number);
                }
                "sslmode" if !SSL_MODES.contains(&&*value) => {
                    return Err(refused(&format!(
                        "has an sslmode that is none of {}",
                        SSL_MODES.join(", ")
                    )));
                }
                key if !PARAMETERS.contains(&key) => {
                    return Err(refused(&format!(
                        "says `{key}`, which is none of {}",
                        PARAMETERS.join(", ")
                    )));
                }
                _ => {}
            }
        }
        if host.is_empty() {
            return Err(refused("names no host"));
        }
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let name = format!("postgres://{}@{host}{port}{}", url.username(), url.path());
        Ok(Self { url, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn url(&self) -> String {
        self.url.to_string()
    }

    pub(super) fn options(&self) -> sqlx::Result<AnyConnectOptions> {
        sqlx::any::install_default_drivers();
        let mut url = self.url.clone();
        // sqlx looks up a host that is an IPv6 address with its brackets, which nobody finds.
        if let Some(Host::Ipv6(address)) = self.url.host()
            && !self.url.query_pairs().any(|(key, _)| key == "host")
        {
            url.query_pairs_mut().append_pair("host", &address.to_string());
        }
        AnyConnectOptions::from_url(&url)
    }

    /// A connection apart from the pools. A host that says nothing is not waited for.
    pub(super) async fn connect(&self) -> sqlx::Result<AnyConnection> {
        within(open::PATIENCE, self.options()?.connect()).await
    }

    pub(super) async fn reader(&self) -> sqlx::Result<AnyConnection> {
        let mut connection = self.connect().await?;
        connection.execute(SETTINGS).await?;
        Ok(connection)
    }

    /// Every step and its entry in the list of steps are one transaction, so a process that dies leaves whole steps. Its lock
    /// ends with its connection.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<()> {
        let mut connection = self.alone().await?;
        let migrated = migrate::run(&mut connection, &self.name, migrations).await;
        // Closing gives the lock back.
        tried(Named("open the database", &self.name), connection.close()).await?;
        migrated
    }

    /// A connection that nobody else has who migrates.
    pub(super) async fn alone(&self) -> Result<AnyConnection> {
        let opening = || Named("open the database", &self.name);
        let mut connection = tried(opening(), async {
            let mut connection = self.connect().await?;
            connection.execute(SETTINGS_OF_MIGRATION).await?;
            Ok(connection)
        })
        .await?;
        let version: String = tried(
            opening(),
            sqlx::query_scalar("SHOW server_version_num").fetch_one(&mut connection),
        )
        .await?;
        if version.parse::<i64>().unwrap_or(0) < OLDEST {
            let why = "the server is older than PostgreSQL 15; update it";
            return Err(Error::unavailable(opening(), why, version));
        }
        lock(&mut connection, &self.name).await?;
        Ok(connection)
    }

    pub(super) fn pools(&self) -> sqlx::Result<Pools> {
        let options = self.options()?;
        Ok(Pools {
            read: pool_options(CONNECTIONS).connect_lazy_with(options.clone()),
            write: pool_options(CONNECTIONS).connect_lazy_with(options),
        })
    }
}

/// Waits for the right to migrate, at most for `lock_timeout`.
async fn lock(connection: &mut AnyConnection, name: &str) -> Result<()> {
    let locked = sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(MIGRATING)
        .execute(connection)
        .await;
    let tried = Named("lock", name);
    match locked {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(cause)) if cause.code().as_deref() == Some("55P03") => {
            Err(Error::unavailable(tried, LOCK_HELD, cause))
        }
        Err(cause) => Err(Error::new(tried, cause)),
    }
}

/// What does not come in time fails as a connection does that breaks.
async fn within<T>(limit: Duration, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = |_| sqlx::Error::Io(ErrorKind::TimedOut.into());
    tokio::time::timeout(limit, work).await.map_err(late)?
}

/// A connection is asked for a sign of life before it is used, so that a server that was restarted costs no operation; and
/// when it comes back, so that one whose other end is gone without a word is closed and its place free.
pub(super) fn pool_options(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(open::PATIENCE)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async { within(SIGN_OF_LIFE, connection.ping()).await.map(|()| true) })
        })
        .after_release(|connection, _| Box::pin(async { within(SIGN_OF_LIFE, connection.ping()).await.map(|()| true) }))
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SETTINGS).await?;
                Ok(())
            })
        })
}

/// The server's clock, as it was in the middle of asking.
pub(super) async fn time(pool: &AnyPool) -> sqlx::Result<Millis> {
    // Waiting for a connection is no part of asking.
    let mut connection = pool.acquire().await?;
    let began = Instant::now();
    let query = sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)");
    let then: i64 = query.fetch_one(&mut *connection).await?;
    Ok(Millis(then).plus(began.elapsed() / 2))
}

/// Whether a table of this name exists.
pub(super) async fn has_table(connection: &mut AnyConnection, name: &str) -> sqlx::Result<bool> {
    let found = sqlx::query("SELECT 1 WHERE to_regclass($1) IS NOT NULL")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// `PostgreSQL`'s codes, <https://www.postgresql.org/docs/current/errcodes-appendix.html>: a class in two letters, and three
/// more.
pub(super) fn nature(code: &str) -> Nature {
    let why = match code {
        "28000" | "28P01" => {
            "the server refuses this user or its password; check both, and that pg_hba.conf lets the user in from here"
        }
        "3D000" => "the server has no database of this name; make it there: CREATE DATABASE … OWNER …",
        "42501" => "this user may not do that there; give it the database: ALTER DATABASE … OWNER TO …",
        "25006" => "the server takes no writes: it is a standby, or set to read-only",
        "40001" | "40P01" => "another change was in the way; nothing was changed, and it can be tried again",
        "53100" => "the server's disk is full",
        "53300" => "the server has no connection left; raise its max_connections, or stop what else uses it",
        "55P03" => "somebody else keeps what it changes locked",
        "57014" => "it took longer than a minute and was given up",
        _ => match code.get(..2) {
            Some("08" | "57") => "the server is stopping, starting, or was restarted",
            // Tables or columns that are missing.
            Some("42" | "3F") => return Nature::Corrupt("the tables are not those that Jarvis made"),
            Some("XX") => return Nature::Corrupt("the server says that its files are damaged; restore a backup"),
            // What a value, a constraint or a trigger does not allow.
            Some("22" | "23" | "P0") => return Nature::Refused,
            _ => "the server failed",
        },
    };
    Nature::Unavailable(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_for_another_migration_ends() {
        let url = super::super::test_postgres::empty_postgres_database().await;
        let location = Location::parse(&url).unwrap();
        let held = location.alone().await.unwrap();
        let mut connection = location.reader().await.unwrap();
        connection.execute("SET lock_timeout = '50ms'").await.unwrap();
        let refused = lock(&mut connection, location.name()).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("lock `{}`: {LOCK_HELD}", location.name()));
        held.close().await.unwrap();
        lock(&mut connection, location.name()).await.unwrap();
    }

    #[test]
    fn an_address_is_shown_without_its_password_or_says_what_to_write() {
        let check = |url: &str, expect: &str| {
            let found = match Location::parse(url) {
                Ok(location) => location.name().to_owned(),
                Err(refused) => refused.to_string(),
            };
            assert_eq!(found, expect, "{url}");
            assert!(!found.contains("secret"), "{url}");
        };
        let good = "postgres://jarvis@db:5433/home";
        check("postgres://jarvis:secret@db:5433/home", good);
        check("postgresql://jarvis:secret@db:5433/home?sslmode=verify-full", good);
        check(
            "postgres://jarvis:secret@localhost/home?host=/run/pg&port=1",
            "postgres://jarvis@/run/pg:1/home",
        );
        check("postgres://jarvis:secret@[::1]/home", "postgres://jarvis@[::1]/home");
        check("postgres://jarvis@%2Frun%2Fpg/home", "postgres://jarvis@/run/pg/home");
        let refused =
            |why: &str| format!("the address of the PostgreSQL database {why}; write `postgres://USER@HOST/DATABASE`");
        check("postgres://jarvis:secret@db", &refused("names no database"));
        check("postgres://db/home", &refused("names no user"));
        check(
            "postgres://jarvis:secret@/home",
            &refused("cannot be read (empty host)"),
        );
        check(
            "postgres://jarvis:secret@db:x/home",
            &refused("cannot be read (invalid port number)"),
        );
        let modes = "has an sslmode that is none of allow, disable, prefer, require, verify-ca, verify-full";
        check("postgres://jarvis@db/home?sslmode=secret", &refused(modes));
        let parameters = "says `password`, which is none of application_name, host, options, port, sslcert, sslkey, \
                          sslmode, sslrootcert";
        check("postgres://jarvis@db/home?password=secret", &refused(parameters));
    }
}
