//! The contract on `SQLite`, and what only a file can go wrong with.

#[cfg(test)]
mod contract;

use jarvis_memory::Store;

#[cfg(test)]
async fn fresh() -> Store {
    Store::temporary().await.expect("a temporary store")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    for cases in contract::SUBJECTS {
        contract::run(cases, fresh).await;
    }
}

#[tokio::test]
async fn the_audit_cannot_be_changed() {
    for statement in [
        "UPDATE audit SET outcome = 'ok' WHERE id = 1",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit",
        "UPDATE audit_head SET entries = 0",
        "DELETE FROM audit_head",
    ] {
        contract::audit::refused(&fresh().await, statement).await;
    }
}

#[tokio::test]
async fn a_changed_audit_is_found() {
    let unprotect = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;
                     DROP TRIGGER audit_head_does_not_go_back; DROP TRIGGER audit_head_is_not_deleted";
    let check = async |damage: &str, broken: i64| {
        contract::audit::tamper(&fresh().await, unprotect, damage, broken).await;
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
