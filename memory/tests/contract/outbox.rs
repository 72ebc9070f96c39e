//! The outbox, grants and freezes: what waits is taken once, what is allowed is used as often as was said, what is frozen
//! ends when it was said.

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::records::{Delivery, DeliveryState, Grant, GrantedCall, Switch};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "of many who take a delivery one has it",
        run: |store| Box::pin(taken_once(store)),
    },
    Case {
        name: "what waits in a place is due in order, and nothing before its time",
        run: |store| Box::pin(in_order(store)),
    },
    Case {
        name: "a grant is used as often as it says, by many at once too",
        run: |store| Box::pin(used_up(store)),
    },
    Case {
        name: "a grant fits its person, room, tool, target and time alone",
        run: |store| Box::pin(fits(store)),
    },
    Case {
        name: "a grant that was taken back does not hold",
        run: |store| Box::pin(taken_back(store)),
    },
    Case {
        name: "a freeze holds until its end or until it is taken away",
        run: |store| Box::pin(freezes(store)),
    },
];

const AFTER: Millis = Millis(make::NOW.0 + 1000);

async fn waiting(store: &Store, account: &str) -> Delivery {
    let delivery = Delivery::to_account(make::id(), "wall", account, "hello".into(), make::NOW);
    store.deliver(&delivery).await.unwrap();
    delivery
}

async fn taken_once(store: Store) {
    let delivery = waiting(&store, "ann").await;
    let changed = Delivery {
        text: "something else".into(),
        ..delivery.clone()
    };
    store.deliver(&changed).await.unwrap();
    let there = store.delivery(&delivery.id).await.unwrap().expect("a delivery");
    assert_eq!((there.text.as_str(), there.state), ("hello", DeliveryState::Waiting));
    let takers = (0..20).map(|_| store.take_delivery(&delivery.id));
    let taken = join_all(takers)
        .await
        .into_iter()
        .filter(|taken| *taken.as_ref().unwrap());
    assert_eq!(taken.count(), 1);
    let sending = store.deliveries(DeliveryState::Sending, 10).await.unwrap();
    assert_eq!(sending.iter().map(|sending| sending.attempts).collect::<Vec<_>>(), [1]);
    store
        .delivery_over(&delivery.id, DeliveryState::Failed, "refused")
        .await
        .unwrap();
    assert!(
        !store.take_delivery(&delivery.id).await.unwrap(),
        "what is over stays over"
    );
}

async fn in_order(store: Store) {
    let first = waiting(&store, "ann").await;
    let second = waiting(&store, "ann").await;
    let other = waiting(&store, "bob").await;
    let due = async |now| {
        let due = store.due_deliveries(&["wall".into()], now, 10).await.unwrap();
        due.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(due(make::NOW).await, [first.id.clone(), other.id.clone()]);
    let elsewhere = store.due_deliveries(&["post".into()], make::NOW, 10).await.unwrap();
    assert_eq!(elsewhere, []);
    assert!(store.take_delivery(&first.id).await.unwrap());
    assert_eq!(due(make::NOW).await, [other.id.as_str()], "one at a time in a place");
    store.delivery_later(&first.id, AFTER, 1, "busy").await.unwrap();
    assert_eq!(
        due(make::NOW).await,
        [other.id.as_str()],
        "the second does not overtake"
    );
    assert_eq!(due(AFTER).await, [first.id.clone(), other.id.clone()]);
    store.delivery_sent(&first.id, "room", "m1", None, AFTER).await.unwrap();
    assert_eq!(due(AFTER).await, [second.id, other.id]);
    let sent = store.delivery(&first.id).await.unwrap().expect("a delivery");
    assert_eq!(
        (sent.state, sent.doubts, sent.shown_message.as_deref(), sent.fault),
        (DeliveryState::Sent, 1, Some("m1"), None)
    );
}

/// A grant of `ann` for `plex` in the room of a conversation: the conversation and the grant.
async fn granted(store: &Store, uses_left: i64) -> (String, Grant) {
    store.put_person(&make::person("ann", 3)).await.unwrap();
    store.put_person(&make::person("bob", 3)).await.unwrap();
    let conversation = make::stored_conversation(store).await;
    let grant = Grant {
        id: "K7QX".into(),
        person_id: "ann".into(),
        room_id: conversation.room_id,
        tool: "docker_action".into(),
        target: "plex".into(),
        uses_left,
        created_at: make::NOW,
        expires_at: AFTER,
        granted_by: "bob".into(),
        approval_id: "K7QX".into(),
    };
    assert!(store.create_grant(&grant).await.unwrap());
    (conversation.id, grant)
}

fn call(conversation_id: &str) -> GrantedCall<'_> {
    GrantedCall {
        person_id: "ann",
        conversation_id,
        tool: "docker_action",
        target: "plex",
    }
}

