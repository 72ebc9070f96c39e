//! Reading: what runs, why something died, what it says, what it uses.

use jarvis_tools::Error;
use serde_json::{Value, json};

use crate::engine::{Container, IMAGE, assert_has, call, docker, unique, until};

/// The quoted lines without their times.
fn log_of(summary: &str) -> Vec<String> {
    let block = summary.split("```").nth(1).expect("a fenced block");
    let lines = block.lines().filter(|line| !line.is_empty());
    let text = lines.map(|line| {
        let (at, text) = line.split_once(' ').unwrap_or((line, ""));
        at.parse::<jiff::Timestamp>().expect("a time");
        text.to_owned()
    });
    text.collect()
}

#[tokio::test]
async fn what_is_running_is_answered() {
    let up = Container::obedient(&[]);
    let down = Container::ended("exit 3");
    let all = call("list_containers", json!({})).await.unwrap();
    assert_has(
        &all.summary,
        &[
            " running.\n",
            &format!("- **{}**: Up ", up.name),
            &format!("image `{IMAGE}`"),
            "Not running:",
            &format!("- **{}**: Exited (3) ", down.name),
        ],
    );
    let running = call("list_containers", json!({"state": "running", "name_contains": up.name})).await;
    let row = &running.unwrap().data["containers"][0];
    assert_eq!(
        (&row["name"], &row["state"], &row["id"]),
        (&json!(up.name), &json!("running"), &json!(up.id(12)))
    );
    let none = call(
        "list_containers",
        json!({"state": "running", "name_contains": down.name}),
    )
    .await;
    assert_eq!(
        none.unwrap().summary,
        format!("No container whose name or image contains `{}` is running.", down.name)
    );
}

#[tokio::test]
async fn why_it_died_is_answered_with_its_own_words() {
    let container = Container::ended(
        "echo starting; echo 'password=hunter2' >&2; printf '\\033[31mcannot open /data\\033[0m\\n```\\nout\\n'; exit 3",
    );
    let inspected = call("inspect_container", container.arguments()).await.unwrap();
    assert_has(
        &inspected.summary,
        &[
            &format!("**{}** exited with code 3 ", container.name),
            "(the program reported an error)",
            "after it had run for",
            "restart policy `no`, not restarted by it",
        ],
    );
    assert_eq!(inspected.data["exit_code"], json!(3));
    let logs = call("get_container_logs", container.arguments()).await.unwrap();
    let mut lines = log_of(&logs.summary);
    lines.sort();
    assert_eq!(
        lines,
        ["'''", "cannot open /data", "out", "password=[masked]", "starting"]
    );
    assert_eq!(logs.summary.matches("```").count(), 2, "{}", logs.summary);
}

#[tokio::test]
async fn running_out_of_memory_is_told() {
    // The engine watches a container's memory from a moment after its start on, and hears of it after a moment more.
    let script = "trap 'exit 137' USR1; while true; do tail /dev/zero; sleep 0.1; done";
    let container = Container::run(&["-m", "8m", "--memory-swap", "8m"], script);
    until("the engine has seen it run out of memory", || {
        let filters = [
            "--filter",
            "event=oom",
            "--filter",
            &format!("container={}", container.name),
        ];
        !docker(&[&["events", "--since", "10m", "--until", "0s"], &filters[..]].concat()).is_empty()
    })
    .await;
    docker(&["kill", "--signal", "USR1", &container.name]);
    docker(&["wait", &container.name]);
    let inspected = call("inspect_container", container.arguments()).await.unwrap();
    assert_has(
        &inspected.summary,
        &[
            "killed because it ran out of memory",
            "it ran out of memory (its limit is 8.0 MiB)",
        ],
    );
}

#[tokio::test]
async fn a_command_that_is_not_there_is_told() {
    let container = Container::create(&unique("bad"), &["/no/such/program"]);
    let error = call("docker_action", container.action("start")).await.unwrap_err();
    assert_has(
        &error.to_string(),
        &["start container", &container.name, "/no/such/program"],
    );
    let inspected = call("inspect_container", container.arguments()).await.unwrap();
    assert_has(
        &inspected.summary,
        &[
            "could not be started",
            "Docker could not start it: `",
            "/no/such/program",
        ],
    );
}

