//! `/forgetme`: said twice, and nothing is left but what others wrote.

use jarvis_agent::people::{Heard, Ignored};
use jarvis_gateway::providers::scripted::{calls, says};
use jarvis_memory::Store;

use crate::memory::{console, index, kim, texts};
use crate::support::House;
use crate::support::town::{GENERAL, Somebody, Town, discord, twitch};

/// Bytes of every file of a database.
fn bytes_of(store: &Store) -> Vec<u8> {
    let folder = store.folder().expect("a temporary store");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("its folder") {
        all.extend(std::fs::read(entry.expect("a file").path()).expect("its bytes"));
    }
    all
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[tokio::test]
async fn who_asks_to_be_forgotten_is_gone_from_every_table_and_file() {
    let town = Town::with_memory([
        says("Aubergine it is."),
        calls("c1", "remember", r#"{"text":"keeps quokkas in Wolfsburg"}"#),
        says("Quokkas, in Wolfsburg."),
        says("Good morning."),
    ])
    .await;
    let zed = Somebody {
        account: "987654321",
        ..discord("", "zedzedzed", &["member"])
    };
    let other = twitch("555444333", "zedontwitch", &["subscriber"]);
    town.asks(&zed, "dm", "/whoami").await;
    let person = town.person(&zed).await.expect("met");
    assert!(town.house.store.grant_trust(&person, 1).await.expect("a store"));
    town.asks(&zed, "dm", "my favourite vegetable is aubergine").await;
    town.asks(&zed, GENERAL, "remember that I keep quokkas in Wolfsburg")
        .await;
    town.asks(&zed, "dm", "/memory add my cellar code is 80818283").await;
    town.asks(&zed, "dm", "/remind me in 20 min to feed the quokkas").await;
    town.asks(&other, "chat", "/whoami").await;
    let given = town.asks(&zed, "dm", "/link twitch:555444333").await;
    let code = given.split('`').nth(1).expect("a code").to_owned();
    town.asks(&other, "dm", &code).await;
    assert!(town.asks(&zed, "dm", "/link confirm").await.contains("Linked."));
    town.asks(&kim(), GENERAL, "good morning everybody").await;
    index(&town.house.store).await;
    town.house.store.wipe().await.expect("cleaned");
    let before = bytes_of(&town.house.store);
    for words in [
        "aubergine",
        "Wolfsburg",
        "80818283",
        "987654321",
        "zedontwitch",
        "zedzedzed",
    ] {
        assert!(holds(&before, words), "{words} stands somewhere before");
    }

    let done = confirmed(&town, &zed, &other).await;
    assert!(done.starts_with("Done: ") && done.contains("2 accounts"), "{done}");
    assert!(done.contains("backups") && done.contains("the audit"), "{done}");

    town.house.store.wipe().await.expect("cleaned");
    let after = bytes_of(&town.house.store);
    for words in ["ubergine", "olfsburg", "uokka", "80818283", "zedzedzed"] {
        assert!(!holds(&after, words), "{words} stands somewhere still");
    }
    assert!(holds(&after, "good morning everybody"), "what others wrote stays");
    assert!(holds(&after, &person), "the audit has the number");
    // Accounts stand in the audit of links alone.
    for table in town.house.store.tables_with("987654321").await.expect("every table") {
        assert_eq!(table, "audit");
    }
    for who in [&zed, &other] {
        assert_eq!(town.person(who).await, None);
    }
    let audit = town.house.audit().await;
    assert!(audit.last().expect("entries").contains("person.forgotten"), "{audit:?}");

    comes_back(&town, &zed, &person).await;
}

/// Only the same person in the same room confirms it, in time.
async fn confirmed(town: &Town, zed: &Somebody, other: &Somebody) -> String {
    assert!(
        town.asks(zed, "dm", "/forgetme confirm")
            .await
            .starts_with("Nothing waits")
    );
    let asked = town.asks(zed, "dm", "/forgetme").await;
    assert!(
        asked.contains("Say `/forgetme confirm` here") && asked.contains("what others wrote"),
        "{asked}"
    );
    for (who, room) in [(zed, GENERAL), (&kim(), "dm"), (other, "dm")] {
        let refused = town.asks(who, room, "/forgetme confirm").await;
        assert!(refused.starts_with("Nothing waits"), "{who:?} in {room}: {refused}");
    }
    town.house.clock.advance(std::time::Duration::from_mins(11));
    assert!(
        town.asks(zed, "dm", "/forgetme confirm")
            .await
            .starts_with("Nothing waits"),
        "it is over"
    );
    town.asks(zed, "dm", "/forgetme").await;
    town.asks(zed, "dm", "/forgetme confirm").await
}

/// What was written before is not taken in again; who comes back is somebody new.
async fn comes_back(town: &Town, zed: &Somebody, former: &str) {
    let replayed = town.event(zed, GENERAL, "I keep quokkas in Wolfsburg");
    assert_eq!(town.hears(replayed).await, Heard::Ignored(Ignored::Forgotten));
    let mut later = town.event(zed, GENERAL, "/memory");
    later.at = jarvis_gateway::clock::Millis(later.at.0 + 60 * 60 * 1000);
    let Heard::Says(fresh) = town.hears(later).await else {
        panic!("answered");
    };
    assert!(fresh.starts_with("Nothing is remembered of you here."), "{fresh}");
    assert_ne!(town.person(zed).await.as_deref(), Some(former));
}

#[tokio::test]
async fn an_owner_who_is_forgotten_stays_the_owner() {
    let house = House::with_memory([says("I see.")]).await;
    house.ask("the safe opens with 71727374").await;
    house
        .agent
        .remember(&console(), "the safe is behind the books")
        .await
        .expect("kept");
    let mut seen = house.watch();
    house.say("/forgetme").await.expect("taken");
    seen.told("You are the owner: the configuration").await;
    house.say("/forgetme confirm").await.expect("taken");
    seen.told("Done: ").await;
    house.store.wipe().await.expect("cleaned");
    assert!(!holds(&bytes_of(&house.store), "71727374"));
    assert_eq!(texts(&house, &console()).await, Vec::<String>::new());
    let fresh = house
        .agent
        .create_conversation(&console())
        .await
        .expect("still the owner");
    let house = House {
        conversation: fresh.id,
        ..house
    };
    house.model.push(says("hello"));
    assert_eq!(house.ask("hi").await.text, "hello");
}

#[tokio::test]
async fn a_turn_of_who_is_forgotten_ends_first() {
    let town = Town::with_memory([]).await;
    town.house
        .model
        .push(vec![jarvis_gateway::providers::scripted::Step::Hang]);
    let event = town.event(&kim(), GENERAL, "tell me a long story about quokkas");
    assert!(matches!(town.hears(event).await, Heard::Taken(_)));
    town.asks(&kim(), "dm", "/forgetme").await;
    let done = town.asks(&kim(), "dm", "/forgetme confirm").await;
    assert!(done.starts_with("Done: "), "{done}");
    assert_eq!(town.house.store.unfinished_runs().await.expect("a store"), []);
    assert!(
        town.house
            .store
            .tables_with("quokkas")
            .await
            .expect("every table")
            .is_empty()
    );
}
