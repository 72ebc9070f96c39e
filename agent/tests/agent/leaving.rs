//! Whoever asks leaves as soon as a row says that it counts: it is done all the same.

use jarvis_agent::view::CardStatus;
use jarvis_gateway::providers::scripted::says;

use crate::approvals::asked_to_stop_web;
use crate::support::{House, until};

/// Lets `asking` go on until `counts`, then drops it.
async fn left<T>(asking: impl Future<Output = T>, counts: impl AsyncFn() -> bool) {
    let mut asking = Box::pin(asking);
    while !counts().await {
        tokio::select! {
            biased;
            _ = &mut asking => return,
            () = tokio::task::yield_now() => {}
        }
    }
}

/// Time and again, because a message is a row only a moment before it is on its way.
#[tokio::test]
async fn a_message_is_answered() {
    for number in 0..20 {
        let house = House::new([says("here")]).await;
        left(house.say("hello"), async || !house.talk().await.is_empty()).await;
        until(&format!("answer {number}"), async {
            while house.talk().await != ["user: hello", "assistant: here"] {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn an_approved_act_is_done() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let mut seen = house.watch();
    left(house.decide(&id, true), async || {
        house.card().await.status == CardStatus::Approved
    })
    .await;
    assert_eq!(seen.closed(&id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

#[tokio::test]
async fn a_command_is_carried_out() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let before = house.talk().await.len();
    left(house.say(&format!("deny {id}")), async || {
        house.talk().await.len() > before
    })
    .await;
    until("the end of the card", async {
        while house.card().await.status != CardStatus::Denied {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
