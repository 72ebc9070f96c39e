//! The audit chain: one chain whoever writes, and whatever is changed in it is found.

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{AuditCheck, AuditEntry, AuditEvent};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "an entry comes back as it was appended",
        run: |store| Box::pin(round_trip(store)),
    },
    Case {
        name: "entries are listed newest first, in pages",
        run: |store| Box::pin(paging(store)),
    },
    Case {
        name: "8 writers with 50 entries each make one chain",
        run: |store| Box::pin(writers(store)),
    },
    Case {
        name: "a check while others write finds nothing wrong",
        run: |store| Box::pin(check_meanwhile(store)),
    },
    Case {
        name: "more than a page is checked",
        run: |store| Box::pin(long_chain(store)),
    },
];

fn full_event() -> AuditEvent {
    AuditEvent {
        kind: "tool.intent".into(),
        person_id: Some("owner".into()),
        via: "console".into(),
        conversation_id: Some("c".into()),
        run_id: Some("r".into()),
        approval_id: Some("K7QX".into()),
        tool: Some("docker_action".into()),
        arguments: Some(json!({"z": "ü🦀", "a": [1, 2.5, null]})),
        decision: Some("allow".into()),
        rule: Some("reversible".into()),
        outcome: Some(String::new()),
        detail: Some(json!(null)),
    }
}

async fn round_trip(store: Store) {
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 0 });
    let first = store.append_audit(&full_event(), make::NOW).await.unwrap();
    let second = store.append_audit(&make::event("decision"), Millis(5)).await.unwrap();
    let event = full_event();
    let expect = AuditEntry {
        id: 1,
        at: make::NOW,
        kind: event.kind,
        person_id: event.person_id,
        via: event.via,
        conversation_id: event.conversation_id,
        run_id: event.run_id,
        approval_id: event.approval_id,
        tool: event.tool,
        arguments: event.arguments,
        decision: event.decision,
        rule: event.rule,
        outcome: event.outcome,
        detail: event.detail,
        prev: String::new(),
        hash: first.hash.clone(),
    };
    assert_eq!(first, expect);
    assert_eq!(first.hash.len(), 64);
    assert_eq!((second.id, &second.prev), (2, &first.hash));
    assert_eq!(store.audit(None, 10).await.unwrap(), [second, first]);
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 2 });
}

async fn paging(store: Store) {
    for _ in 0..5 {
        store.append_audit(&make::event("x"), make::NOW).await.unwrap();
    }
    let check = async |before: Option<i64>, limit: i64, expect: &[i64]| {
        let page = store.audit(before, limit).await.unwrap();
        let ids: Vec<i64> = page.into_iter().map(|entry| entry.id).collect();
        assert_eq!(ids, expect, "before {before:?}, limit {limit}");
    };
    check(None, 10, &[5, 4, 3, 2, 1]).await;
    check(None, 2, &[5, 4]).await;
    check(Some(4), 2, &[3, 2]).await;
    check(Some(1), 2, &[]).await;
    check(None, -1, &[]).await;
}

async fn writers(store: Store) {
    let mut stores = vec![store.clone()];
    for _ in 1..8 {
        stores.push(store.another().await.unwrap());
    }
    let writers = stores.iter().map(async |store| {
        for _ in 0..50 {
            store.append_audit(&full_event(), make::NOW).await.unwrap();
        }
    });
    join_all(writers).await;
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 400 });
}

async fn check_meanwhile(store: Store) {
    let other = store.another().await.unwrap();
    let write = async {
        for _ in 0..100 {
            other.append_audit(&full_event(), make::NOW).await.unwrap();
        }
    };
    let check = async {
        for _ in 0..50 {
            let checked = store.check_audit().await.unwrap();
            assert!(matches!(checked, AuditCheck::Intact { .. }), "{checked:?}");
        }
    };
    futures_util::join!(write, check);
}

async fn long_chain(store: Store) {
    for _ in 0..1001 {
        store.append_audit(&make::event("x"), make::NOW).await.unwrap();
    }
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 1001 });
}

/// Every change that somebody with the database's password could try is found once the protection is lifted, which
/// `unprotect` does: engines differ in that alone.
pub(crate) async fn tampering(fresh: impl AsyncFn() -> Store, unprotect: &str) {
    let check = async |damage: &str, broken: i64| {
        let store = fresh().await;
        tamper(&store, unprotect, damage, broken).await;
        store.discard().await;
    };
    for field in [
        "at = at + 1",
        "kind = 'x'",
        "person_id = 'x'",
        "via = 'x'",
        "conversation_id = 'x'",
        "run_id = NULL",
        "approval_id = 'x'",
        "tool = 'x'",
        "arguments = '{}'",
        "decision = 'deny'",
        "rule = NULL",
        "outcome = NULL",
        "detail = NULL",
        "prev = 'x'",
        "hash = 'x'",
        "decision = rule, rule = decision",
    ] {
        check(&format!("UPDATE audit SET {field} WHERE id = 3"), 3).await;
    }
    check("DELETE FROM audit WHERE id = 3", 3).await;
    check("DELETE FROM audit WHERE id = 1", 1).await;
    check("DELETE FROM audit WHERE id >= 4", 4).await;
    check("DELETE FROM audit", 1).await;
    check("UPDATE audit SET id = 9 WHERE id = 3", 3).await;
    check("UPDATE audit SET id = -id", -5).await;
    let swap = "UPDATE audit SET id = 9 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4;
                UPDATE audit SET id = 4 WHERE id = 9";
    check(swap, 3).await;
    check("UPDATE audit_head SET entries = 3", 4).await;
    check("UPDATE audit_head SET hash = 'x'", 5).await;
    check("DELETE FROM audit_head", 5).await;
    let copy = "INSERT INTO audit SELECT 6, at, kind, person_id, via, conversation_id, run_id, approval_id, tool,
                arguments, decision, rule, outcome, detail, hash, hash FROM audit WHERE id = 5";
    check(copy, 6).await;
}

/// The protection refuses what would change the chain.
pub(crate) async fn protection(fresh: impl AsyncFn() -> Store) {
    for statement in [
        "UPDATE audit SET outcome = 'ok' WHERE id = 1",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit",
        "UPDATE audit_head SET entries = 0",
        "DELETE FROM audit_head",
    ] {
        let store = fresh().await;
        refused(&store, statement).await;
        store.discard().await;
    }
}

/// Damages a chain of five entries with SQL, after lifting the engine's protection, and expects the check to name
/// `broken`. The statements differ by engine only in how the protection is lifted.
async fn tamper(store: &Store, unprotect: &str, damage: &str, broken: i64) {
    for _ in 0..5 {
        store.append_audit(&full_event(), make::NOW).await.unwrap();
    }
    store.execute_raw(unprotect).await.unwrap();
    store.execute_raw(damage).await.unwrap();
    let checked = store.check_audit().await.unwrap();
    assert_eq!(checked, AuditCheck::Broken { at: broken }, "{damage}");
}

/// Statements that the protection refuses while the chain stands.
async fn refused(store: &Store, statement: &str) {
    store.append_audit(&full_event(), make::NOW).await.unwrap();
    let answer = store.execute_raw(statement).await;
    assert!(matches!(answer, Err(Error::Refused { .. })), "{statement}: {answer:?}");
    assert!(
        matches!(store.check_audit().await.unwrap(), AuditCheck::Intact { .. }),
        "{statement}"
    );
}
