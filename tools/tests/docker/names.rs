//! A name must never become a path: bollard would delete an image when asked for the container `../images/x`.

use jarvis_tools::Error;
use serde_json::json;

use crate::engine::{Container, IMAGE, assert_has, call, call_of, docker, tools, unique};
use crate::relay::{Fate, Relay};

const TOOLS: [&str; 4] = [
    "inspect_container",
    "get_container_logs",
    "container_stats",
    "docker_action",
];

fn arguments(tool: &str, name: &str) -> serde_json::Value {
    match tool {
        "docker_action" => json!({"action": "stop", "container": name}),
        _ => json!({"container": name}),
    }
}

#[tokio::test]
async fn a_hostile_name_causes_no_request_at_all() {
    let tag = format!("{IMAGE}:{}", unique("tag"));
    docker(&["tag", IMAGE, &tag]);
    let relay = Relay::start(|_| Fate::Pass);
    let tools = tools(&relay.config());
    let image_path = format!("../images/{tag}");
    let names = [
        image_path.as_str(),
        "../images/jarvis-test/tiny",
        "..",
        ".",
        "a/b",
        "a;rm -rf /",
        "$(x)",
        "`x`",
        "a b",
        "a%2f..%2fimages",
        "%2e%2e/images/x",
        "web?force=1",
        "web#x",
        "web\r\nHost: x",
        "w\u{435}b",
        "web\u{200b}",
        "\u{ff57}eb",
        "-rf",
        "",
        "a",
        &"a".repeat(129),
    ];
    for tool in TOOLS {
        for name in names {
            let given = arguments(tool, name);
            let prepared = tools.get(tool).unwrap().prepare(&given);
            assert!(matches!(prepared, Err(Error::Refused { .. })), "{tool} {name:?}");
            let ran = call_of(&tools, tool, given).await;
            let Err(Error::Refused { message, .. }) = ran else {
                panic!("{tool} {name:?}: {ran:?}")
            };
            assert_has(&message, &["`container`", "is not a container name"]);
        }
    }
    assert_eq!(relay.requests(), Vec::<String>::new());
    docker(&["image", "inspect", &tag]);
    docker(&["rmi", &tag]);
}

#[tokio::test]
async fn an_unknown_name_only_reads_the_list() {
    let container = Container::obedient(&[]);
    let relay = Relay::start(|_| Fate::Pass);
    let tools = tools(&relay.config());
    let mut typo = container.name.clone();
    typo.pop();
    for tool in TOOLS {
        let error = call_of(&tools, tool, arguments(tool, &typo)).await.unwrap_err();
        let Error::Refused { message, hint } = error else {
            panic!("{error:?}")
        };
        assert_eq!(message, format!("there is no container named `{typo}`"));
        assert_has(&hint.unwrap(), &["did you mean", &container.name]);
    }
    let requests = relay.requests();
    assert!(
        requests
            .iter()
            .all(|line| line == "GET /version" || line.starts_with("GET /v1.41/containers/json?")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn only_full_ids_are_sent_and_the_version_is_the_agreed_one() {
    let container = Container::obedient(&[]);
    let relay = Relay::start(|_| Fate::Pass);
    let tools = tools(&relay.config());
    for tool in TOOLS {
        call_of(&tools, tool, arguments(tool, &container.name)).await.unwrap();
    }
    let id = container.id(64);
    let about_containers: Vec<String> = relay
        .requests()
        .into_iter()
        .filter(|line| line.contains("/containers/") && !line.contains("/containers/json"))
        .collect();
    assert!(about_containers.len() >= 5, "{about_containers:?}");
    for line in about_containers {
        let path = line.split_once("/v1.41/containers/").expect("the agreed version").1;
        assert!(path.starts_with(&format!("{id}/")), "{line}");
    }
}

#[tokio::test]
async fn a_name_that_looks_like_an_id_means_the_container_of_that_name() {
    let target = Container::ended("echo I am the one with the id; exit 5");
    let (twelve, eleven) = (&target.id(12), &target.id(11));
    let by_id = call("inspect_container", json!({"container": twelve})).await.unwrap();
    assert_has(&by_id.summary, &[&format!("**{}** exited with code 5", target.name)]);

    let short = call("inspect_container", json!({"container": eleven})).await;
    assert!(matches!(short, Err(Error::Refused { .. })), "{short:?}");

    let named_like_it = Container::create(twelve, &["true"]);
    let by_name = call("inspect_container", json!({"container": twelve})).await.unwrap();
    assert_has(&by_name.summary, &[&format!("**{}** is created", named_like_it.name)]);
}
