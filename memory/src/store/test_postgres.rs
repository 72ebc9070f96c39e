//! Databases for tests, of the PostgreSQL that `scripts/postgres-for-tests.sh` keeps.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that has no database fails here"
)]

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use tokio::sync::OnceCell;

use super::Store;
use super::engine::Location;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres-for-tests.sh");
/// One test process at a time makes the template and takes old databases away.
const MAKING: i64 = 0x7465_7374;

/// The server's own database, and the one that is copied.
struct Server {
    url: String,
    template: String,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Store {
    /// A store in a `PostgreSQL` database of its own, as [`Store::temporary`] is in a folder. It goes away when a later test
    /// process finds that this one has ended.
    ///
    /// # Panics
    /// When there is no `PostgreSQL`: the message says how to install it.
    pub async fn temporary_postgres() -> super::Result<Self> {
        Self::open(&postgres_database().await).await
    }

    /// Closes the store and takes its database away.
    pub async fn discard(self) {
        self.close().await;
        match &*self.location {
            Location::Sqlite(_) => {}
            Location::Postgres(server) => drop_postgres_database(&server.url()).await,
        }
    }
}

/// The address of a fresh, migrated database.
pub async fn postgres_database() -> String {
    let server = server().await;
    database(server, &format!("TEMPLATE {}", server.template)).await
}

/// The address of a database in which nothing is.
pub async fn empty_postgres_database() -> String {
    database(server().await, "TEMPLATE template0").await
}

/// Takes a database away, with whoever is connected to it.
pub async fn drop_postgres_database(url: &str) {
    let (_, name) = split(url);
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    run(&mut connect_to_postgres(&server().await.url).await, &sql).await;
}

/// Keeps others from migrating for as long as the answer is kept.
pub async fn hold_migration_lock(url: &str) -> super::Result<AnyConnection> {
    super::postgres::Location::parse(url)?.alone().await
}

async fn database(server: &Server, how: &str) -> String {
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut connection = connect_to_postgres(&server.url).await;
    run(&mut connection, &format!("CREATE DATABASE {name} {how}")).await;
    of_name(&server.url, &name)
}

async fn server() -> &'static Server {
    SERVER.get_or_init(find).await
}

async fn find() -> Server {
    let url = tokio::task::spawn_blocking(start).await.expect("the script runs");
    let mut connection = connect_to_postgres(&url).await;
    run(&mut connection, &format!("SELECT pg_advisory_lock({MAKING})")).await;
    let names = connection
        .fetch_all("SELECT datname::TEXT AS name FROM pg_database")
        .await
        .expect("the names of databases");
    let names: Vec<String> = names.iter().map(|row| row.get("name")).collect();
    for name in names.iter().filter(|name| is_left(name)) {
        run(&mut connection, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
    let template = format!("template_{}", version());
    if !names.contains(&template) {
        // Under another name until it is whole.
        run(&mut connection, "DROP DATABASE IF EXISTS being_made WITH (FORCE)").await;
        run(&mut connection, "CREATE DATABASE being_made TEMPLATE template0").await;
        let store = Store::open(&of_name(&url, "being_made")).await.expect("the template");
        store.close().await;
        run(
            &mut connection,
            &format!("ALTER DATABASE being_made RENAME TO {template}"),
        )
        .await;
    }
    connection.close().await.expect("the lock is given back");
    Server { url, template }
}

fn start() -> String {
    let output = Command::new(SCRIPT)
        .output()
        .expect("scripts/postgres-for-tests.sh is there");
    assert!(
        output.status.success(),
        "no PostgreSQL for the tests: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Of a test process that has ended.
fn is_left(name: &str) -> bool {
    let process = name.strip_prefix('t').and_then(|rest| rest.split_once('_'));
    process.is_some_and(|(id, _)| id.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(id).exists())
}

/// Changes with the migrations.
fn version() -> String {
    let mut hash = Sha256::new();
    for migration in super::engine::POSTGRES.iter() {
        hash.update(&migration.checksum);
    }
    hex::encode(hash.finalize()).chars().take(16).collect()
}

/// A connection of its own, for what has to be one session.
pub async fn connect_to_postgres(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = url.parse().expect("the address of the tests' PostgreSQL");
    options.connect().await.expect("the tests' PostgreSQL answers")
}

async fn run(connection: &mut AnyConnection, sql: &str) {
    let done = connection.execute(AssertSqlSafe(sql)).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// `postgres://…/DATABASE?…` before the name, and the name.
fn split(url: &str) -> (&str, &str) {
    let (place, _) = url.split_once('?').unwrap_or((url, ""));
    place.rsplit_once('/').expect("an address names a database")
}

fn of_name(url: &str, name: &str) -> String {
    let (before, old) = split(url);
    url.replacen(&format!("{before}/{old}"), &format!("{before}/{name}"), 1)
}

/// So that a mistake here shows at once and not as a wrong database.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_in_its_address() {
        let url = of_name("postgres://jarvis@localhost/postgres?host=/tmp/a/b", "t1_0");
        assert_eq!(url, "postgres://jarvis@localhost/t1_0?host=/tmp/a/b");
        assert!(Location::parse(&url).is_ok());
        assert!(is_left("t4294967295_3") && !is_left(&format!("t{}_3", std::process::id())) && !is_left("template1"));
    }
}
