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
async fn a_file_has_no_clock() {
    assert_eq!(fresh().await.time().await.expect("an answer"), None);
}

#[tokio::test]
async fn the_audit_cannot_be_changed() {
    contract::audit::protection(fresh).await;
}

#[tokio::test]
async fn a_changed_audit_is_found() {
    let unprotect = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;
                     DROP TRIGGER audit_head_does_not_go_back; DROP TRIGGER audit_head_is_not_deleted";
    contract::audit::tampering(fresh, unprotect).await;
}