async fn used_up(store: Store) {
    let (conversation, grant) = granted(&store, 3).await;
    let again = Grant {
        id: "M3PA".into(),
        uses_left: 99,
        ..grant
    };
    assert!(!store.create_grant(&again).await.unwrap(), "a card gives one grant");
    let uses = (0..20).map(|_| store.use_grant(call(&conversation), make::NOW));
    let used = join_all(uses).await.into_iter().filter(|used| *used.as_ref().unwrap());
    assert_eq!(used.count(), 3);
    assert!(!store.is_granted(call(&conversation), make::NOW).await.unwrap());
    assert_eq!(store.grants(make::NOW, 10).await.unwrap(), []);
}

async fn fits(store: Store) {
    let (conversation, grant) = granted(&store, 20).await;
    let elsewhere = make::stored_conversation(&store).await.id;
    let here = call(&conversation);
    let check = async |call: GrantedCall<'_>, now: Millis, expect: bool| {
        assert_eq!(store.is_granted(call, now).await.unwrap(), expect);
        assert_eq!(store.use_grant(call, now).await.unwrap(), expect);
    };
    check(here, make::NOW, true).await;
    check(here, Millis(AFTER.0 - 1), true).await;
    check(here, AFTER, false).await;
    check(
        GrantedCall {
            person_id: "bob",
            ..here
        },
        make::NOW,
        false,
    )
    .await;
    check(GrantedCall { tool: "other", ..here }, make::NOW, false).await;
    check(GrantedCall { target: "ple", ..here }, make::NOW, false).await;
    check(call(&elsewhere), make::NOW, false).await;
    let left = Grant { uses_left: 18, ..grant };
    assert_eq!(store.grants(make::NOW, 10).await.unwrap(), [left]);
    assert_eq!(store.grants(AFTER, 10).await.unwrap(), []);
}

async fn taken_back(store: Store) {
    let (conversation, _) = granted(&store, 20).await;
    assert!(!store.revoke_grant("ZZZZ", make::NOW).await.unwrap());
    assert!(!store.revoke_grant("K7QX", AFTER).await.unwrap(), "it is over already");
    assert!(store.revoke_grant("k7qx", make::NOW).await.unwrap());
    assert!(!store.revoke_grant("K7QX", make::NOW).await.unwrap());
    assert!(!store.use_grant(call(&conversation), make::NOW).await.unwrap());
}

async fn freezes(store: Store) {
    let switch = |name: &str, until: Option<Millis>| Switch {
        name: name.into(),
        until,
        by_name: "ann".into(),
        at: make::NOW,
    };
    let (all, tool) = (switch("all", None), switch("tool:docker_action", Some(AFTER)));
    store.freeze(&tool).await.unwrap();
    store.freeze(&all).await.unwrap();
    assert_eq!(store.switches(make::NOW).await.unwrap(), [all.clone(), tool.clone()]);
    assert_eq!(store.switches(AFTER).await.unwrap(), [all]);
    // The same name again has the newer end.
    let shorter = switch("all", Some(Millis(make::NOW.0 + 1)));
    store.freeze(&shorter).await.unwrap();
    assert_eq!(store.switches(make::NOW).await.unwrap(), [shorter, tool]);
    assert!(!store.unfreeze("all", AFTER).await.unwrap(), "it was over");
    assert!(store.unfreeze("tool:docker_action", make::NOW).await.unwrap());
    assert!(!store.unfreeze("tool:docker_action", make::NOW).await.unwrap());
    assert_eq!(store.switches(make::NOW).await.unwrap(), []);
}
