//! Many rooms of a platform at once.

use std::sync::Arc;

use jarvis_agent::people::Heard;
use jarvis_gateway::chat::{Event, Finish, FinishReason};
use jarvis_gateway::provider::{Call, Events, Provider};

use crate::support::town::{Town, discord};

/// Says what the last message said.
struct Echo;

impl Provider for Echo {
    fn stream(&self, call: Call) -> Events {
        let last = call
            .request
            .messages
            .last()
            .map(jarvis_gateway::chat::Message::joined_text);
        Box::pin(async_stream::stream! {
            yield Ok(Event::Text(format!("re: {}", last.unwrap_or_default())));
            yield Ok(Event::Finish(Finish::because(FinishReason::Stop)));
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_rooms_at_once_each_in_order() {
    let town = Arc::new(Town::with_chain(Arc::new(Echo)).await);
    let rooms: Vec<String> = (0..200).map(|number| format!("{}", 1_000 + number)).collect();
    let talks = rooms.iter().map(|room| {
        town.build(room);
        let town = Arc::clone(&town);
        async move {
            for number in 0..3 {
                // Somebody else each time: what the same person writes meanwhile would join the running turn.
                let author = discord(["901", "902", "903"][number], "nobody", &[]);
                let heard = town.hears(town.event(&author, room, &format!("{room}/{number}"))).await;
                assert!(matches!(heard, Heard::Taken(_)), "{heard:?}");
            }
            town.line("discord", room, 2).await;
            // The model repeats the name in front of the text too.
            let text = |line: String| line.rsplit(": ").next().map(str::to_owned);
            town.lines("discord", room)
                .into_iter()
                .filter_map(text)
                .collect::<Vec<_>>()
        }
    });
    let shown = futures_util::future::join_all(talks).await;
    for (room, lines) in rooms.iter().zip(shown) {
        let expect: Vec<String> = (0..3).map(|number| format!("{room}/{number}")).collect();
        assert_eq!(lines, expect);
    }
}
