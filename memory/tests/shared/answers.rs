//! Answers that another replica keeps.

use std::time::Duration;

use jarvis_gateway::http::cache::Shared;

use crate::replica::{eventually, replica, server};

const MINUTE: Duration = Duration::from_mins(1);
const MOST: usize = 10_000;

#[tokio::test]
async fn what_one_keeps_all_find_for_as_long() {
    let server = server().await;
    let (one, other) = (replica(&server).await, replica(&server).await);
    assert_eq!(other.redis.find(&[1; 32]).await, None);
    one.redis
        .keep(&[1; 32], b"\"gr\xC3\xBC\xC3\x9Fe\"\r\n".to_vec(), MINUTE, MOST);
    let (answer, left) = eventually("the answer", async || other.redis.find(&[1; 32]).await).await;
    assert_eq!(&answer[..], b"\"gr\xC3\xBC\xC3\x9Fe\"\r\n");
    assert!(left <= MINUTE && left > MINUTE / 2, "{left:?}");
    one.redis.keep(&[2; 32], vec![1], Duration::from_millis(30), MOST);
    eventually("its end", async || {
        other.redis.find(&[2; 32]).await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn all_of_them_have_a_bound_and_what_was_unused_goes_first() {
    let server = server().await;
    let one = replica(&server).await;
    let keep = async |number: u8| {
        one.redis.keep(&[number; 32], vec![number; 1_500], MINUTE, MOST);
        eventually("it is kept", async || one.redis.find(&[number; 32]).await).await;
    };
    for number in 0..4 {
        keep(number).await;
    }
    // The first is used again, so that the second is the oldest.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(one.redis.find(&[0; 32]).await.is_some());
    keep(4).await;
    let there = async || {
        let mut there = Vec::new();
        for number in 0..6 {
            there.push(one.redis.find(&[number; 32]).await.is_some());
        }
        there
    };
    assert_eq!(there().await, [true, false, true, true, true, false]);
    let all = server.run(&["HGET", "jv:{cache1}:sizes", "all"]).await.unwrap();
    assert_eq!(all, (4 * 2_012).to_string());
    // Kept anew it counts once.
    keep(4).await;
    assert_eq!(server.run(&["HGET", "jv:{cache1}:sizes", "all"]).await.unwrap(), all);
    // What does not fit at all leaves nothing behind.
    one.redis.keep(&[5; 32], vec![5; MOST], MINUTE, MOST);
    eventually("nothing is left", async || (there().await == [false; 6]).then_some(())).await;
    assert_eq!(server.run(&["HGET", "jv:{cache1}:sizes", "all"]).await.unwrap(), "0");
}
