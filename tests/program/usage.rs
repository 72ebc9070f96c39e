//! What is used is written down: at a stop all of it, when the process is killed all but the last moment.

use serde_json::{Value, json};
use stand_in::Server;

use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::send;

/// A local and a paid server, both played by the stand-in.
fn setup(url: &str, more: &str) -> Setup {
    let config = format!(
        "{more}\n[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{url}\"\n\
         [backends.cloud]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"ok\"\n\
         [[aliases.paid.targets]]\nbackend = \"cloud\"\nmodel = \"ok:paid\"\n\
         [[aliases.odd.targets]]\nbackend = \"cloud\"\nmodel = \"ok:odd\"\n"
    );
    Setup {
        config,
        ..Setup::default()
    }
}

async fn ask(jarvis: &Jarvis, model: &str) -> crate::wire::Answer {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    jarvis.post("/v1/chat/completions", body).await
}

async fn usage(jarvis: &Jarvis, by: &str) -> Value {
    let (text, ok) = jarvis.run(&["usage", "--json", "--by", by]).await;
    assert!(ok, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn a_stop_writes_everything_and_a_budget_outlives_it() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    // A ten-thousandth of a cent is spent with the first answer.
    let setup = setup(&server.url(), "[budget]\nday = 0.000001\nprices = \"prices.toml\"\n");
    let folder = tempfile::TempDir::new().expect("a folder");
    let prices = "[[price]]\nbackend = \"cloud\"\nmodel = \"ok:paid\"\ninput = 1\noutput = 2.5\n";
    std::fs::write(folder.path().join("prices.toml"), prices).expect("a price list");
    let mut jarvis = Jarvis::start_in(folder, &setup).await;
    for _ in 0..20 {
        assert_eq!(ask(&jarvis, "jarvis-chat").await.status, 200);
    }
    let paid = ask(&jarvis, "paid").await;
    assert_eq!(paid.status, 200, "{}", paid.text);
    // At once: what was told a moment ago is still in memory.
    jarvis.terminate();
    assert_eq!(jarvis.exit_code().await, Some(0));
    let jarvis = Jarvis::start_in(jarvis.into_folder(), &setup).await;
    let report = usage(&jarvis, "model").await;
    assert_eq!(report["total"]["answered"], 21, "{report}");
    assert!(report["total"]["cost"].as_i64() > Some(0), "{report}");

    let refused = ask(&jarvis, "paid").await;
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (429, "insufficient_quota")
    );
    assert!(
        refused
            .message()
            .contains("the budget for today ($0.000001) is used up"),
        "{}",
        refused.text
    );
    let unpriced = ask(&jarvis, "odd").await;
    assert_eq!(
        (unpriced.status, unpriced.error_code().as_str()),
        (503, "price_unknown"),
        "{}",
        unpriced.text
    );
    assert_eq!(unpriced.headers.get("retry-after"), None, "waiting does not help");
    let says = unpriced.message();
    assert!(
        says.contains("the price of `cloud/ok:odd` is not known") && says.contains("`[budget] prices`"),
        "{says}"
    );
    assert_eq!(
        ask(&jarvis, "jarvis-chat").await.status,
        200,
        "what is at home costs nothing"
    );
    let told = jarvis.get("/v1/jarvis/usage?by=key").await.json();
    assert_eq!(told["lines"][0]["name"], "loopback", "{told}");
}

#[tokio::test]
async fn a_kill_in_the_middle_of_writing_loses_only_the_last_moment() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let setup = setup(&server.url(), "");
    let jarvis = Jarvis::start(&setup).await;
    for _ in 0..10 {
        assert_eq!(ask(&jarvis, "jarvis-chat").await.status, 200);
    }
    let before = eventually("the first ten to be written", async || {
        let written = usage(&jarvis, "model").await["total"]["answered"].as_i64()?;
        (written >= 10).then_some(written)
    })
    .await;
    for _ in 0..50 {
        ask(&jarvis, "jarvis-chat").await;
    }
    let jarvis = Jarvis::start_in(jarvis.kill().await, &setup).await;
    let after = usage(&jarvis, "model").await["total"]["answered"]
        .as_i64()
        .expect("a number");
    assert!((before..=before + 50).contains(&after), "{before} then {after}");
    let (check, ok) = jarvis.run(&["audit"]).await;
    assert!(ok && check.contains("intact"), "{check}");
}

#[tokio::test]
async fn a_key_has_limits_that_can_be_changed_while_it_is_used() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let jarvis = Jarvis::start(&setup(&server.url(), "")).await;
    let (says, ok) = jarvis
        .run(&[
            "key",
            "add",
            "laptop",
            "--models",
            "jarvis-*",
            "--rpm",
            "2",
            "--budget-day",
            "1.50",
            "--local-only",
            "--expires",
            "30d",
        ])
        .await;
    assert!(ok, "{says}");
    let secret = says.lines().next().expect("the key").to_owned();
    let with = async |model: &str| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] }).to_string();
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(&jarvis.address, "POST", "/v1/chat/completions", &headers, body).await
    };
    let first = with("jarvis-chat").await;
    assert_eq!(first.status, 200, "{}", first.text);
    let foreign = with("paid").await;
    assert_eq!(
        (foreign.status, foreign.error_code().as_str()),
        (404, "model_not_found")
    );
    let third = with("jarvis-chat").await;
    assert_eq!(
        (third.status, third.error_code().as_str()),
        (429, "rate_limit_exceeded")
    );

    let (says, ok) = jarvis
        .run(&["key", "set", "laptop", "--models", "*", "--rpm", "none"])
        .await;
    assert!(
        ok && says.contains("$1.50 a day") && !says.contains("requests"),
        "{says}"
    );
    let refused = eventually("the change to hold", async || {
        let answer = with("paid").await;
        (answer.error_code() != "model_not_found" && answer.error_code() != "rate_limit_exceeded").then_some(answer)
    })
    .await;
    assert!(
        refused.status >= 400,
        "a key for local models gets no paid one: {}",
        refused.text
    );
    eventually("the ledger", async || {
        let (table, ok) = jarvis.run(&["usage", "--by", "key"]).await;
        (ok && table.contains("key:laptop") && table.contains("total")).then_some(())
    })
    .await;
    let (list, _) = jarvis.run(&["key", "list"]).await;
    assert!(
        list.contains("only local models") && list.contains("until 20"),
        "{list}"
    );
    let (audit, _) = jarvis.run(&["audit"]).await;
    assert!(
        audit.contains("key.created") && audit.contains("key.changed"),
        "{audit}"
    );
}
