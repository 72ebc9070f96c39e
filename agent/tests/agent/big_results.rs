//! What is too long for a model's context: kept whole, read on, and by nobody else.

use jarvis_gateway::providers::scripted::{calls, says};
use serde_json::json;

use crate::support::{House, owner, short};

const READ_WEB: &str = r#"{"name":"web"}"#;

async fn house_with_long_log() -> House {
    let house = House::new([calls("c1", "read_state", READ_WEB)]).await;
    let log: Vec<String> = (1..=2_000).map(|n| format!("line number {n} of the log")).collect();
    house.world.set("web", "running");
    house.world.set_log("web", &log.join("\n"));
    house
}

/// The id that a model is shown, in the second request.
fn id_of(house: &House) -> String {
    let shown = short::unmarked(&house.model.calls()[1].request.messages[3]);
    let (_, after) = shown.split_once("with id ").expect("something was left out");
    after.split_whitespace().next().expect("an id").to_owned()
}

#[tokio::test]
async fn a_long_result_is_read_on_by_lines_and_by_words() {
    let house = house_with_long_log().await;
    house.model.push(says("long"));
    house.ask("log of web?").await;
    let asked = house.model.calls();
    let shown = short::unmarked(&asked[1].request.messages[3]);
    assert!(
        shown.contains("line number 1 of") && shown.contains("line number 2000 of"),
        "{shown}"
    );
    assert!(shown.chars().count() <= 6_000, "{}", shown.len());
    let offered = |index: usize| -> Vec<String> {
        asked[index]
            .request
            .tools
            .iter()
            .map(|tool| tool.name.clone())
            .collect()
    };
    assert_eq!((offered(0).len(), offered(1).len()), (3, 4));
    let id = id_of(&house);
    // Two turns later, in the same conversation, after another long result was read.
    let find = json!({ "id": id, "find": "NUMBER 1234 " }).to_string();
    let lines = json!({ "id": id, "from": "1000", "lines": "2" }).to_string();
    house.model.push(calls("c2", "read_state", READ_WEB));
    house.model.push(calls("c3", "read_result", &find));
    house.model.push(calls("c4", "read_result", &lines));
    house.model.push(says("found"));
    let answer = house.ask("what is in line 1234?").await;
    assert_eq!(answer.text, "found");
    let told = |index: usize| {
        let messages = &house.model.calls()[index].request.messages;
        short::unmarked(messages.last().expect("a result"))
    };
    assert!(told(4).contains("line number 1234 of the log"), "{}", told(4));
    assert!(!told(4).contains("number 1235"), "{}", told(4));
    assert!(
        told(5).contains("line number 999 of") || told(5).contains("line number 1000 of"),
        "{}",
        told(5)
    );
    assert!(told(5).contains("go on from line 1002"), "{}", told(5));
    assert!(house.run_of(&answer).await.tainted);
    house.audit().await;
}

#[tokio::test]
async fn a_result_is_of_one_conversation_and_of_one_day() {
    let house = house_with_long_log().await;
    house.model.push(says("long"));
    house.ask("log of web?").await;
    let id = id_of(&house);
    let there = house
        .store
        .kept_result(
            &house.conversation,
            &id,
            jarvis_gateway::clock::Clock::now(&house.clock),
        )
        .await;
    assert!(there.expect("a store").is_some());
    let other = house
        .agent
        .create_conversation(&owner())
        .await
        .expect("a conversation")
        .id;
    let elsewhere = house
        .store
        .kept_result(&other, &id, jarvis_gateway::clock::Clock::now(&house.clock))
        .await;
    assert_eq!(elsewhere.expect("a store"), None);
    house.clock.advance(std::time::Duration::from_hours(24));
    let later = house
        .store
        .kept_result(
            &house.conversation,
            &id,
            jarvis_gateway::clock::Clock::now(&house.clock),
        )
        .await;
    assert_eq!(later.expect("a store"), None);
}
