//! An engine that is away, broken, foreign, or lost in the middle of an act.

use std::time::Duration;

use jarvis_tools::docker::{Config, probe};
use jarvis_tools::{Error, Output};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::engine::{Container, assert_has, call_of, tools};
use crate::relay::{Fate, Impostor, Relay};

async fn list(config: Value) -> Result<Output, Error> {
    call_of(&tools(&config), "list_containers", json!({})).await
}

#[track_caller]
fn assert_unavailable(outcome: Result<Output, Error>, says: &str, hints: &str) {
    let Err(Error::Unavailable { message, hint }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_has(&message, &[says]);
    assert_has(&hint.unwrap(), &[hints]);
}

#[tokio::test]
async fn an_engine_that_is_away_is_told() {
    let missing = list(json!({"host": "/nonexistent/docker.sock"})).await;
    assert_unavailable(
        missing,
        "there is no Docker socket at /nonexistent/docker.sock",
        "start Docker",
    );

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let refused = list(json!({"host": path})).await;
    assert_unavailable(refused, "the Docker engine is not running", "systemctl start docker");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", closed.local_addr().unwrap());
    drop(closed);
    let refused = list(json!({"host": host})).await;
    assert_unavailable(refused, "the Docker engine is not running", "systemctl start docker");
}

#[tokio::test]
async fn what_is_not_docker_is_told() {
    let check = async |impostor: Impostor, says: &str, hints: &str| {
        assert_unavailable(list(impostor.config()).await, says, hints);
    };
    let host = "set tools.docker.host";
    let foreign = "does not speak Docker's protocol";
    let page = "<html><body>Welcome to nginx</body></html>";
    check(Impostor::http("200 OK", "text/html", page), foreign, host).await;
    check(Impostor::http("404 Not Found", "text/html", page), foreign, host).await;
    check(Impostor::http("502 Bad Gateway", "text/html", page), foreign, host).await;
    check(Impostor::http("200 OK", "application/json", "{}"), foreign, host).await;
    check(Impostor::http("200 OK", "application/json", "[1,"), foreign, host).await;
    check(Impostor::start("SSH-2.0-OpenSSH_9.2\r\n".into()), foreign, host).await;
    check(
        Impostor::http("403 Forbidden", "text/html", "<html>Request forbidden</html>"),
        foreign,
        host,
    )
    .await;
    check(
        Impostor::http("403 Forbidden", "application/json", r#"{"message":"no"}"#),
        "does not allow this",
        "a socket proxy",
    )
    .await;
}

#[tokio::test]
async fn an_engine_too_old_or_too_new_is_told() {
    let check = async |lowest: &str, highest: &str, says: &str| {
        let body = json!({"Version": "99.1", "ApiVersion": highest, "MinAPIVersion": lowest}).to_string();
        let engine = Impostor::http("200 OK", "application/json", &body);
        assert_unavailable(list(engine.config()).await, says, "update whichever");
    };
    check("1.12", "1.24", "Docker Engine 99.1 at").await;
    check("1.12", "1.24", "it speaks API 1.24 at most").await;
    check("1.99", "1.120", "it needs API 1.99 or newer").await;
}

/// Time is paused, so the limits pass at once.
#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_given_up() {
    let engine = Impostor::start(String::new());
    let began = Instant::now();
    let outcome = list(engine.config()).await;
    assert_unavailable(
        outcome,
        "did not answer within 5 s: ask for the version",
        "the engine hangs",
    );
    assert!(began.elapsed() < Duration::from_secs(6));

    let config: Config = serde_json::from_value(engine.config()).unwrap();
    let probed = probe(&config, Duration::from_secs(2)).await.unwrap_err();
    assert_has(&probed, &["did not answer within 2 s"]);
}

#[tokio::test]
async fn a_probe_tells_the_engine_and_its_containers() {
    let _up = Container::obedient(&[]);
    let found = probe(&Config::default(), Duration::from_secs(5)).await.unwrap();
    assert_has(&found, &["Engine ", " container", " running)"]);
    let away: Config = serde_json::from_value(json!({"host": "/nonexistent/docker.sock"})).unwrap();
    let away = probe(&away, Duration::from_secs(5)).await.unwrap_err();
    assert_has(
        &away,
        &["there is no Docker socket at /nonexistent/docker.sock; install or start Docker"],
    );
}

fn is_stop(line: &str) -> bool {
    line.starts_with("POST") && line.contains("/stop")
}

#[tokio::test]
async fn an_act_whose_answer_is_lost_is_read_back() {
    let container = Container::obedient(&[]);
    let relay = Relay::start(|line| if is_stop(line) { Fate::LoseAnswer } else { Fate::Pass });
    let output = call_of(&tools(&relay.config()), "docker_action", container.action("stop")).await;
    assert_has(
        &output.unwrap().summary,
        &["Stopped **", "Docker did not confirm it", "this is what was read back"],
    );
    assert_eq!(container.field(".State.Status"), "exited");
}

#[tokio::test]
async fn an_act_that_was_lost_on_the_way_is_not_claimed() {
    let container = Container::obedient(&[]);
    let relay = Relay::start(|line| if is_stop(line) { Fate::Drop } else { Fate::Pass });
    let outcome = call_of(&tools(&relay.config()), "docker_action", container.action("stop")).await;
    let Err(Error::OutcomeUnknown { message }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_has(&message, &["stop of `", "is still running"]);
    assert_eq!(container.field(".State.Status"), "running");
}

#[tokio::test]
async fn an_engine_lost_in_the_act_leaves_the_outcome_open() {
    let container = Container::obedient(&[]);
    let is_gone = std::sync::atomic::AtomicBool::new(false);
    let relay = Relay::start(move |line| {
        if is_stop(line) {
            is_gone.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        if is_gone.load(std::sync::atomic::Ordering::SeqCst) {
            Fate::Drop
        } else {
            Fate::Pass
        }
    });
    let outcome = call_of(&tools(&relay.config()), "docker_action", container.action("stop")).await;
    let Err(Error::OutcomeUnknown { message }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_has(&message, &["stop of `", "its state could not be read back"]);
}
