//! The contract on `PostgreSQL`.

#[cfg(test)]
mod contract;

use futures_util::future::join_all;
use jarvis_gateway::clock::{Clock, System};
use jarvis_memory::Store;

#[cfg(test)]
async fn fresh() -> Store {
    Store::temporary_postgres().await.expect("a PostgreSQL")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    join_all(contract::SUBJECTS.map(|cases| contract::run(cases, fresh))).await;
}

#[tokio::test]
async fn the_audit_cannot_be_changed() {
    contract::audit::protection(fresh).await;
}

#[tokio::test]
async fn a_changed_audit_is_found() {
    let unprotect = "DROP TRIGGER audit_is_not_changed ON audit; DROP TRIGGER audit_is_not_deleted ON audit;
                     DROP TRIGGER audit_head_does_not_go_back ON audit_head;
                     DROP TRIGGER audit_head_is_not_deleted ON audit_head";
    contract::audit::tampering(fresh, unprotect).await;
}

#[tokio::test]
async fn the_server_has_a_clock() {
    let time = fresh().await.time().await.expect("the time").expect("a clock");
    // The same machine, which may be busy.
    assert!((time.0 - System.now().0).abs() < 60_000, "{time:?}");
}
