//! Acting: what is said must be what is so.

use jarvis_tools::{Context, Error};
use serde_json::json;

use crate::engine::{Container, IMAGE, assert_has, call, call_of, docker, plan, tools, unique, until};

#[tokio::test]
async fn a_container_is_stopped_and_started() {
    let container = Container::obedient(&[]);
    let check = async |action: &str, says: &str, changed: bool, state: &str| {
        let output = call("docker_action", container.action(action)).await.unwrap();
        assert_has(&output.summary, &[says, &container.name]);
        assert_eq!(output.data["changed"], json!(changed));
        assert_eq!(container.field(".State.Status"), state);
    };
    check("start", "is already running; nothing was done", false, "running").await;
    check("stop", "Stopped **", true, "exited").await;
    check("stop", "is not running anyway; nothing was done", false, "exited").await;
    check("start", "Started **", true, "running").await;
    let before = container.field(".State.StartedAt");
    check("restart", "Restarted **", true, "running").await;
    assert_ne!(container.field(".State.StartedAt"), before);
    docker(&["pause", &container.name]);
    check("restart", "Restarted **", true, "running").await;
    docker(&["pause", &container.name]);
    check("stop", "Stopped **", true, "exited").await;
    check("restart", "Restarted **", true, "running").await;
}

#[tokio::test]
async fn a_container_that_will_not_end_is_killed_and_that_is_said() {
    let container = Container::run(&[], "sleep 1000; true");
    let mut arguments = container.action("stop");
    arguments["timeout_s"] = json!(1);
    let output = call("docker_action", arguments).await.unwrap();
    assert_has(&output.summary, &["did not end by itself within 1 s and was killed"]);
    assert_eq!(container.field(".State.ExitCode"), "137");
}

#[tokio::test]
async fn one_that_ends_at_once_is_a_failure_with_its_last_words() {
    let container = Container::ended("echo 'cannot open /data: token=abc'; echo '```'; exit 4");
    for (action, done) in [("restart", "Restarted"), ("start", "Started")] {
        let error = call("docker_action", container.action(action)).await.unwrap_err();
        let Error::Refused { message, hint } = error else {
            panic!("{error:?}")
        };
        assert_has(
            &message,
            &[
                &format!("{done} `{}`, but it ended again at once with code 4", container.name),
                "The last lines of its log:\n```\n",
                "cannot open /data: token=[masked]\n'''\n",
            ],
        );
        assert_has(&hint.unwrap(), &["find the cause first"]);
    }
}

#[tokio::test]
async fn one_that_dies_a_second_later_is_a_failure_too() {
    let container = Container::ended("sleep 1; echo gave up; exit 9");
    let error = call("docker_action", container.action("restart")).await.unwrap_err();
    assert_has(&error.to_string(), &["ended again at once with code 9", "gave up"]);
}

#[tokio::test]
async fn a_restart_loop_is_a_failure() {
    let container = Container::run(&["--restart", "always"], "echo again; exit 1");
    let error = call("docker_action", container.action("restart")).await.unwrap_err();
    assert_has(
        &error.to_string(),
        &[
            "ended again at once with code 1",
            "its restart policy `always` keeps trying",
            "again",
        ],
    );
    let stopped = call("docker_action", container.action("stop")).await.unwrap();
    assert_has(&stopped.summary, &["Stopped **"]);
    assert_eq!(container.field(".State.Running"), "false");
}

#[tokio::test]
async fn restarts_of_an_earlier_run_do_not_count() {
    let script = "n=$(cat /n || echo 0); echo $((n+1)) >/n; [ $n -ge 2 ] || exit 1; trap 'exit 0' TERM; \
                  while true; do sleep 0.1; done";
    let container = Container::run(&["--restart", "on-failure:5"], script);
    until("its policy has restarted it twice", || {
        container.field(".RestartCount") == "2"
    })
    .await;
    until("it runs", || container.field(".State.Status") == "running").await;
    let output = call("docker_action", container.action("restart")).await.unwrap();
    assert_has(&output.summary, &["Restarted **", "running for"]);
    assert!(!output.summary.contains("ended"), "{}", output.summary);
}

#[tokio::test]
async fn a_job_that_ends_well_is_no_failure() {
    let container = Container::ended("echo done");
    let output = call("docker_action", container.action("start")).await.unwrap();
    assert_has(&output.summary, &["it ran and has already ended, with code 0"]);
}

