use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::chat::{FinishReason, Gather, Left, Message, Reply, Request, Role, ToolResult, ToolSpec};
use crate::provider::{Call, Class, Provider};

const COMMANDS: [Command; 6] = [
    Command {
        phrases: &["list containers", "what is running here", "what is running", "ps"],
        calls: &[CallForm {
            tool: "list_containers",
            arguments: &[],
        }],
        help: "lists containers",
    },
    Command {
        phrases: &["why did {container} die", "why did {container} stop"],
        calls: &[
            CallForm {
                tool: "inspect",
                arguments: &[("container", "{container}")],
            },
            CallForm {
                tool: "logs",
                arguments: &[("container", "{container}"), ("lines", "50")],
            },
        ],
        help: "says why a container ended",
    },
    Command {
        phrases: &["restart {container}"],
        calls: &[CallForm {
            tool: "docker_action",
            arguments: &[("action", "restart"), ("container", "{container}")],
        }],
        help: "restarts a container",
    },
    Command {
        phrases: &["logs {container}", "logs {container} {lines}"],
        calls: &[CallForm {
            tool: "logs",
            arguments: &[("container", "{container}"), ("lines", "{lines}")],
        }],
        help: "shows the last lines of a log",
    },
    Command {
        phrases: &["logs all"],
        calls: &[CallForm {
            tool: "list_containers",
            arguments: &[("logs", "true")],
        }],
        help: "shows all logs",
    },
    Command {
        phrases: &["secret {name}"],
        calls: &[CallForm {
            tool: "not_offered",
            arguments: &[],
        }],
        help: "is not for everybody",
    },
];

const FROM_HERE: &str =
    "No model answered (gpu/qwen3:14b: connection refused; cloud/gpt: no key), so this is command mode.";

fn spec(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object", "properties": {
            "container": {"type": "string"}, "action": {"type": "string"}, "lines": {"type": ["integer", "null"]},
        }}),
        strict: None,
    }
}

async fn answer(messages: Vec<Message>, left: Vec<Left>) -> Reply {
    let request = Request {
        messages,
        tools: ["list_containers", "inspect", "logs", "docker_action"]
            .map(spec)
            .to_vec(),
        ..Request::default()
    };
    let call = Call {
        request: Arc::new(request),
        model: "command".to_owned(),
        left,
    };
    let mut events = Mode::new(COMMANDS.to_vec()).stream(call);
    let mut gather = Gather::default();
    while let Some(event) = events.next().await {
        if let Some(reply) = gather.push(event.unwrap()) {
            return reply;
        }
    }
    panic!("no end");
}

fn left() -> Vec<Left> {
    let left = |target: &str, reason: &str, class| Left {
        target: target.to_owned(),
        reason: reason.to_owned(),
        class,
    };
    vec![
        left("gpu/qwen3:14b", "connection refused", Class::HostDown),
        left("cloud/gpt", "no key", Class::HardDown),
    ]
}

async fn check_calls(said: &str, expect: &[(&str, Value)]) {
    let reply = answer(vec![Message::text(Role::User, said)], left()).await;
    let calls: Vec<(&str, Value)> = reply
        .tool_calls
        .iter()
        .map(|call| (call.name.as_str(), serde_json::from_str(&call.arguments).unwrap()))
        .collect();
    assert_eq!(calls, expect, "{said}: {}", reply.text);
    assert_eq!(reply.finish.reason, FinishReason::ToolCalls);
}

#[tokio::test]
async fn what_is_understood() {
    let running: &[(&str, Value)] = &[("list_containers", json!({}))];
    check_calls("what is running here", running).await;
    check_calls("Hey Jarvis, what is running here?", running).await;
    check_calls("PS", running).await;
    check_calls("what's running?", running).await;
    check_calls("What\u{2019}s running here?!", running).await;
    check_calls("whats running", running).await;
    let restart = |name: &str| [("docker_action", json!({"action": "restart", "container": name}))];
    check_calls("restart plex", &restart("plex")).await;
    check_calls("Jarvis, can you please restart the Plex-1, thanks!", &restart("Plex-1")).await;
    check_calls("restart \"My Plex\" please", &restart("My Plex")).await;
    check_calls("restart `web`.", &restart("web")).await;
    check_calls("restart now", &restart("now")).await;
    check_calls("restart 42", &restart("42")).await;
    check_calls("can you restart the plex container", &restart("plex")).await;
    check_calls("restart container plex", &restart("plex")).await;
    check_calls("restart container", &restart("container")).await;
    check_calls("restart whats-up", &restart("whats-up")).await;
    check_calls(
        "why did web die?",
        &[
            ("inspect", json!({"container": "web"})),
            ("logs", json!({"container": "web", "lines": 50})),
        ],
    )
    .await;
    check_calls("logs the web please", &[("logs", json!({"container": "web"}))]).await;
    check_calls("logs web 20", &[("logs", json!({"container": "web", "lines": 20}))]).await;
    check_calls("logs all", &[("list_containers", json!({"logs": true}))]).await;
}

