//! What Jarvis says in a room of a platform is shown there: in order, once, and through every kind of end.

use std::time::Duration;

use jarvis_memory::Store;
use jarvis_memory::records::{Conversation, DeliveryState, Message, MessageRole, Room};
use serde_json::json;

use crate::support::house::NOW;
use crate::support::wall::{Takes, Wall};
use crate::support::{House, until};

/// A conversation in a room of the wall.
async fn conversation(store: &Store, room: &str) -> String {
    let room = Room {
        id: uuid(),
        platform: "wall".into(),
        external_id: room.into(),
        ceiling: 3,
        public: false,
        server_id: None,
        direct: false,
    };
    let conversation = Conversation {
        id: uuid(),
        room_id: store.room(&room).await.unwrap().id,
        title: String::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    store.create_conversation(&conversation).await.unwrap();
    conversation.id
}

fn uuid() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Stores a message as the agent does; its id.
async fn says(store: &Store, conversation: &str, role: MessageRole, text: &str) -> String {
    let message = Message {
        id: uuid(),
        conversation_id: conversation.into(),
        run_id: None,
        person_id: None,
        trust: 0,
        role,
        text: text.into(),
        detail: json!({}),
        external_id: None,
        created_at: NOW,
    };
    assert!(store.add_message(&message).await.unwrap());
    message.id
}

async fn state(store: &Store, id: &str) -> DeliveryState {
    store.delivery(id).await.unwrap().expect("a delivery").state
}

async fn becomes(store: &Store, id: &str, wanted: DeliveryState) {
    until(wanted.as_str(), async {
        while state(store, id).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Lets the time of the next try come.
fn later(house: &House, wall: &Wall) {
    house.clock.advance(Duration::from_mins(1));
    house.agent.connect(wall.adapter());
}

#[tokio::test]
async fn answers_and_events_are_shown_in_order_and_what_people_said_is_not() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let talk = conversation(&house.store, "town").await;
    let mut last = String::new();
    for number in 0..20 {
        says(&house.store, &talk, MessageRole::User, "hello").await;
        last = says(&house.store, &talk, MessageRole::Assistant, &format!("answer {number}")).await;
    }
    let event = says(&house.store, &talk, MessageRole::Event, "done").await;
    assert_eq!(state(&house.store, &last).await, DeliveryState::Waiting);
    house.agent.connect(wall.adapter());
    becomes(&house.store, &event, DeliveryState::Sent).await;
    let mut expect: Vec<String> = (0..20).map(|number| format!("town: answer {number}")).collect();
    expect.push("town: done".into());
    assert_eq!(wall.shows(), expect);
    let delivery = house.store.delivery(&last).await.unwrap().unwrap();
    let shown = (delivery.shown_room.as_deref(), delivery.shown_message.as_deref());
    assert_eq!(shown, (Some("town"), Some("m19")));
    // The console's own conversation is on no platform.
    let console = says(&house.store, &house.conversation, MessageRole::Assistant, "here").await;
    assert_eq!(house.store.delivery(&console).await.unwrap(), None);
}

#[tokio::test]
async fn a_busy_platform_is_tried_again_and_the_order_holds() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let talk = conversation(&house.store, "town").await;
    wall.next([Takes::Later, Takes::Later]);
    says(&house.store, &talk, MessageRole::Assistant, "first").await;
    let second = says(&house.store, &talk, MessageRole::Assistant, "second").await;
    house.agent.connect(wall.adapter());
    for tries in 1..3 {
        until("a try", async {
            while wall.sends() < tries {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(wall.shows(), Vec::<String>::new());
        until("the row of the try", async {
            while house.store.deliveries(DeliveryState::Waiting, 9).await.unwrap().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        later(&house, &wall);
    }
    becomes(&house.store, &second, DeliveryState::Sent).await;
    assert_eq!(wall.shows(), ["town: first", "town: second"]);
    assert_eq!(wall.sends(), 4);
}

#[tokio::test]
async fn a_room_that_does_not_answer_holds_up_no_other_room() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let (one, two) = (
        conversation(&house.store, "one").await,
        conversation(&house.store, "two").await,
    );
    wall.next([Takes::Hangs]);
    let first = says(&house.store, &one, MessageRole::Assistant, "first").await;
    let behind = says(&house.store, &one, MessageRole::Assistant, "behind it").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &first, DeliveryState::Sending).await;
    let other = says(&house.store, &two, MessageRole::Assistant, "elsewhere").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &other, DeliveryState::Sent).await;
    assert_eq!(state(&house.store, &behind).await, DeliveryState::Waiting);
}

#[tokio::test]
async fn what_the_platform_refuses_is_in_the_audit_and_the_next_one_is_shown() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let talk = conversation(&house.store, "town").await;
    wall.next([Takes::Refuses]);
    let lost = says(&house.store, &talk, MessageRole::Assistant, "lost").await;
    let next = says(&house.store, &talk, MessageRole::Assistant, "next").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &next, DeliveryState::Sent).await;
    assert_eq!(state(&house.store, &lost).await, DeliveryState::Failed);
    assert_eq!(wall.shows(), ["town: next"]);
    until("the audit", async {
        while house.audit().await != ["delivery.failed -/wall failed"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Operators read it where they read everything, once for a room and an hour, and without a word of the platform.
#[tokio::test]
async fn what_the_platform_refuses_is_told_to_the_operators() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let (one, two) = (
        conversation(&house.store, "town").await,
        conversation(&house.store, "village").await,
    );
    house.agent.connect(wall.adapter());
    let refused = async |talk: &str, told: usize| {
        wall.next([Takes::Refuses]);
        let lost = says(&house.store, talk, MessageRole::Assistant, "lost").await;
        house.agent.connect(wall.adapter());
        becomes(&house.store, &lost, DeliveryState::Failed).await;
        // What is shown after it proves that its end was told.
        let next = says(&house.store, talk, MessageRole::Assistant, "next").await;
        house.agent.connect(wall.adapter());
        becomes(&house.store, &next, DeliveryState::Sent).await;
        assert_eq!(house.talk().await.len(), told);
    };
    refused(&one, 1).await;
    refused(&one, 1).await;
    refused(&two, 2).await;
    house.clock.advance(Duration::from_hours(1));
    refused(&one, 3).await;
    let told = |room: &str| {
        format!(
            "event: A message could not be shown in `wall:{room}` and is not sent there again. The audit says why. More of \
             it is told after an hour."
        )
    };
    assert_eq!(house.talk().await, [told("town"), told("village"), told("town")]);
}

/// One message through what the platform does with it: what is shown in the end, and what the row says.
async fn in_doubt(wall: Wall, takes: Vec<Takes>, shown: &[&str], end: DeliveryState) {
    let house = House::new([]).await;
    let talk = conversation(&house.store, "town").await;
    wall.next(takes.clone());
    let id = says(&house.store, &talk, MessageRole::Assistant, "hi").await;
    house.agent.connect(wall.adapter());
    for tries in 1..=takes.len() {
        until("a try is over", async {
            while wall.sends() < tries || state(&house.store, &id).await == DeliveryState::Sending {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        later(&house, &wall);
    }
    becomes(&house.store, &id, end).await;
    assert_eq!(wall.shows(), shown, "{takes:?}");
}

#[tokio::test]
async fn a_message_in_doubt_is_repeated_at_most_once() {
    in_doubt(
        Wall::new(),
        vec![Takes::BreaksBefore],
        &["town: hi"],
        DeliveryState::Sent,
    )
    .await;
    let twice = ["town: hi", "town: hi"];
    in_doubt(Wall::new(), vec![Takes::BreaksAfter], &twice, DeliveryState::Sent).await;
    in_doubt(Wall::new(), vec![Takes::Panics], &["town: hi"], DeliveryState::Sent).await;
    let breaks = vec![Takes::BreaksAfter, Takes::BreaksAfter];
    in_doubt(Wall::new(), breaks, &twice, DeliveryState::Unknown).await;
}

#[tokio::test]
async fn where_the_platform_knows_repeats_a_message_is_shown_once() {
    let breaks = vec![Takes::BreaksAfter, Takes::BreaksBefore, Takes::BreaksAfter];
    in_doubt(Wall::knowing_repeats(), breaks, &["town: hi"], DeliveryState::Sent).await;
}

/// The process ends between any two steps of a delivery: what the next one does.
#[tokio::test]
async fn a_restart_goes_on_where_the_last_process_was() {
    let (house, wall) = (House::new([]).await, Wall::new());
    let talk = conversation(&house.store, "town").await;
    let sent = says(&house.store, &talk, MessageRole::Assistant, "sent").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &sent, DeliveryState::Sent).await;
    wall.next([Takes::Hangs]);
    let cut_off = says(&house.store, &talk, MessageRole::Assistant, "cut off").await;
    let waiting = says(&house.store, &talk, MessageRole::Assistant, "waiting").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &cut_off, DeliveryState::Sending).await;
    let house = house.restarted([]).await;
    house.agent.connect(wall.adapter());
    until("the end of the doubt", async {
        while state(&house.store, &cut_off).await != DeliveryState::Sent {
            later(&house, &wall);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    becomes(&house.store, &waiting, DeliveryState::Sent).await;
    assert_eq!(
        wall.shows(),
        ["town: sent", "town: cut off", "town: cut off", "town: waiting"]
    );
    // A second crash in the same message is the end of it.
    wall.next([Takes::Hangs]);
    let doubted = says(&house.store, &talk, MessageRole::Assistant, "doubted").await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &doubted, DeliveryState::Sending).await;
    wall.next([Takes::Hangs]);
    let house = house.restarted([]).await;
    until("the second try", async {
        while wall.sends() < 6 {
            later(&house, &wall);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let house = house.restarted([]).await;
    house.agent.connect(wall.adapter());
    becomes(&house.store, &doubted, DeliveryState::Unknown).await;
}
