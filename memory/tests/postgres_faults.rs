//! A `PostgreSQL` that refuses, stops, and comes back.

use std::path::PathBuf;
use std::process::Command;

use jarvis_gateway::clock::Millis;
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::records::{AuditCheck, AuditEvent, Conversation, Grant, GrantedCall, Person, Room};
use jarvis_memory::{Error, Store, connect_to_postgres, postgres_database};
use sqlx::{Connection, Executor};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

/// A server that this test alone uses.
struct Server {
    folder: PathBuf,
}

#[cfg(test)]
impl Server {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jarvis-test-{name}-{}", std::process::id()));
        let server = Self { folder };
        server.run("start");
        server
    }

    fn run(&self, what: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres-for-tests.sh");
        let output = Command::new(script)
            .arg(what)
            .env("JARVIS_TEST_POSTGRES", &self.folder)
            .output()
            .expect("the script runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.folder.display())
    }

    /// What an error says of the place.
    fn named(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}", self.folder.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres-for-tests.sh");
        let mut remove = Command::new(script);
        drop(remove.arg("remove").env("JARVIS_TEST_POSTGRES", &self.folder).output());
    }
}

#[cfg(test)]
fn owner() -> Person {
    Person {
        id: "owner".into(),
        display: "owner".into(),
        trust: 4,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    let server = Server::start("refusing");
    let store = Store::open(&server.url("jarvis", "postgres")).await.unwrap();
    store
        .execute_raw("CREATE ROLE stranger LOGIN; CREATE ROLE guarded LOGIN PASSWORD 'right'")
        .await
        .unwrap();
    store.execute_raw("CREATE DATABASE home").await.unwrap();
    let rules = "local all guarded scram-sha-256\nlocal all all trust\n";
    std::fs::write(server.folder.join("data/pg_hba.conf"), rules).unwrap();
    server.run("stop");
    server.run("start");

    let check = async |user: &str, database: &str, doing: &str, why: &str| {
        let refused = Store::open(&server.url(user, database)).await.unwrap_err();
        let name = server.named(user.split(':').next().unwrap_or_default(), database);
        assert_eq!(refused.to_string(), format!("{doing} `{name}`: {why}"));
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    };
    let opening = "open the database";
    let password =
        "the server refuses this user or its password; check both, and that pg_hba.conf lets the user in from here";
    check("guarded:secret", "home", opening, password).await;
    let database = "the server has no database of this name; make it there: CREATE DATABASE … OWNER …";
    check("jarvis", "nowhere", opening, database).await;
    let rights = "this user may not do that there; give it the database: ALTER DATABASE … OWNER TO …";
    check("stranger", "home", "migrate the database", rights).await;
    let right = Store::open(&server.url("guarded:right", "home")).await.unwrap_err();
    assert!(
        right.to_string().starts_with("migrate the database"),
        "the password is right: {right}"
    );

    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', TRUE, '', 1)";
    store.execute_raw(newer).await.unwrap();
    let refused = store.another().await.unwrap_err();
    assert!(matches!(refused, Error::Schema { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("a newer Jarvis made it (migration 9999)"),
        "{refused}"
    );

    store
        .execute_raw("ALTER SYSTEM SET default_transaction_read_only = on")
        .await
        .unwrap();
    server.run("stop");
    server.run("start");
    let refused = Store::open(&server.url("jarvis", "home")).await.unwrap_err();
    let standby = "the server takes no writes: it is a standby, or set to read-only";
    let name = server.named("jarvis", "home");
    assert_eq!(refused.to_string(), format!("migrate the database `{name}`: {standby}"));

    server.run("stop");
    let gone = "the connection to the database failed; see that it runs and can be reached";
    check("jarvis", "home", opening, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_costs_what_was_under_way_and_nothing_else() {
    let server = Server::start("restarted");
    let store = Store::open(&server.url("jarvis", "postgres")).await.unwrap();
    let mut other = connect_to_postgres(&server.url("jarvis", "postgres")).await;
    let event = AuditEvent::default();
    for _ in 0..5 {
        store.append_audit(&event, Millis(1)).await.unwrap();
    }

    // An append that waits for somebody else's lock is under way when the server stops.
    other
        .execute("BEGIN; UPDATE audit_head SET entries = entries")
        .await
        .unwrap();
    let under_way = tokio::join!(store.append_audit(&event, Millis(2)), async {
        let waits = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while store.texts_raw(waits).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| server.run("stop"));
    });
    let lost = under_way.0.unwrap_err();
    assert!(matches!(lost, Error::Unavailable { .. }), "{lost:?}");

    let away = store.ping().await.unwrap_err();
    assert!(matches!(away, Error::Unavailable { .. }), "{away:?}");

    server.run("start");
    store.put_person(&owner()).await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 5 });
    let writers: Vec<_> = (0..10).map(|_| store.append_audit(&event, Millis(3))).collect();
    for written in futures_util::future::join_all(writers).await {
        written.unwrap();
    }
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 15 });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_given_up_leaves_no_half_and_no_lock() {
    let store = Store::temporary_postgres().await.unwrap();
    let event = AuditEvent::default();
    for polls in 0..60 {
        let mut append = Box::pin(store.append_audit(&event, Millis(1)));
        for _ in 0..polls {
            if futures_util::poll!(&mut append).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    store.append_audit(&event, Millis(1)).await.unwrap();
    let checked = store.check_audit().await.unwrap();
    assert!(matches!(checked, AuditCheck::Intact { .. }), "{checked:?}");
    store.discard().await;
}

/// What lies between Jarvis and a server, and from one moment on carries nothing more and closes nothing.
#[cfg(test)]
async fn silent_between(server: &'static str) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (silence, is_silent) = watch::channel(false);
    let tasks = Tasks::default();
    let of_connections = tasks.clone();
    tasks.spawn("proxy", async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut is_silent = is_silent.clone();
            is_silent.mark_unchanged();
            of_connections.spawn("connection of the proxy", async move {
                let mut far = UnixStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => {}
                    _ = is_silent.changed() => std::future::pending::<()>().await,
                }
            });
        }
    });
    (address, silence)
}

