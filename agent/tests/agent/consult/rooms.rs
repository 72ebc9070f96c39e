//! Where others are: a specialist reads there as the one who asks may, and no more.

use std::sync::Arc;

use futures_util::StreamExt;
use jarvis_agent::people::{PlatformId, RoomRules, ToolList};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::chat::{Message, Request, Role};
use jarvis_gateway::provider::{Call, Provider};
use jarvis_gateway::providers::scripted::says;

use super::{asks, reads};
use crate::support::town::{self, GENERAL, OPS, TOOLS, Town, discord};
use crate::support::voices::Voices;
use crate::support::{House, World, key};

/// A town whose room TOOLS has everything.
async fn town(voices: &Arc<Voices>) -> Town {
    let town = Town::with_chain(voices.clone()).await;
    let mut directory = town::directory();
    let room = PlatformId::try_from(format!("discord:{TOOLS}")).expect("an id");
    let all = RoomRules {
        tools: Some(ToolList::Word("all".into())),
        ..RoomRules::default()
    };
    directory.rooms.insert(room, all);
    town.house.agent.set_directory(directory);
    town
}

#[tokio::test]
async fn in_a_public_room_a_specialist_reads_nothing_private() {
    let prime = vec![asks("c1"), says("Not here.")];
    let voices = Voices::new([
        ("Jarvis", prime),
        ("Athena", vec![reads("a1", "web"), says("I may not look.")]),
    ]);
    let town = town(&voices).await;
    town.house.world.set_log("web", "the key is MARIGOLD");
    assert_eq!(town.asks(&town::owner(), TOOLS, "why is web slow?").await, "Not here.");
    let told = voices.read("Athena", 1);
    assert!(told.contains("denied") && !told.contains("MARIGOLD"), "{told}");
    assert!(
        voices.asked("Athena")[0].messages[0]
            .joined_text()
            .contains("strangers read along")
    );
}

#[tokio::test]
async fn who_has_nothing_to_read_with_is_offered_nobody() {
    let member = discord("20", "kim", &[]);
    let check = async |who: &town::Somebody, room: &str, expect: &[&str]| {
        let prime = vec![asks("c1"), says("no")];
        let voices = Voices::new([("Jarvis", prime), ("Athena", vec![says("yes")])]);
        let town = town(&voices).await;
        town.asks(who, room, "why is web slow?").await;
        assert_eq!(voices.offered("Jarvis", 0), expect, "{} in {room}", who.handle);
        let told = voices.read("Jarvis", 1);
        let asked = voices.asked("Athena").len();
        assert_eq!(asked, usize::from(!expect.is_empty()));
        assert!(asked == 1 || told.contains("there is no tool `consult`"), "{told}");
    };
    check(&town::owner(), OPS, &["act", "read_state", "consult"]).await;
    check(&town::owner(), TOOLS, &["act", "read_state", "consult"]).await;
    check(&town::owner(), GENERAL, &[]).await;
    check(&member, TOOLS, &[]).await;
    check(&member, OPS, &[]).await;
}

#[tokio::test]
async fn a_key_without_ops_asks_nobody() {
    let voices = Voices::new([("Jarvis", vec![asks("c1"), says("no")]), ("Athena", vec![])]);
    let house = House::with_chain(voices.clone(), World::new()).await;
    let request = Request {
        messages: vec![Message::text(Role::User, "why is web slow?")],
        caller: key("laptop", &[Scope::Chat]),
        ..Request::default()
    };
    let call = Call {
        request: Arc::new(request),
        model: "jarvis".into(),
        left: Vec::new(),
    };
    let events: Vec<_> = house.agent.stream(call).collect().await;
    assert!(events.iter().all(Result::is_ok), "{events:?}");
    assert_eq!(
        (voices.offered("Jarvis", 0).len(), voices.asked("Athena").len()),
        (0, 0)
    );
    assert!(voices.read("Jarvis", 1).contains("there is no tool `consult`"));
}
