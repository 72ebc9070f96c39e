//! A configuration that changes while Jarvis runs, and hosts that come and go.

use stand_in::{Control, Model, Server};

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::{Jarvis, Setup, eventually};
use crate::wire::{open, read_until, send};

/// Writes the file of a running Jarvis as an editor does: beside it, then over it.
fn write(jarvis: &Jarvis, config: &str) {
    let (path, beside) = (jarvis.data().join("jarvis.toml"), jarvis.data().join("jarvis.toml~"));
    std::fs::write(&beside, config).expect("a file");
    std::fs::rename(beside, path).expect("it is moved");
}

fn hang_up(jarvis: &Jarvis) {
    let status = std::process::Command::new("kill")
        .args(["-HUP", &jarvis.pid().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

async fn ask(jarvis: &Jarvis) -> Option<String> {
    let answer = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    let target = answer.headers.get("x-jarvis-target")?;
    (answer.status == 200).then(|| target.to_str().expect("text").to_owned())
}

async fn answers(jarvis: &Jarvis, target: &str) {
    let what = format!("{target} to answer");
    eventually(&what, async || {
        (ask(jarvis).await.as_deref() == Some(target)).then_some(())
    })
    .await;
}

/// What the newest audit entry of a change says.
async fn changes(jarvis: &Jarvis) -> Option<Vec<String>> {
    let audit = jarvis.get("/v1/jarvis/audit").await.json();
    let entries = audit["entries"].as_array()?.clone();
    let newest = entries.into_iter().find(|entry| entry["kind"] == "config.changed")?;
    let lines = newest["detail"]["changes"].as_array()?.clone();
    Some(
        lines
            .iter()
            .map(|line| line.as_str().expect("a line").to_owned())
            .collect(),
    )
}

fn was_asked(server: &Server) -> bool {
    server.log().iter().any(|entry| entry.path == "/api/chat")
}

#[tokio::test]
async fn a_valid_file_is_applied_and_says_exactly_what_changed() {
    let (first, second) = (stand_in().await, stand_in().await);
    let jarvis = Jarvis::start(&chain(&first.url(), &[("gpu", "ok")])).await;
    assert_eq!(ask(&jarvis).await.as_deref(), Some("gpu/ok"));
    let events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "").await;
    let mut events = events.into_body();
    // One server moves, a link is added, and something changes that cannot change while it runs.
    let gpu = |url: &str| format!("[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{url}\"");
    let config = chain(&first.url(), &[("cloud", "ok"), ("gpu", "ok")]).config;
    let config = config.replace(&gpu(&first.url()), &gpu(&second.url()));
    write(&jarvis, &format!("listen = \"127.0.0.1:1\"\n{config}"));
    let expect = [
        format!("backend gpu: base_url \"{}\" becomes \"{}\"", first.url(), second.url()),
        "alias jarvis-chat: target 1 added, cloud/ok".to_owned(),
        "after a restart: listen".to_owned(),
    ];
    assert_eq!(eventually("the audit", async || changes(&jarvis).await).await, expect);
    read_until(&mut events, r#""type":"config""#).await;
    assert_eq!(ask(&jarvis).await.as_deref(), Some("cloud/ok"));
    assert!(!was_asked(&second), "{:?}", second.log());
    jarvis.post("/v1/chat/completions", chat("gpu/ok", "hi", false)).await;
    assert!(was_asked(&second), "{:?}", second.log());
}

#[tokio::test]
async fn a_file_that_is_not_right_changes_nothing() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok")])).await;
    let good = chain(&server.url(), &[("cloud", "ok")]).config;
    let faults = [
        (good.replace("kind = \"openai\"", "kind = \"opnai\""), "line 8"),
        (good.replace("env:TEST_KEY", "env:NOT_THERE"), "`NOT_THERE` is not set"),
        (
            good.replace("base_url = \"http://127.0.0.1:9\"", "base_url = \"somewhere\""),
            "[backends.down] cannot be used",
        ),
        (
            format!("{good}\n[[aliases.other.targets]]\nbackend = \"nope\"\nmodel = \"m\""),
            "there is no [backends.nope]",
        ),
    ];
    let events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "").await;
    let mut events = events.into_body();
    for (fault, says) in faults {
        write(&jarvis, &fault);
        hang_up(&jarvis);
        let told = read_until(&mut events, r#""fault":""#).await;
        assert!(told.contains(says), "{told}");
        let (said, ok) = jarvis.run(&["config", "check"]).await;
        assert!(!ok, "{said}");
        assert_eq!(ask(&jarvis).await.as_deref(), Some("gpu/ok"));
    }
    // The good file is applied, and it is the first that is.
    write(&jarvis, &good);
    hang_up(&jarvis);
    answers(&jarvis, "cloud/ok").await;
    let audit = eventually("the audit", async || {
        let audit = jarvis.get("/v1/jarvis/audit").await.text;
        audit.contains("config.changed").then_some(audit)
    })
    .await;
    assert_eq!(audit.matches("config.changed").count(), 1, "{audit}");
}

/// Money and the cache follow the file like the chains: all of it, or nothing when the price list is missing.
#[tokio::test]
async fn budgets_prices_and_the_cache_change_while_it_runs() {
    let server = stand_in().await;
    let setup = chain(&server.url(), &[("cloud", "ok")]);
    let jarvis = Jarvis::start(&setup).await;
    let events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "").await;
    let mut events = events.into_body();
    let status = async || {
        let answer = jarvis.post("/v1/chat/completions", chat("cloud/ok", "hi", false)).await;
        (answer.status, answer.text)
    };
    let becomes = async |expect: u16, says: &str| {
        eventually(says, async || {
            let (status, text) = status().await;
            (status == expect && text.contains(says)).then_some(())
        })
        .await;
    };
    assert_eq!(status().await.0, 200);
    // A cloud whose answers nobody pays for has no price to know.
    let config = setup.config.replace("/v1\"\n", "/v1\"\nclass = \"cloud\"\n");
    let with = |budget: &str| format!("[budget]\nday = 5\n{budget}[cache]\nmegabytes = 1\n{config}");
    write(&jarvis, &with(""));
    hang_up(&jarvis);
    becomes(503, "the price of `cloud/ok` is not known").await;
    write(&jarvis, &with("prices = \"prices.toml\"\n"));
    hang_up(&jarvis);
    let told = read_until(&mut events, r#""fault":""#).await;
    assert!(told.contains("read the price list"), "{told}");
    assert_eq!(status().await.0, 503);
    let prices = "[[price]]\nmodel = \"ok\"\ninput = 1\noutput = 1\n";
    std::fs::write(jarvis.data().join("prices.toml"), prices).expect("a file");
    hang_up(&jarvis);
    becomes(200, "choices").await;
    write(
        &jarvis,
        &with("prices = \"prices.toml\"\n").replace("day = 5", "day = 0"),
    );
    hang_up(&jarvis);
    becomes(429, "is used up").await;
    let expect = ["budget.day 5 becomes 0"];
    let told = async || changes(&jarvis).await.filter(|lines| *lines == expect);
    eventually("the audit", told).await;
}

/// What was learned about a server that stays is kept, and what was learned about one whose key changed is not.
#[tokio::test]
async fn breakers_of_servers_that_stay_keep_what_they_know() {
    let server = stand_in().await;
    let refuses = Control {
        fault: Some("401".into()),
        path: Some("/v1/chat/completions".into()),
        ..Control::default()
    };
    server.control(refuses).expect("a fault");
    let mut setup = chain(&server.url(), &[("cloud", "ok"), ("gpu", "ok")]);
    setup.variables.push(("OTHER_KEY", "sk-of-the-stand-in".into()));
    let jarvis = Jarvis::start(&setup).await;
    let state = async || {
        let targets = jarvis.get("/v1/jarvis/targets").await.json();
        targets["targets"][0]["state"].clone()
    };
    assert_eq!(ask(&jarvis).await.as_deref(), Some("gpu/ok"));
    assert_eq!(state().await, "hard_down");
    let alias = "[[aliases.other.targets]]\nbackend = \"gpu\"\nmodel = \"tools\"";
    write(&jarvis, &format!("{}\n{alias}", setup.config));
    eventually("the new alias", async || changes(&jarvis).await).await;
    assert_eq!(state().await, "hard_down");
    server.control(Control::default()).expect("no fault");
    write(&jarvis, &setup.config.replace("env:TEST_KEY", "env:OTHER_KEY"));
    answers(&jarvis, "cloud/ok").await;
}

/// A request under way ends where it began.
#[tokio::test]
async fn an_answer_under_way_is_not_disturbed() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "slow")])).await;
    let body = chat("jarvis-chat", "hi", true).to_string();
    let headers = [("content-type", "application/json")];
    let answer = open(&jarvis.address, "POST", "/v1/chat/completions", &headers, body).await;
    let mut answer = answer.into_body();
    read_until(&mut answer, "word0").await;
    write(&jarvis, &chain(&server.url(), &[("cloud", "ok")]).config);
    hang_up(&jarvis);
    answers(&jarvis, "cloud/ok").await;
    read_until(&mut answer, "[DONE]").await;
}

