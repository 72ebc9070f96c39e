//! MCP both ways: a server that Jarvis uses, with cards and pins, and `/mcp`, which another Jarvis uses over HTTP.

use serde_json::{Value, json};

use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::send;

/// A Jarvis that uses the fake server of the client's own tests. `more` stands in its section, `words` behind its kind.
async fn using(kind: &str, words: &str, more: &str) -> Jarvis {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/mcp/tests/fake_server.py");
    let config =
        format!("[mcp.servers.fake]\ncommand = \"python3\"\nargs = [\"{script}\", \"{kind}\", \"{words}\"]\n{more}\n");
    let setup = Setup {
        config,
        variables: vec![
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("SECRET_OF_JARVIS", "hush-hush".to_owned()),
        ],
    };
    Jarvis::start(&setup).await
}

/// The server `name` as soon as it is as `fits` says.
async fn server(jarvis: &Jarvis, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("the MCP server {name}"), async || {
        let servers = jarvis.get("/v1/jarvis/mcp").await.json()["servers"].clone();
        let all = servers.as_array().cloned().unwrap_or_default();
        all.into_iter().find(|server| server["server"] == name && fits(server))
    })
    .await
}

fn is_connected(server: &Value) -> bool {
    server["state"] == "connected"
}

/// One request over `/mcp`: its result, or its error.
async fn ask(jarvis: &Jarvis, method: &str, params: Value) -> Value {
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let answer = jarvis.post("/mcp", message).await.json();
    assert_eq!(
        (&answer["jsonrpc"], &answer["id"]),
        (&json!("2.0"), &json!(7)),
        "{answer}"
    );
    match answer.get("error") {
        Some(error) => json!({ "error": error }),
        None => answer["result"].clone(),
    }
}

async fn call(jarvis: &Jarvis, tool: &str, arguments: Value) -> Value {
    ask(jarvis, "tools/call", json!({ "name": tool, "arguments": arguments })).await
}

#[tokio::test]
async fn a_call_has_a_card_and_is_made_once_it_is_approved() {
    let jarvis = using("good", "", "").await;
    server(&jarvis, "fake", is_connected).await;
    let waits = call(&jarvis, "mcp_fake_echo", json!({ "text": "hello" })).await;
    assert_eq!(waits["isError"], true, "{waits}");
    let id = waits["_meta"]["jarvis/approval"].as_str().expect("a card").to_owned();
    let card = jarvis.card(&id, "pending").await;
    assert_eq!(card["plan"]["title"], "call echo of the MCP server fake");
    assert_eq!(
        (&card["effect"], &card["rule"]),
        (&json!("destructive"), &json!("rule_of_two"))
    );
    // Asked again while it waits, it is the same card.
    let again = call(&jarvis, "mcp_fake_echo", json!({ "text": "hello" })).await;
    assert_eq!(again["_meta"]["jarvis/approval"], json!(id));
    jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    let card = jarvis.card(&id, "done").await;
    assert_eq!(card["outcome"]["summary"], "hello", "{card}");
    let audit = jarvis.get("/v1/jarvis/audit?limit=100").await.json();
    let entries = audit["entries"].as_array().cloned().unwrap_or_default();
    let acts = entries
        .iter()
        .filter(|entry| entry["kind"] == "tool.intent" && entry["tool"] == "mcp_fake_echo");
    assert_eq!(acts.count(), 1);
    let raised = entries
        .iter()
        .find(|entry| entry["kind"] == "approval.created")
        .expect("an entry");
    assert_eq!(raised["via"], "mcp");
}

#[tokio::test]
async fn a_server_is_told_nothing_of_jarvis_and_its_reads_need_no_card() {
    let jarvis = using("good", "", "reads = [\"env\"]\nstays_here = true").await;
    server(&jarvis, "fake", is_connected).await;
    let read = call(&jarvis, "mcp_fake_env", json!({})).await;
    let text = read["content"][0]["text"].as_str().unwrap_or_default();
    assert!(
        read["isError"] == false && text.contains("PATH") && text.contains("HOME"),
        "{read}"
    );
    assert!(!text.contains("SECRET_OF_JARVIS"), "{text}");
}

