//! Several instances on one database, as several handles.

use jarvis_memory::records::{ApprovalStatus, Delivery, DeliveryKind, DeliveryState, Run, RunStatus};
use jarvis_memory::{Begun, Error, Others, Store};
use serde_json::json;

use super::approvals::{AFTER, create, with_people};
use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "an instance is dead when another one declares it so, once, and only if it stood still",
        run: |store| Box::pin(declared(store)),
    },
    Case {
        name: "a start ends the former instance of its name, or all",
        run: |store| Box::pin(begun(store)),
    },
    Case {
        name: "what the dead held is nobody's, and their writes to it are refused",
        run: |store| Box::pin(disowned(store)),
    },
    Case {
        name: "one turn of a conversation at a time, in the order of the messages",
        run: |store| Box::pin(turns(store)),
    },
    Case {
        name: "a waiting run is adopted once",
        run: |store| Box::pin(adopted(store)),
    },
    Case {
        name: "a turn is asked to stop through the database",
        run: |store| Box::pin(stopped(store)),
    },
    Case {
        name: "a lease is held by one that lives",
        run: |store| Box::pin(leases(store)),
    },
];

async fn join(store: &Store, name: &str) -> Store {
    let other = store.another().await.unwrap();
    other
        .join(&make::id(), name, Others::GoneOfThisName, make::NOW)
        .await
        .unwrap();
    other
}

async fn alive(store: &Store) -> Vec<String> {
    let beats = store.instances().await.unwrap();
    beats.into_iter().map(|beat| beat.name).collect()
}

async fn die(store: &Store, by: &Store) {
    let me = store.me();
    let beats = by.instances().await.unwrap();
    let seen = beats.iter().find(|beat| beat.id == *me).unwrap();
    assert!(by.declare_dead(seen).await.unwrap());
    by.disown_the_dead().await.unwrap();
}

async fn declared(store: Store) {
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    let me = a.me();
    let seen = async || b.instances().await.unwrap().into_iter().find(|beat| beat.id == *me);
    let before = seen().await.unwrap();
    assert!(a.beat().await.unwrap());
    assert!(!b.declare_dead(&before).await.unwrap(), "it moved");
    let still = seen().await.unwrap();
    assert!(b.declare_dead(&still).await.unwrap());
    assert!(!b.declare_dead(&still).await.unwrap(), "somebody was faster");
    assert!(!a.beat().await.unwrap());
    assert_eq!(alive(&store).await, ["b"]);
    b.leave().await.unwrap();
    assert_eq!(alive(&store).await, Vec::<String>::new());
}

async fn begun(store: Store) {
    let (_a, _b) = (join(&store, "a").await, join(&store, "b").await);
    let again = join(&store, "a").await;
    assert_eq!(alive(&store).await, ["b", "a"]);
    store.join(&make::id(), "alone", Others::Gone, make::NOW).await.unwrap();
    assert_eq!(alive(&store).await, ["alone"]);
    assert!(!again.beat().await.unwrap());
}

fn ended(run: &Run) -> Run {
    Run {
        status: RunStatus::Failed,
        ..run.clone()
    }
}

fn is_fenced(answer: &Result<(), Error>) -> bool {
    matches!(answer, Err(Error::Fenced { .. }))
}

fn words() -> Delivery {
    Delivery {
        id: make::id(),
        kind: DeliveryKind::Words,
        platform: "wall".into(),
        room: "1".into(),
        server: None,
        direct: false,
        opens: false,
        message_id: None,
        approval_id: None,
        public: false,
        text: "hello".into(),
        answers: None,
        state: DeliveryState::Waiting,
        attempts: 0,
        doubts: 0,
        next_at: make::NOW,
        created_at: make::NOW,
        shown_room: None,
        shown_message: None,
        shown: None,
        wanted: None,
        fault: None,
    }
}