/// From nothing configured to a file, and back.
#[tokio::test]
async fn a_file_takes_over_from_what_was_found_and_gives_it_back() {
    let server = stand_in().await;
    let setup = Setup {
        variables: vec![("OLLAMA_HOST", server.url()), ("TEST_KEY", "sk-of-the-stand-in".into())],
        ..Setup::default()
    };
    let jarvis = Jarvis::start(&setup).await;
    answers(&jarvis, "ollama/ok:latest").await;
    write(&jarvis, &chain(&server.url(), &[("cloud", "ok")]).config);
    answers(&jarvis, "cloud/ok").await;
    let targets = jarvis.get("/v1/jarvis/targets").await.text;
    assert!(!targets.contains("ollama/ok"), "{targets}");
    write(&jarvis, "");
    answers(&jarvis, "ollama/ok:latest").await;
}

#[tokio::test]
async fn a_host_that_comes_up_is_used_within_15_seconds() {
    let server = stand_in().await;
    let down = Control {
        down_ms: Some(6_000),
        ..Control::default()
    };
    server.control(down).expect("it goes down");
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok"), ("down", "ok")])).await;
    let began = tokio::time::Instant::now();
    answers(&jarvis, "gpu/ok").await;
    assert!(began.elapsed().as_secs() < 6 + 15, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_model_that_is_pulled_is_used_within_15_seconds() {
    let server = stand_in().await;
    let has = |models: &[&str]| Control {
        models: Some(models.iter().map(|name| Model::named(name)).collect()),
        ..Control::default()
    };
    server.control(has(&["tools"])).expect("models");
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok"), ("gpu", "tools")])).await;
    answers(&jarvis, "gpu/tools").await;
    server.control(has(&["tools", "ok"])).expect("models");
    let began = tokio::time::Instant::now();
    answers(&jarvis, "gpu/ok").await;
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_configuration_is_checked_without_starting() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let path = jarvis.data().join("other.toml");
    let check = async |config: &str, expect: bool, says: &str| {
        std::fs::write(&path, config).expect("a file");
        let (said, ok) = jarvis.run(&["config", "check", path.to_str().expect("a path")]).await;
        assert!(ok == expect && said.contains(says), "{said}");
    };
    let alone = "[backends.gpu]\nkind = \"ollama\"\nbase_url = \"http://gpu:11434\"\n";
    let good = format!("[[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"ok\"\n{alone}");
    check(&good, true, "is right: 1 backends, 1 aliases").await;
    check(alone, false, "[backends.gpu] is in no chain").await;
    check("[backends.gpu]\nknd = \"ollama\"", false, "knd").await;
    check(&format!("{good}credential = \"env:NOT_THERE\""), false, "NOT_THERE").await;
    check(&good.replace("http://", ""), false, "[backends.gpu] cannot be used").await;
}

/// Keys wait as the class of the file says that holds now.
#[tokio::test]
async fn classes_of_keys_change_while_it_runs() {
    let server = stand_in().await;
    let setup = chain(&server.url(), &[("cloud", "late-1500")]);
    let with = |deadline: &str| format!("{}[key_classes.batch]\ndeadline = \"{deadline}\"\n", setup.config);
    let jarvis = Jarvis::start(&Setup {
        config: with("300ms"),
        variables: setup.variables.clone(),
    })
    .await;
    let (says, ok) = jarvis.run(&["key", "add", "one", "--class", "batch"]).await;
    assert!(ok, "{says}");
    let bearer = format!("Bearer {}", says.lines().next().expect("the key"));
    let headers = [("authorization", bearer.as_str())];
    let status = async || {
        let body = chat("jarvis-chat", "hi", false).to_string();
        send(&jarvis.address, "POST", "/v1/chat/completions", &headers, body)
            .await
            .status
    };
    assert_eq!(status().await, 504);
    write(&jarvis, &with("30s"));
    eventually("the other class", async || (status().await == 200).then_some(())).await;
}
