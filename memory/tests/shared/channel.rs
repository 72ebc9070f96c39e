//! The contract of a channel, over both.

use std::sync::Arc;

use bytes::Bytes;
use jarvis_gateway::channel::{Alone, Channel, Heard, LONGEST, Listener, Message};
use tokio::time::timeout;
use uuid::Uuid;

use crate::replica::{PATIENCE, replica, server};

/// The next message, past what was said before it was listened.
async fn message(listener: &mut Listener) -> Message {
    loop {
        let heard = timeout(PATIENCE, listener.next()).await.expect("something is heard");
        if let Heard::Message(message) = heard.expect("the channel is there") {
            return message;
        }
    }
}

/// What `from` publishes is heard by itself and by `other`, in order, with who said it.
async fn contract(from: &dyn Channel, other: &dyn Channel) {
    let mut listeners = [from.listen(), other.listen()];
    for number in 0..100_u8 {
        from.publish(
            if number % 2 == 0 { "even" } else { "odd.numbers" },
            vec![number, 0, 255].into(),
        );
    }
    from.publish("long", vec![7; LONGEST + 1].into());
    from.publish("last", Bytes::new());
    for listener in &mut listeners {
        for number in 0..100_u8 {
            let heard = message(listener).await;
            let topic = if number % 2 == 0 { "even" } else { "odd.numbers" };
            assert_eq!((&*heard.topic, &heard.bytes[..]), (topic, &[number, 0, 255][..]));
            assert_eq!(heard.from, from.instance());
        }
        assert_eq!(&*message(listener).await.topic, "last", "what is too long is dropped");
    }
    assert_eq!(from.dropped(), 1);
}

#[tokio::test]
async fn of_a_process_alone() {
    let alone: Arc<dyn Channel> = Arc::new(Alone::new(Uuid::now_v7()));
    contract(&*alone, &*alone).await;
}

#[tokio::test]
async fn of_replicas() {
    let server = server().await;
    let (one, other) = (replica(&server).await, replica(&server).await);
    contract(&one.redis, &other.redis).await;
    assert_ne!(one.redis.instance(), other.redis.instance());
}

#[tokio::test]
async fn installations_that_share_a_redis_do_not_hear_each_other() {
    let server = server().await;
    let mut others = crate::replica::config(&server);
    others.prefix = "jv:other:".to_owned();
    let (ours, theirs) = (replica(&server).await, crate::replica::replica_of(&others));
    theirs.is_here().await;
    let mut listener = ours.redis.listen();
    theirs.redis.publish("said", "theirs".into());
    theirs.redis.publish("said", "theirs".into());
    let mut echo = theirs.redis.listen();
    theirs.redis.publish("said", "last".into());
    while message(&mut echo).await.bytes != "last" {}
    ours.redis.publish("said", "ours".into());
    assert_eq!(message(&mut listener).await.bytes, "ours");
}

#[tokio::test]
async fn a_listener_is_told_that_it_may_have_missed_something() {
    let mut server = server().await;
    let one = replica(&server).await;
    let mut listener = one.redis.listen();
    server.kill().await;
    one.is_away().await;
    one.redis.publish("said", "to nobody".into());
    assert_eq!(one.redis.dropped(), 1);
    server.restart().await.expect("it starts again");
    one.is_here().await;
    let gap = timeout(PATIENCE, listener.next()).await.expect("something is heard");
    assert_eq!(gap, Some(Heard::Gap));
    one.redis.publish("said", "again".into());
    assert_eq!(message(&mut listener).await.bytes, "again");
}

#[tokio::test]
async fn a_listener_that_lags_behind_is_told_so() {
    let alone = Alone::new(Uuid::now_v7());
    let mut listener = alone.listen();
    for _ in 0..5_000 {
        alone.publish("said", Bytes::new());
    }
    assert_eq!(listener.next().await, Some(Heard::Gap));
    assert!(matches!(listener.next().await, Some(Heard::Message(_))));
}