#[tokio::test]
async fn a_tool_that_changes_its_words_is_told_and_waits_for_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts").display().to_string();
    let jarvis = using("pulls", &starts, "reads = [\"echo\"]\nstays_here = true").await;
    server(&jarvis, "fake", is_connected).await;
    let read = call(&jarvis, "mcp_fake_echo", json!({ "text": "one" })).await;
    assert_eq!(read["content"][0]["text"], "one", "{read}");
    server(&jarvis, "fake", |server| server["tools"][0]["state"] == "changed").await;
    let gone = call(&jarvis, "mcp_fake_echo", json!({ "text": "two" })).await;
    assert_eq!(gone["error"]["code"], -32602, "{gone}");

    let told = eventually("a message", async || {
        let conversations = jarvis.get("/v1/jarvis/conversations").await.json();
        let newest = conversations["conversations"][0]["id"].as_str()?.to_owned();
        let messages = jarvis
            .get(&format!("/v1/jarvis/conversations/{newest}/messages"))
            .await
            .json();
        let messages = messages["messages"].as_array()?.clone();
        messages.into_iter().find(|message| message["detail"]["mcp"] == "fake")
    })
    .await;
    let text = told["text"].as_str().unwrap_or_default();
    assert!(
        text.contains("`echo`") && text.contains("jarvis mcp allow fake"),
        "{text}"
    );

    let (says, ok) = jarvis.run(&["doctor"]).await;
    assert!(
        !ok && says.contains("echo changed or are new and are not used"),
        "{says}"
    );
    let (says, ok) = jarvis.run(&["mcp", "list"]).await;
    assert!(
        ok && says.contains("  changed   echo  A tool of the MCP server fake"),
        "{says}"
    );
    let (says, ok) = jarvis.run(&["mcp", "allow", "fake", "nothing"]).await;
    assert!(
        !ok && says.contains("there is no MCP server or tool `fake nothing`"),
        "{says}"
    );
    let (says, ok) = jarvis.run(&["mcp", "allow", "fake"]).await;
    assert!(ok && says.contains("Allowed as they are now: echo."), "{says}");
    server(&jarvis, "fake", |server| server["tools"][0]["state"] == "reads").await;
    let read = call(&jarvis, "mcp_fake_echo", json!({ "text": "three" })).await;
    assert_eq!(read["content"][0]["text"], "three", "{read}");
}

#[tokio::test]
async fn a_server_that_never_answers_delays_no_start_and_is_shown() {
    let jarvis = using("mute", "", "start_limit = \"1s\"").await;
    let away = server(&jarvis, "fake", |server| server["state"] == "away").await;
    assert_eq!(away["says"], "it did not answer within 1 s");
    let (says, ok) = jarvis.run(&["doctor"]).await;
    assert!(
        !ok && says.contains("mcp fake") && says.contains("it did not answer within 1 s"),
        "{says}"
    );
}

#[tokio::test]
async fn a_server_is_tested_without_being_used() {
    let jarvis = using("good", "", "tools = [\"echo\"]").await;
    server(&jarvis, "fake", is_connected).await;
    let (says, ok) = jarvis.run(&["mcp", "test", "nobody"]).await;
    assert!(!ok && says.contains("there is no [mcp.servers.nobody]"), "{says}");
    // The command has another environment than the server, and no PATH to find python3 by.
    let (says, ok) = jarvis.run(&["mcp", "test"]).await;
    let tried = says.contains("fake  connected: fake 1") || says.contains("`python3` does not start");
    assert!(tried && ok == says.contains("connected"), "{says}");
}

#[tokio::test]
async fn a_kill_leaves_no_server_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark").display().to_string();
    let jarvis = using("good", &mark, "").await;
    server(&jarvis, "fake", is_connected).await;
    let runs = || {
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
        lines.filter(|line| line.contains(&mark)).count()
    };
    assert_eq!(runs(), 1);
    let _folder = jarvis.kill().await;
    eventually("the server to end", async || (runs() == 0).then_some(())).await;
}

#[tokio::test]
async fn an_act_under_way_is_awaited_by_a_stop() {
    let mut jarvis = using("slow", "", "").await;
    server(&jarvis, "fake", is_connected).await;
    let waits = call(&jarvis, "mcp_fake_echo", json!({ "text": "hello" })).await;
    let id = waits["_meta"]["jarvis/approval"].as_str().expect("a card").to_owned();
    jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    jarvis.card(&id, "executing").await;
    jarvis.terminate();
    assert_eq!(jarvis.exit_code().await, Some(0));
    let jarvis = Jarvis::start_in(jarvis.into_folder(), &Setup::default()).await;
    let card = jarvis.card(&id, "done").await;
    assert_eq!(card["outcome"]["summary"], "hello", "{card}");
}

