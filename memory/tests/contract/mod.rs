//! What every engine must do. Each case is given a fresh, migrated store; an engine's own test file runs all of them.

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod conversations;
pub(crate) mod ends;
pub(crate) mod forget;
pub(crate) mod instances;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod make;
pub(crate) mod mcp_pins;
pub(crate) mod outbox;
pub(crate) mod people;
pub(crate) mod racing;
pub(crate) mod recall;
pub(crate) mod responses;
pub(crate) mod runs;
pub(crate) mod usage;

use std::pin::Pin;

use jarvis_memory::Store;

/// A case by name, for the report of a failure.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Store) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Everything, by subject. A new case stands in its subject's list.
pub(crate) const SUBJECTS: [&[Case]; 17] = [
    people::CASES,
    links::CASES,
    conversations::CASES,
    runs::CASES,
    approvals::CASES,
    ends::CASES,
    audit::CASES,
    keys::CASES,
    usage::CASES,
    responses::CASES,
    jobs::CASES,
    outbox::CASES,
    mcp_pins::CASES,
    recall::CASES,
    forget::CASES,
    racing::CASES,
    instances::CASES,
];

/// Runs the cases in order, each on a store of its own.
pub(crate) async fn run(cases: &[Case], fresh: impl AsyncFn() -> Store) {
    for case in cases {
        println!("case: {}", case.name);
        let store = fresh().await;
        (case.run)(store.clone()).await;
        store.discard().await;
    }
}
