//! Tools that are not what they were.

use std::sync::Arc;

use jarvis_mcp::Server;
use serde_json::json;

use crate::house::{House, Memory, fake_with, states};

fn keeping(folder: &tempfile::TempDir) -> String {
    folder.path().join("starts").display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_changes_while_it_is_used_is_taken_away_until_it_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(vec![fake_with(
        "pulls",
        "pulls",
        &[&keeping(&folder)],
        Server::default(),
    )]);
    house.connected("pulls").await;
    let said = house.call("mcp_pulls_echo", json!({ "text": "x" })).await;
    assert_eq!(said.map(|output| output.summary).as_deref(), Ok("x"));
    // The server says that its tools changed, and they are looked at anew.
    let shown = house
        .until("pulls", |shown| states(shown).contains(&("echo", "changed")))
        .await;
    assert_eq!(states(&shown), [("echo", "changed")]);
    assert_eq!(house.names(), Vec::<String>::new());
    let told = house.memory.told.lock().unwrap().clone();
    assert_eq!(told, [(vec!["echo".to_owned()], vec![])]);

    let check = async |tool: Option<&str>, expect: Option<&[&str]>| {
        let allowed = house.servers.allow("pulls", tool).await.unwrap();
        let expect = expect.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(allowed, expect, "{tool:?}");
    };
    check(Some("nothing"), None).await;
    check(Some("echo"), Some(&["echo"])).await;
    house
        .until("pulls", |shown| states(shown).contains(&("echo", "asks")))
        .await;
    assert_eq!(house.names(), ["mcp_pulls_echo"]);
    check(None, Some(&[])).await;
    assert_eq!(house.servers.allow("nobody", None).await, Ok(None));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_changed_between_two_starts_is_not_used_and_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    for (expect, told) in [("asks", 0), ("changed", 1), ("changed", 1)] {
        let launch = fake_with("pulls", "pulls", &[&keeping(&folder)], Server::default());
        let house = House::remembering(vec![launch], Arc::clone(&memory));
        let shown = house.connected("pulls").await;
        assert_eq!(states(&shown), [("echo", expect)]);
        assert_eq!(house.names().is_empty(), expect == "changed");
        house.stop().await;
        assert_eq!(memory.told.lock().unwrap().len(), told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_appears_later_waits_for_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    for expect in [&[("echo", "asks")][..], &[("echo", "asks"), ("extra", "new")]] {
        let launch = fake_with("grows", "grows", &[&keeping(&folder)], Server::default());
        let house = House::remembering(vec![launch], Arc::clone(&memory));
        let shown = house.connected("grows").await;
        assert_eq!(states(&shown), expect);
        assert_eq!(house.names(), ["mcp_grows_echo"]);
        house.stop().await;
    }
    assert_eq!(*memory.told.lock().unwrap(), [(vec![], vec!["extra".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_used_while_nobody_can_say_what_was_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    *memory.away.lock().unwrap() = true;
    let launch = fake_with("good", "good", &[&keeping(&folder)], Server::default());
    let house = House::remembering(vec![launch], Arc::clone(&memory));
    let shown = house.until("good", |shown| shown.state == "away").await;
    assert_eq!(shown.says, "its pins cannot be read or written: the database is away");
    assert_eq!(house.names(), Vec::<String>::new());
    *memory.away.lock().unwrap() = false;
    house.connected("good").await;
    assert_eq!(house.names().len(), 4);
    house.stop().await;
}
