//! Servers that hang, die, flood, or do not end.

use std::time::Duration;

use jarvis_mcp::Server;
use jarvis_tools::{Context, Error};
use serde_json::json;
use tokio::time::Instant;

use crate::house::{House, fake, fake_with, lives};

fn quick(call: u64) -> Server {
    Server {
        call_limit: Some(Duration::from_secs(call)),
        ..Server::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_holds_nobody_up() {
    let slow = Server {
        start_limit: Some(Duration::from_secs(1)),
        ..Server::default()
    };
    let house = House::with(vec![fake_with("mute", "mute", &[], slow), fake("good", "good")]);
    house.connected("good").await;
    let shown = house.until("mute", |shown| shown.state == "away").await;
    assert_eq!(shown.says, "it did not answer within 1 s");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_or_leaves_is_shown_as_away() {
    let mut missing = fake("missing", "good");
    if let jarvis_mcp::Way::Program { command, .. } = &mut missing.way {
        *command = "/nowhere/program".to_owned();
    }
    let house = House::with(vec![missing, fake("leaves", "leaves"), fake("unknown", "deaf")]);
    let shown = house.until("missing", |shown| shown.state == "away").await;
    assert_eq!(
        shown.says,
        "`/nowhere/program` does not start: No such file or directory (os error 2)"
    );
    let shown = house.until("leaves", |shown| shown.state == "away").await;
    assert_eq!(shown.says, "connection closed: initialize response");
    let shown = house.until("unknown", |shown| shown.state == "away").await;
    assert!(shown.says.contains("expected 0, got 999"), "{}", shown.says);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_ends_in_time_and_progress_does_not_make_it_longer() {
    let reads = Server {
        reads: vec!["echo".to_owned()],
        ..quick(1)
    };
    let check = async |server: Server, expect: Error| {
        let house = House::with(vec![fake_with("hangs", "hangs", &[], server)]);
        house.connected("hangs").await;
        let began = Instant::now();
        let called = house.call("mcp_hangs_echo", json!({ "text": "x" })).await;
        assert_eq!(called, Err(expect));
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        house.stop().await;
    };
    let says = "`mcp_hangs_echo` of the MCP server hangs: no answer came within 1 s";
    check(reads, Error::unavailable(says)).await;
    // Of an act nobody knows what came of it.
    let unknown = Error::OutcomeUnknown {
        message: says.to_owned(),
    };
    check(quick(1), unknown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_stopped_ends_at_once() {
    let house = House::with(vec![fake("hangs", "hangs")]);
    house.connected("hangs").await;
    let context = Context::default();
    context.stop.cancel();
    let called = house.tool("mcp_hangs_echo").run(&context, json!({ "text": "x" })).await;
    assert_eq!(called, Err(Error::unavailable("it was stopped")));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("starts").display().to_string();
    let house = House::with(vec![fake_with("dies", "dies-once", &[&file], Server::default())]);
    house.connected("dies").await;
    let called = house.call("mcp_dies_echo", json!({ "text": "x" })).await;
    let Err(Error::OutcomeUnknown { message }) = called else {
        panic!("{called:?}");
    };
    assert!(
        message.starts_with("`mcp_dies_echo` of the MCP server dies: "),
        "{message}"
    );
    let shown = house.until("dies", |shown| shown.state == "away").await;
    assert_eq!(shown.says, "the connection ended; it said: a fault of my own");
    // Its tools are still known while it is away, and say so.
    let called = house.call("mcp_dies_echo", json!({ "text": "x" })).await;
    if let Err(error) = called {
        let says = "the MCP server dies does not answer: the connection ended; it said: a fault of my own";
        assert_eq!(error.to_string(), says);
    }
    house.connected("dies").await;
    let called = house.call("mcp_dies_echo", json!({ "text": "again" })).await;
    assert_eq!(called.map(|output| output.summary).as_deref(), Ok("again"));
    house.stop().await;
}

/// Resident memory of this process in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_fills_no_memory_and_ends_the_connection() {
    for kind in ["floods-line", "floods-notices"] {
        let before = memory();
        let house = House::with(vec![fake_with("floods", kind, &[], quick(20))]);
        house.connected("floods").await;
        let called = house.call("mcp_floods_echo", json!({ "text": "x" })).await;
        assert!(
            matches!(called, Err(Error::OutcomeUnknown { .. })),
            "{kind}: {called:?}"
        );
        house.until("floods", |shown| shown.state == "away").await;
        let more = memory().saturating_sub(before);
        assert!(more < 64, "{kind}: {more} MiB more");
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_answer_is_cut_and_an_odd_one_is_an_error() {
    let house = House::with(vec![fake("big", "big"), fake("odd", "odd")]);
    house.connected("big").await;
    let text = house
        .call("mcp_big_echo", json!({ "text": "x" }))
        .await
        .unwrap()
        .summary;
    assert!(text.ends_with("[the result had 3000000 characters; the rest was left out]"));
    house.connected("odd").await;
    let began = Instant::now();
    let called = house.call("mcp_odd_echo", json!({ "text": "x" })).await;
    assert!(
        called.is_err() && began.elapsed() < Duration::from_secs(10),
        "{called:?}"
    );
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_noisy_error_stream_stops_nobody() {
    let house = House::with(vec![fake("noisy", "noisy")]);
    house.connected("noisy").await;
    let called = house.call("mcp_noisy_echo", json!({ "text": "x" })).await;
    assert_eq!(called.map(|output| output.summary).as_deref(), Ok("x"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let launch = fake_with("stays", "stays", &[&file.display().to_string()], Server::default());
    let house = House::with(vec![launch]);
    house.connected("stays").await;
    let pids = std::fs::read_to_string(&file).unwrap();
    let pids: Vec<&str> = pids.split(' ').collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| lives(pid)), "{pids:?}");
    house.stop().await;
    let gone = async {
        while pids.iter().any(|pid| lives(pid)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("all of it ended");
}
