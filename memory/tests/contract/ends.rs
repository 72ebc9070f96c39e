//! The ends of cards and of turns, and what is said with them.

use jarvis_memory::records::{Approval, ApprovalStatus, Run, RunStatus};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::approvals::{AFTER, create, with_people};
use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "how a card ended is told once, with the run that follows or not at all",
        run: |store| Box::pin(telling(store)),
    },
    Case {
        name: "a turn ends with its last word and all of its runs, or not at all",
        run: |store| Box::pin(ending(store)),
    },
];

async fn telling(store: Store) {
    with_people(&store).await;
    let conversation = make::stored_conversation(&store).await;
    for (id, status) in [
        ("DONE", ApprovalStatus::Executing),
        ("LATE", ApprovalStatus::Pending),
        ("NONO", ApprovalStatus::Pending),
        ("ALONE", ApprovalStatus::Executing),
        ("OPEN", ApprovalStatus::Executing),
    ] {
        let card = Approval {
            status,
            conversation_id: (id != "ALONE").then(|| conversation.id.clone()),
            args_hash: id.to_owned(),
            ..make::approval(id)
        };
        create(&store, card).await;
    }
    let (event, result) = (make::event("end"), json!({}));
    for id in ["DONE", "ALONE"] {
        let ended = store.finish_approval(id, (ApprovalStatus::Done, &result), &event, make::NOW);
        assert!(ended.await.unwrap());
    }
    let no = make::vote("NONO", "ann", false);
    store.vote(&no, &event, None, make::NOW).await.unwrap();
    store.expire_approvals(AFTER, |_| event.clone()).await.unwrap();
    let untold = async || -> Vec<String> {
        let cards = store.untold_approvals(10).await.unwrap();
        cards.into_iter().map(|card| card.id).collect()
    };
    assert_eq!(untold().await, ["DONE", "LATE", "NONO"]);
    let (run, said) = (make::run(&conversation.id), make::message(&conversation.id, "done"));
    assert!(store.tell_approval("done", &said, Some(&run)).await.unwrap());
    let again = make::message(&conversation.id, "again");
    assert!(!store.tell_approval("DONE", &again, None).await.unwrap());
    let refused = store.tell_approval("LATE", &again, Some(&run)).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(untold().await, ["LATE", "NONO"]);
    assert_eq!(store.messages(&conversation.id, None, 10).await.unwrap(), [said]);
}

async fn ending(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let ended = |run: &Run| Run {
        status: RunStatus::Done,
        ..run.clone()
    };
    let runs = [make::run(&conversation.id), make::run(&conversation.id)];
    for run in &runs {
        store.start_run(run).await.unwrap();
    }
    let said = make::message(&conversation.id, "the answer");
    let with_a_stranger = [ended(&runs[0]), make::run(&conversation.id)];
    let refused = store.end_runs(&with_a_stranger, &said).await;
    assert!(matches!(refused, Err(Error::Missing { .. })), "{refused:?}");
    assert_eq!(store.unfinished_runs().await.unwrap(), runs);
    assert_eq!(store.messages(&conversation.id, None, 10).await.unwrap(), []);
    store.end_runs(&runs.each_ref().map(ended), &said).await.unwrap();
    assert_eq!(store.unfinished_runs().await.unwrap(), []);
    assert_eq!(store.messages(&conversation.id, None, 10).await.unwrap(), [said]);
}