async fn disowned(store: Store) {
    with_people(&store).await;
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    let conversation = make::stored_conversation(&store).await;
    let (run, of_living) = (make::run(&conversation.id), make::run(&conversation.id));
    a.start_run(&run).await.unwrap();
    b.start_run(&of_living).await.unwrap();
    let card = jarvis_memory::records::Approval {
        status: ApprovalStatus::Approved,
        run_id: Some(run.id.clone()),
        ..make::approval("K7QX")
    };
    create(&store, card).await;
    assert!(a.claim_approval("K7QX", "a1", make::NOW).await.unwrap().is_some());
    let delivery = words();
    a.deliver(&delivery).await.unwrap();
    assert!(a.take_delivery(&delivery.id).await.unwrap());
    assert_eq!(b.abandoned_runs().await.unwrap(), []);
    assert_eq!(b.deliveries(DeliveryState::Sending, 9).await.unwrap(), []);

    die(&a, &b).await;
    assert_eq!(b.abandoned_runs().await.unwrap(), std::slice::from_ref(&run));
    assert_eq!(
        b.abandoned_approvals(ApprovalStatus::Executing, 9).await.unwrap().len(),
        1
    );
    assert_eq!(b.deliveries(DeliveryState::Sending, 9).await.unwrap().len(), 1);
    let intent = make::tool_call(&run.id, "c1");
    assert!(is_fenced(&a.start_tool_call(&intent, None).await));
    let of_card = jarvis_memory::records::AuditEvent {
        approval_id: Some("K7QX".into()),
        ..make::event("tool.intent")
    };
    assert!(is_fenced(&a.start_tool_call(&intent, Some(&of_card)).await));
    assert!(is_fenced(&a.update_run(&ended(&run)).await));
    let said = make::message(&conversation.id, "the answer");
    assert!(is_fenced(&a.end_runs(&[ended(&run)], &said).await));
    assert!(
        !a.delivery_over(&delivery.id, DeliveryState::Failed, "late")
            .await
            .unwrap()
    );
    let (event, result) = (make::event("end"), json!({}));
    let finished = a.finish_approval("K7QX", (ApprovalStatus::Done, &result), &event, AFTER);
    assert!(!finished.await.unwrap());
    assert_eq!(store.messages(&conversation.id, None, 9).await.unwrap(), []);

    // Whoever closes it does so once, in whichever instance.
    let nobody = b.as_nobody();
    nobody.end_runs(&[ended(&run)], &said).await.unwrap();
    assert!(is_fenced(
        &nobody
            .end_runs(&[ended(&run)], &make::message(&conversation.id, "again"))
            .await
    ));
    assert!(b.adopt_approval("K7QX").await.unwrap());
    assert!(!b.adopt_approval("K7QX").await.unwrap());
    assert!(
        b.finish_approval("K7QX", (ApprovalStatus::Failed, &result), &event, AFTER)
            .await
            .unwrap()
    );
    assert_eq!(b.unfinished_runs().await.unwrap(), [of_living]);
}

fn waiting(conversation_id: &str) -> Run {
    Run {
        waits: true,
        ..make::run(conversation_id)
    }
}

async fn turns(store: Store) {
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    let conversation = make::stored_conversation(&store).await;
    let [first, second, third] = [(); 3].map(|()| waiting(&conversation.id));
    a.start_run(&first).await.unwrap();
    b.start_run(&second).await.unwrap();
    a.start_run(&third).await.unwrap();
    assert_eq!(
        b.begin_turn(&second, true).await.unwrap(),
        Begun::Later,
        "an older one waits"
    );
    assert_eq!(
        b.begin_turn(&first, true).await.unwrap(),
        Begun::Not,
        "another one has it"
    );
    assert_eq!(a.begin_turn(&first, true).await.unwrap(), Begun::Yes);
    assert_eq!(a.begin_turn(&first, true).await.unwrap(), Begun::Not, "it has begun");
    assert_eq!(b.begin_turn(&second, true).await.unwrap(), Begun::Later);
    assert_eq!(b.begin_turn(&second, false).await.unwrap(), Begun::Later, "a turn runs");
    a.update_run(&ended(&first)).await.unwrap();
    assert_eq!(
        a.begin_turn(&third, true).await.unwrap(),
        Begun::Later,
        "an older one waits elsewhere"
    );
    assert_eq!(b.begin_turn(&second, true).await.unwrap(), Begun::Yes);
    let said = make::message(&conversation.id, "the answer");
    b.end_runs(&[ended(&second)], &said).await.unwrap();
    assert_eq!(a.begin_turn(&third, true).await.unwrap(), Begun::Yes);
}