#[tokio::test]
async fn another_jarvis_uses_this_one_over_http() {
    let house = Jarvis::start(&Setup::default()).await;
    let config = format!(
        "[mcp.servers.house]\nurl = \"http://{}/mcp\"\nreads = [\"get_server_status\", \"ask_jarvis\"]\nstays_here = true\n",
        house.address
    );
    let guest = Jarvis::start(&Setup {
        config,
        ..Setup::default()
    })
    .await;
    let shown = server(&guest, "house", is_connected).await;
    assert!(
        shown["says"].as_str().is_some_and(|says| says.starts_with("jarvis ")),
        "{shown}"
    );
    let read = call(&guest, "mcp_house_get_server_status", json!({})).await;
    assert!(read["isError"] == false, "{read}");
    let asked = call(&guest, "mcp_house_ask_jarvis", json!({ "question": "help" })).await;
    let text = asked["content"][0]["text"].as_str().unwrap_or_default();
    assert!(asked["isError"] == false && !text.is_empty(), "{asked}");
    // What the house does not do, the guest is told.
    let wrong = call(&guest, "mcp_house_ask_jarvis", json!({ "question": " " })).await;
    assert_eq!(wrong["isError"], true);
    let text = wrong["content"][0]["text"].as_str().unwrap_or_default();
    assert!(text.contains("`question` is missing"), "{text}");
    drop(house);
    // Without a stream of its own nobody hears of it before the next call.
    let lost = call(&guest, "mcp_house_get_server_status", json!({})).await;
    assert_eq!(lost["isError"], true, "{lost}");
    let away = server(&guest, "house", |server| server["state"] == "away").await;
    assert!(away["says"].as_str().is_some_and(|says| !says.is_empty()), "{away}");
}

#[tokio::test]
async fn the_door_of_mcp() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let begun = ask(&jarvis, "initialize", json!({ "protocolVersion": "2025-06-18" })).await;
    assert_eq!(
        (&begun["protocolVersion"], &begun["capabilities"]),
        (&json!("2025-06-18"), &json!({ "tools": {} }))
    );
    let newest = ask(&jarvis, "initialize", json!({ "protocolVersion": "1999-01-01" })).await;
    assert_eq!(newest["protocolVersion"], "2025-11-25");
    assert_eq!(ask(&jarvis, "ping", json!({})).await, json!({}));
    assert_eq!(ask(&jarvis, "resources/list", json!({})).await["error"]["code"], -32601);
    assert_eq!(
        ask(&jarvis, "tools/call", json!({ "name": 7 })).await["error"]["code"],
        -32602
    );
    let listed = ask(&jarvis, "tools/list", json!({})).await;
    let names: Vec<&str> = listed["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(
        names.contains(&"ask_jarvis") && names.contains(&"docker_action"),
        "{names:?}"
    );
    // A part of a turn, and no call of its own.
    assert!(!names.contains(&"consult"), "{names:?}");

    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let check = async |headers: &[(&str, &str)], body: &str, status: u16| {
        let answer = send(&jarvis.address, "POST", "/mcp", headers, body.to_owned()).await;
        assert_eq!(answer.status, status, "{headers:?} {}", answer.text);
    };
    check(&[], ping, 200).await;
    check(&[("mcp-protocol-version", "2025-11-25")], ping, 200).await;
    check(&[("mcp-protocol-version", "1999-01-01")], ping, 400).await;
    check(&[("origin", "http://evil.test")], ping, 403).await;
    check(&[], "{", 400).await;
    check(&[], "[]", 400).await;
    check(&[], r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, 202).await;
    check(&[], &format!("\"{}\"", "x".repeat(2_000_000)), 413).await;
    assert_eq!(jarvis.get("/mcp").await.status, 405);

    let key = async |name: &str, scopes: &str| {
        let (printed, ok) = jarvis.run(&["key", "add", name, "--scopes", scopes]).await;
        assert!(ok, "{printed}");
        let secret = printed.lines().find(|line| line.starts_with("jv_")).expect("a key");
        format!("Bearer {}", secret.trim())
    };
    let (chats, asks) = (key("chats", "chat").await, key("asks", "mcp").await);
    check(&[("authorization", &chats)], ping, 403).await;
    check(&[("authorization", &asks)], ping, 200).await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let answer = send(
        &jarvis.address,
        "POST",
        "/mcp",
        &[("authorization", asks.as_str())],
        list.to_owned(),
    )
    .await;
    let tools = answer.json()["result"]["tools"].as_array().map(Vec::len);
    assert_eq!(tools, Some(1), "a key with the scope alone asks, and has no tools");
}
