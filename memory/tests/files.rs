//! The database as a file: where it is, who may read it, and what is said when something is wrong with it.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{AuditCheck, AuditEvent, Person};
use jarvis_memory::{Error, Store};
use tempfile::TempDir;

#[cfg(test)]
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn owner() -> Person {
    Person {
        id: "owner".into(),
        display: "owner".into(),
        trust: 4,
    }
}

/// The files in a folder, each with a hash of its bytes. In the index of the log, readers note how far they read.
#[cfg(test)]
fn snapshot(folder: &Path) -> BTreeMap<String, u64> {
    let hash = |path: &Path| {
        let mut hasher = DefaultHasher::new();
        if !path.to_string_lossy().ends_with("-shm") {
            fs::read(path).unwrap().hash(&mut hasher);
        }
        hasher.finish()
    };
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), hash(&entry.path())))
        .collect()
}

#[tokio::test]
async fn folder_and_file_are_made_private_and_found_again() {
    let folder = folder();
    let path = folder.path().join("mein Ordner 🦀/a%20b #1/järvis's.db");
    let store = Store::open(&url(&path)).await.unwrap();
    store.put_person(&owner()).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(path.parent().unwrap().parent().unwrap()), 0o700);
    let files = snapshot(path.parent().unwrap());
    assert_eq!(
        files.len(),
        4,
        "the database, its log, its index and the lock: {files:?}"
    );
    for name in files.keys() {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    store.close().await;
    let store = Store::open(&url(&path)).await.unwrap();
    assert_eq!(store.person("owner").await.unwrap(), Some(owner()));
}