async fn adopted(store: Store) {
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    let conversation = make::stored_conversation(&store).await;
    let (run, next) = (waiting(&conversation.id), waiting(&conversation.id));
    let person = make::person("ann", 3);
    a.take_message(&person, Some(&run), &spoken(&run)).await.unwrap();
    b.take_message(&person, Some(&next), &spoken(&next)).await.unwrap();
    assert_eq!(a.waiting_elsewhere().await.unwrap(), [], "its own turn has not begun");
    assert_eq!(a.begin_turn(&run, true).await.unwrap(), Begun::Yes);
    let elsewhere = a.waiting_elsewhere().await.unwrap();
    assert_eq!(elsewhere.len(), 1);
    assert_eq!(
        (elsewhere[0].0.run_id.as_deref(), &*elsewhere[0].1),
        (Some(&*next.id), &*b.me())
    );
    assert!(!b.adopt_run(&run.id, Some(&a.me())).await.unwrap(), "it has begun");
    assert!(a.adopt_run(&next.id, Some(&b.me())).await.unwrap());
    assert!(!a.adopt_run(&next.id, Some(&b.me())).await.unwrap());
    assert_eq!(b.begin_turn(&next, true).await.unwrap(), Begun::Not);
    die(&a, &b).await;
    assert!(b.adopt_run(&next.id, None).await.unwrap());
    let message = b.message_of_run(&next.id).await.unwrap().unwrap();
    assert_eq!(message.text, "hello");
}

fn spoken(run: &Run) -> jarvis_memory::records::Message {
    jarvis_memory::records::Message {
        run_id: Some(run.id.clone()),
        person_id: Some("ann".into()),
        ..make::message(&run.conversation_id, "hello")
    }
}

async fn stopped(store: Store) {
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    with_people(&store).await;
    let conversation = make::stored_conversation(&store).await;
    let run = Run {
        person_id: Some("ann".into()),
        ..make::run(&conversation.id)
    };
    a.start_run(&run).await.unwrap();
    assert!(!b.ask_to_stop(&conversation.id, Some("bob")).await.unwrap());
    assert!(
        !a.ask_to_stop(&conversation.id, None).await.unwrap(),
        "its own it stops by itself"
    );
    assert_eq!(a.asked_to_stop().await.unwrap(), Vec::<String>::new());
    assert!(b.ask_to_stop(&conversation.id, Some("ann")).await.unwrap());
    assert!(
        !b.ask_to_stop(&conversation.id, None).await.unwrap(),
        "it was asked before"
    );
    assert_eq!(a.asked_to_stop().await.unwrap(), [run.id]);
    assert_eq!(b.asked_to_stop().await.unwrap(), Vec::<String>::new());
}

async fn leases(store: Store) {
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    assert!(a.hold_lease("schedule").await.unwrap());
    assert!(a.hold_lease("schedule").await.unwrap());
    assert!(!b.hold_lease("schedule").await.unwrap());
    assert!(b.hold_lease("another").await.unwrap());
    die(&a, &b).await;
    assert!(b.hold_lease("schedule").await.unwrap());
    assert!(!a.hold_lease("schedule").await.unwrap());
}