#[tokio::test]
async fn health_is_told_as_it_is() {
    let health = |interval: &'static str| ["--health-cmd", "true", "--health-interval", interval];
    let script = "trap 'exit 0' TERM; while true; do sleep 0.1; done";
    let slow = Container::run(&health("60s"), script);
    let output = call("docker_action", slow.action("restart")).await.unwrap();
    assert_has(&output.summary, &["running for", "health starting"]);
    let quick = Container::run(&health("300ms"), script);
    let output = call("docker_action", quick.action("restart")).await.unwrap();
    assert_has(&output.summary, &["health healthy"]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_in_dockers_words() {
    let first = Container::run(&["-p", "127.0.0.1::8080"], "sleep 60");
    let port = first.field("(index (index .NetworkSettings.Ports \"8080/tcp\") 0).HostPort");
    let name = unique("port");
    let second = Container { name: name.clone() };
    let publish = format!("127.0.0.1:{port}:8080");
    docker(&[
        "create",
        "--label",
        "jarvis-test",
        "--name",
        &name,
        "-p",
        &publish,
        IMAGE,
        "sleep",
        "60",
    ]);
    let error = call("docker_action", second.action("start")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_has(&error.to_string(), &["start container", "port is already allocated"]);
}

#[tokio::test]
async fn a_plan_changes_nothing_and_rests_on_the_state() {
    let container = Container::obedient(&[]);
    let (started, status) = (container.field(".State.StartedAt"), container.field(".State.Status"));
    let first = plan("docker_action", container.action("stop")).await.unwrap();
    let same = plan("docker_action", container.action("stop")).await.unwrap();
    assert_eq!(
        (container.field(".State.StartedAt"), container.field(".State.Status")),
        (started, status)
    );
    assert_eq!(first.state_hash, same.state_hash);
    assert_eq!(first.title, format!("stop container {}", container.name));
    assert_has(&first.before, &["running for"]);
    assert_eq!(first.after, "exited");
    assert_eq!(first.undo, Some(format!("start {}", container.name)));
    assert_has(&first.says.join("\n"), &["gets 2 s for it", "it stays down"]);

    docker(&["restart", "-t", "2", &container.name]);
    let later = plan("docker_action", container.action("stop")).await.unwrap();
    assert_ne!(first.state_hash, later.state_hash);

    let idle = plan("docker_action", container.action("start")).await.unwrap_err();
    assert_has(
        &idle.to_string(),
        &["is already running", "so there is nothing to start"],
    );
}

#[tokio::test]
async fn protected_containers_stay_as_they_are() {
    let container = Container::obedient(&[]);
    let started = container.field(".State.StartedAt");
    let id = container.id(12);
    let check = async |config: serde_json::Value, says: &str| {
        let tools = tools(&config);
        for given in [container.action("stop"), json!({"action": "restart", "container": id})] {
            let error = call_of(&tools, "docker_action", given.clone()).await.unwrap_err();
            assert!(matches!(error, Error::Refused { .. }));
            assert_has(&error.to_string(), &[says, &container.name]);
            let tool = tools.get("docker_action").unwrap();
            let planned = tool.plan(&Context::default(), &given).await.unwrap_err();
            assert_has(&planned.to_string(), &[says]);
        }
        let read = call_of(&tools, "inspect_container", container.arguments()).await;
        assert!(read.is_ok());
    };
    check(json!({"protected": ["other", container.name]}), "is protected").await;
    check(json!({"only": {"prefix": "web"}}), "is not among").await;
    check(json!({"only": {"label": "jarvis-test=yes"}}), "is not among").await;
    assert_eq!(container.field(".State.StartedAt"), started);
    let allowed = tools(&json!({"only": {"prefix": "jarvis-test-", "label": "jarvis-test"}}));
    call_of(&allowed, "docker_action", container.action("stop"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_cancelled_turn_does_not_begin_an_act() {
    let container = Container::obedient(&[]);
    let context = Context::default();
    context.stop.cancel();
    let tools = tools(&json!({}));
    let ran = tools
        .get("docker_action")
        .unwrap()
        .run(&context, container.action("stop"))
        .await;
    assert_has(&ran.unwrap_err().to_string(), &["cancelled before anything was done"]);
    assert_eq!(container.field(".State.Status"), "running");
}