#[tokio::test]
async fn connections_whose_other_end_is_gone_without_a_word_are_given_up() {
    let url = url::Url::parse(&postgres_database().await).unwrap();
    let folder = url.query_pairs().find(|(key, _)| key == "host").unwrap().1.into_owned();
    let port = url.port().unwrap_or(5432);
    let (address, silence) = silent_between(format!("{folder}/.s.PGSQL.{port}").leak()).await;
    let store = Store::open(&format!("postgres://{}@{address}{}", url.username(), url.path())).await;
    let store = store.unwrap();
    let mut other = connect_to_postgres(url.as_str()).await;
    other
        .execute("BEGIN; UPDATE audit_head SET entries = entries")
        .await
        .unwrap();
    let event = AuditEvent::default();
    let under_way = futures_util::future::join_all((0..5).map(|_| store.append_audit(&event, Millis(1))));
    tokio::select! {
        written = under_way => panic!("{written:?}"),
        () = async {
            let waits = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
            while store.texts_raw(waits).await.unwrap().len() < 5 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    silence.send(true).unwrap();
    other.execute("ROLLBACK").await.unwrap();
    // All connections of the pool come back now, and are asked for a sign of life.
    tokio::time::pause();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    tokio::time::resume();
    // What they had locked, the server gives back after a time of its own.
    store.put_person(&owner()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_host_that_says_nothing_is_not_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://jarvis@{}/home", listener.local_addr().unwrap());
    tokio::time::pause();
    let asked = tokio::time::timeout(std::time::Duration::from_mins(1), Store::migration_state(&url)).await;
    let refused = asked.expect("it ends").unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
}

/// Somebody waits for the row of a grant while another takes it back: what was read before does not count.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_taken_back_meanwhile_is_not_used() {
    let url = postgres_database().await;
    let store = Store::open(&url).await.unwrap();
    let room = Room {
        id: "r".into(),
        platform: "local".into(),
        external_id: "home".into(),
        ceiling: 4,
        public: false,
        server_id: None,
        direct: false,
    };
    store.room(&room).await.unwrap();
    let conversation = Conversation {
        id: "c".into(),
        room_id: "r".into(),
        title: String::new(),
        created_at: Millis(1),
        updated_at: Millis(1),
    };
    store.create_conversation(&conversation).await.unwrap();
    store.put_person(&owner()).await.unwrap();
    let grant = Grant {
        id: "A".into(),
        person_id: "owner".into(),
        room_id: "r".into(),
        tool: "docker_action".into(),
        target: "plex".into(),
        uses_left: 3,
        created_at: Millis(1),
        expires_at: Millis(1000),
        granted_by: "Anna".into(),
        approval_id: "K7QX".into(),
    };
    assert!(store.create_grant(&grant).await.unwrap());
    let call = GrantedCall {
        person_id: "owner",
        conversation_id: &conversation.id,
        tool: "docker_action",
        target: "plex",
    };
    let mut other = connect_to_postgres(&url).await;
    other.execute("BEGIN; UPDATE grants SET revoked_at = 1").await.unwrap();
    let (used, ()) = tokio::join!(store.use_grant(call, Millis(1)), async {
        let waits =
            "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while store.texts_raw(waits).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        other.execute("COMMIT").await.unwrap();
    });
    assert!(!used.unwrap());
    other.close().await.unwrap();
    store.discard().await;
}