async fn check_says(messages: Vec<Message>, expect: &str) {
    let reply = answer(messages, left()).await;
    assert_eq!(reply.text, format!("{expect}\n\n{FROM_HERE}"));
    assert_eq!((reply.tool_calls.len(), reply.finish.reason), (0, FinishReason::Stop));
}

#[tokio::test]
async fn what_is_not_understood_gets_the_nearest_commands() {
    let user = |text: &str| vec![Message::text(Role::User, text)];
    let help = "I understand these commands:\n- `list containers` lists containers\n\
                - `why did {container} die` says why a container ended\n- `restart {container}` restarts a container\n\
                - `logs {container}` shows the last lines of a log\n- `logs all` shows all logs";
    check_says(user("help"), help).await;
    check_says(user("What can you do?"), help).await;
    check_says(user("Hello!"), &format!("Hello. {help}")).await;
    let near = "I did not understand that. Did you mean one of these? `help` lists all.\n\
                - `restart {container}` restarts a container";
    check_says(user("restrat plex and then some"), near).await;
    check_says(
        user("write me a poem"),
        "I did not understand that. `help` lists what I understand.",
    )
    .await;
    check_says(user("secret x"), "`secret {name}` is not available to you here.").await;
    check_says(
        user(&"logs ".repeat(200)),
        "That is too long for a command. `help` lists them.",
    )
    .await;
}

#[tokio::test]
async fn results_are_shown() {
    let check = async |results: &[ToolResult], expect: &str| {
        let mut messages = vec![
            Message::text(Role::User, "restart plex"),
            Message::text(Role::Assistant, ""),
        ];
        messages.extend(results.iter().map(|result| Message::tool_result("c1", result)));
        check_says(messages, expect).await;
    };
    let ok = |summary: &str| ToolResult::Ok {
        summary: summary.to_owned(),
        data: json!({"for": "the model"}),
    };
    check(
        &[ok("**plex** runs"), ok("**web** runs")],
        "**plex** runs\n\n**web** runs",
    )
    .await;
    let failed = ToolResult::Error {
        error: "restart container `plex`: there is no such container".to_owned(),
        hint: Some("`list containers` shows all.".to_owned()),
        retry: false,
    };
    let expect =
        "That did not work: restart container `plex`: there is no such container. `list containers` shows all.";
    check(&[failed.clone(), failed], expect).await;
    let ended = ToolResult::Error {
        error: "Started `web`, but it ended again:\n```\nfatal\n```".to_owned(),
        hint: Some("find the cause first".to_owned()),
        retry: false,
    };
    let expect = "That did not work: Started `web`, but it ended again:\n```\nfatal\n```\n\nFind the cause first.";
    check(&[ended], expect).await;
    let pending = ToolResult::Pending {
        approval: "K7QX".to_owned(),
        says: "Waiting for approval K7QX: restart plex.".to_owned(),
    };
    check(&[pending], "Waiting for approval K7QX: restart plex.").await;
    let denied = ToolResult::Denied {
        reason: "only the owner may restart containers".to_owned(),
    };
    check(&[denied], "Not allowed: only the owner may restart containers").await;
}

#[tokio::test]
async fn without_any_model_it_says_what_to_do() {
    let reply = answer(vec![Message::text(Role::User, "write a poem")], Vec::new()).await;
    let expect = "I did not understand that. `help` lists what I understand.\n\nNo model is set up, so this is command \
                  mode (start Ollama, or set OPENAI_API_KEY).";
    assert_eq!(reply.text, expect);
}