#[tokio::test]
async fn environment_and_command_line_are_never_told() {
    let options = ["-e", "API=canary-environment", "-l", "note=canary-label"];
    let container = Container::run(&options, ": canary-command; sleep 60");
    let tools = ["inspect_container", "container_stats", "get_container_logs"];
    let mut said = String::new();
    for tool in tools {
        let output = call(tool, container.arguments()).await.unwrap();
        said.push_str(&format!("{}{}", output.summary, output.data));
    }
    let listed = call("list_containers", json!({})).await.unwrap();
    said.push_str(&format!("{}{}", listed.summary, listed.data));
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn a_sick_container_shows_its_last_checks() {
    let check = "echo no answer from token=abc; exit 1";
    let options = [
        "--health-cmd",
        check,
        "--health-interval",
        "200ms",
        "--health-retries",
        "2",
    ];
    let container = Container::run(&options, "sleep 60");
    until("it is unhealthy", || {
        container.field(".State.Health.Status") == "unhealthy"
    })
    .await;
    let inspected = call("inspect_container", container.arguments()).await.unwrap();
    assert_has(
        &inspected.summary,
        &[
            "health unhealthy",
            "Last health checks:\n```\nexit 1: no answer from token=[masked]",
        ],
    );
    assert_eq!(inspected.data["health"], json!("unhealthy"));
}

#[tokio::test]
async fn ports_mounts_and_restarts_are_told() {
    let volume = unique("volume");
    let mount = format!("{volume}:/data:ro");
    let options = [
        "-v",
        mount.as_str(),
        "-v",
        "/tmp:/host:ro",
        "-p",
        "127.0.0.1::8080",
        "--restart",
        "on-failure:5",
    ];
    let container = Container::run(&options, "sleep 60");
    let inspected = call("inspect_container", container.arguments()).await.unwrap();
    drop(container);
    docker(&["volume", "rm", "-f", &volume]);
    assert_has(
        &inspected.summary,
        &[
            "restart policy `on-failure`",
            "ports 127.0.0.1:",
            "-> 8080/tcp",
            &format!("volume `{volume}` at `/data` (read only)"),
            "bind at `/host` (read only)",
        ],
    );
    assert!(!inspected.summary.contains("/tmp"), "{}", inspected.summary);
}

#[tokio::test]
async fn logs_are_narrowed_as_asked() {
    let container = Container::ended("for n in 1 2 3 4; do echo out $n; done; sleep 0.2; echo ERR secret=abc >&2");
    let check = async |more: Value, expect: &[&str]| {
        let mut arguments = container.arguments();
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let logs = call("get_container_logs", arguments).await.unwrap();
        assert_eq!(log_of(&logs.summary), expect, "{more}");
    };
    let all = ["out 1", "out 2", "out 3", "out 4", "ERR secret=[masked]"];
    check(json!({}), &all).await;
    check(json!({"since": "1h"}), &all).await;
    check(json!({"tail": 2}), &all[3..]).await;
    check(json!({"stream": "stderr"}), &all[4..]).await;
    check(json!({"stream": "stdout", "tail": 1}), &all[3..4]).await;
    check(json!({"grep": "OUT"}), &all[..4]).await;
    check(json!({"grep": "out", "tail": 1}), &all[3..4]).await;

    let mut guess = container.arguments();
    guess["grep"] = json!("abc");
    let guessed = call("get_container_logs", guess).await.unwrap();
    assert_has(&guessed.summary, &["None of the last 5 lines"]);
}

#[tokio::test]
async fn the_log_of_a_terminal_is_clean() {
    let container = Container::run(
        &["-t"],
        "printf '\\033]0;title\\007one\\r\\n\\033[2Ktwo\\rthree\\n'; printf 'no end'",
    );
    docker(&["wait", &container.name]);
    let logs = call("get_container_logs", container.arguments()).await.unwrap();
    assert_eq!(log_of(&logs.summary), ["one", "three", "no end"]);
}

#[tokio::test]
async fn a_flood_is_cut_to_its_end() {
    let container =
        Container::ended("i=0; while [ $i -lt 600 ]; do printf '%0100d\\n' $i; i=$((i+1)); done; echo last");
    let mut arguments = container.arguments();
    arguments["tail"] = json!(1000);
    let logs = call("get_container_logs", arguments).await.unwrap();
    assert!(logs.summary.len() < 33 * 1024, "{}", logs.summary.len());
    assert_eq!(log_of(&logs.summary).last().map(String::as_str), Some("last"));
}

#[tokio::test]
async fn what_a_container_uses_is_measured() {
    let busy = Container::run(&["-m", "64m"], "while true; do :; done");
    let idle = Container::obedient(&[]);
    let one = call("container_stats", busy.arguments()).await.unwrap();
    let row = &one.data["containers"][0];
    let cpu = row["cpu_percent"].as_f64().unwrap();
    assert!((5.0..=110.0).contains(&cpu), "{row}");
    assert_eq!(row["memory_limit_bytes"], json!(64 * 1024 * 1024));
    let memory = row["memory_bytes"].as_u64().unwrap();
    assert!((10_000..64 << 20).contains(&memory), "{row}");
    assert_has(&one.summary, &[&format!("**{}**: CPU ", busy.name), "of 64.0 MiB"]);

    let all = call("container_stats", json!({})).await.unwrap();
    assert_has(&all.summary, &[&busy.name, &idle.name]);

    let ended = Container::ended("true");
    let error = call("container_stats", ended.arguments()).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }));
    assert_has(&error.to_string(), &["uses nothing, it is exited"]);
}