fn migrations() -> usize {
    fs::read_dir("../migrations/sqlite").map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_opens_at_once_migrate_once() {
    let folder = folder();
    let url = url(&folder.path().join("new/jarvis.db"));
    let stores = join_all((0..16).map(|_| Store::open(&url))).await;
    let event = AuditEvent {
        kind: "x".into(),
        ..AuditEvent::default()
    };
    for store in &stores {
        store.as_ref().unwrap().append_audit(&event, Millis(1)).await.unwrap();
    }
    let checked = stores[0].as_ref().unwrap().check_audit().await.unwrap();
    assert_eq!(checked, AuditCheck::Intact { entries: 16 });
    let state = Store::migration_state(&url).await.unwrap();
    assert!(state.is_current() && state.applied.len() == migrations(), "{state:?}");
}

#[tokio::test]
async fn asking_for_the_migrations_changes_nothing() {
    let folder = folder();
    let path = folder.path().join("jarvis.db");
    let state = Store::migration_state(&url(&path)).await.unwrap();
    assert_eq!((state.applied.len(), state.pending.len()), (0, migrations()));
    assert_eq!(state.pending[0].description, "conversations approvals audit keys");
    assert_eq!(snapshot(folder.path()).len(), 0);

    fs::write(&path, "").unwrap();
    let before = snapshot(folder.path());
    assert_eq!(Store::migration_state(&url(&path)).await.unwrap(), state);
    assert_eq!(snapshot(folder.path()), before);

    let store = Store::open(&url(&path)).await.unwrap();
    let before = snapshot(folder.path());
    assert!(Store::migration_state(&url(&path)).await.unwrap().is_current());
    assert_eq!(snapshot(folder.path()), before, "while it is open");

    store.close().await;
    let before = snapshot(folder.path());
    assert!(Store::migration_state(&url(&path)).await.unwrap().is_current());
    assert_eq!(snapshot(folder.path()), before, "after it was closed");
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "This is a letter and no database at all. ".repeat(200)).unwrap();
    fs::create_dir(at("folder")).unwrap();
    Store::open(&url(&at("damaged"))).await.unwrap().close().await;
    let mut damaged = fs::read(at("damaged")).unwrap();
    damaged[100..4096].fill(0x5a);
    fs::write(at("damaged"), damaged).unwrap();

    let check = async |name: &str, expect: &str| {
        let path = at(name);
        let refused = Store::open(&url(&path)).await.expect_err(name);
        let expect = expect.replace("PATH", &path.display().to_string());
        assert_eq!(refused.to_string(), expect, "{refused:?}");
        refused
    };
    let no_database =
        "open the database `PATH`: the file is damaged or is no SQLite database; restore a backup, or move it away";
    let refused = check("text", no_database).await;
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    let refused = check("damaged", no_database).await;
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    let refused = check(
        "folder",
        "open the database `PATH`: the path is a folder; give the path of a file",
    )
    .await;
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    let below_a_file = format!(
        "make the folder of the database `{}`: the folder cannot be made; make it, or configure another path",
        at("text").display()
    );
    let refused = check("text/jarvis.db", &below_a_file).await;
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_newer_database_is_not_opened() {
    let store = Store::temporary().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', TRUE, X'00', 1)";
    store.execute_raw(newer).await.unwrap();
    let refused = store.another().await.unwrap_err();
    assert!(matches!(refused, Error::Schema { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("a newer Jarvis made it (migration 9999)"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_file_are_named_and_pass() {
    let store = Store::temporary().await.unwrap();
    let check = async |broken: &str, mended: &str, expect: &str| {
        store.execute_raw(broken).await.unwrap();
        let big = Person {
            display: "x".repeat(100_000),
            ..owner()
        };
        let refused = store.put_person(&big).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
        assert_eq!(refused.to_string(), format!("store person `owner`: {expect}"));
        store.ping().await.unwrap();
        store.execute_raw(mended).await.unwrap();
        store.put_person(&big).await.unwrap();
        store.put_person(&owner()).await.unwrap();
    };
    let large = "PRAGMA max_page_count = 1000000";
    check("PRAGMA max_page_count = 1", large, "the disk is full").await;
    let read_only = "the file or its disk is read-only; make both writable for this user";
    check("PRAGMA query_only = ON", "PRAGMA query_only = OFF", read_only).await;
}

#[tokio::test]
async fn losing_the_database_is_an_error_and_never_a_panic() {
    let gone = Store::temporary().await.unwrap();
    gone.execute_raw("DROP TABLE audit_head").await.unwrap();
    let event = AuditEvent::default();
    for refused in [
        gone.ping().await.unwrap_err(),
        gone.append_audit(&event, Millis(1)).await.unwrap_err(),
        gone.check_audit().await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    }

    let unreadable = Store::temporary().await.unwrap();
    unreadable.append_audit(&event, Millis(1)).await.unwrap();
    unreadable
        .execute_raw("DROP TRIGGER audit_is_not_changed; UPDATE audit SET detail = '{not json'")
        .await
        .unwrap();
    let refused = unreadable.audit(None, 10).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    assert_eq!(unreadable.check_audit().await.unwrap(), AuditCheck::Broken { at: 1 });

    let closed = Store::temporary().await.unwrap();
    closed.close().await;
    let refused = closed.ping().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ask the database for a sign of life: the database has been closed"
    );
}

#[tokio::test]
async fn a_file_that_is_removed_or_replaced_is_noticed() {
    let folder = folder();
    let path = folder.path().join("jarvis.db");
    let store = Store::open(&url(&path)).await.unwrap();
    store.ping().await.unwrap();
    let expect = "ask the database for a sign of life: its file was removed or replaced while Jarvis ran; \
                  what is written now is lost, so restart it";
    let moved = folder.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    assert_eq!(store.ping().await.unwrap_err().to_string(), expect);
    fs::write(&path, "another").unwrap();
    assert_eq!(store.ping().await.unwrap_err().to_string(), expect);
    fs::rename(&moved, &path).unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn an_operation_that_is_given_up_leaves_no_half_and_no_lock() {
    let store = Store::temporary().await.unwrap();
    let event = AuditEvent {
        kind: "x".into(),
        ..AuditEvent::default()
    };
    for polls in 0..60 {
        let mut append = Box::pin(store.append_audit(&event, Millis(1)));
        for _ in 0..polls {
            if futures_util::poll!(&mut append).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    store.put_person(&owner()).await.unwrap();
    let checked = store.check_audit().await.unwrap();
    assert!(matches!(checked, AuditCheck::Intact { .. }), "{checked:?}");
}

#[tokio::test]
async fn a_writer_waits_for_another_process_and_gives_up_in_the_end() {
    let store = Store::temporary().await.unwrap();
    let other = store.another().await.unwrap();
    other.execute_raw("BEGIN IMMEDIATE").await.unwrap();
    let person = owner();
    let mut waiting = Box::pin(store.put_person(&person));
    for _ in 0..1000 {
        assert!(futures_util::poll!(&mut waiting).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(store.person("owner").await.unwrap(), None, "readers do not wait");
    other.execute_raw("COMMIT").await.unwrap();
    waiting.await.unwrap();

    other.execute_raw("BEGIN IMMEDIATE").await.unwrap();
    store.execute_raw("PRAGMA busy_timeout = 1").await.unwrap();
    let refused = store.put_person(&owner()).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "store person `owner`: another process keeps the database locked"
    );
    other.execute_raw("ROLLBACK").await.unwrap();
    store.put_person(&owner()).await.unwrap();
}
