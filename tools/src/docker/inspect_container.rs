//! The tool `inspect_container`.

use std::sync::Arc;

use async_trait::async_trait;
use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::providers::command::{CallForm, Command};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Details, Health, Listed, Mount, State};
use super::get_container_logs::GetContainerLogs;
use super::name::Name;
use super::state_words::{exit_words, ran_for, state_words};
use crate::outside_text::{code, fenced};
use crate::risk::{Risk, Trust};
use crate::words::{bytes, span};
use crate::{Context, Error, Output, Tool};

/// How many of the last health checks are shown.
const CHECKS: usize = 3;

const COMMANDS: &[Command] = &[
    Command {
        phrases: &[
            "why did {container} die",
            "why did {container} crash",
            "why did {container} stop",
            "why did {container} exit",
            "why did {container} fail",
            "why is {container} down",
            "why is {container} not running",
            "what happened to {container}",
            "what is wrong with {container}",
            "what happened with {container}",
            "why is {container} restarting",
            "why is {container} crashing",
            "why is {container} unhealthy",
            "why is {container} stopped",
            "why does {container} restart",
            "why does {container} keep restarting",
            "why does {container} keep crashing",
            "why did {container} restart",
        ],
        calls: &[
            CallForm {
                tool: InspectContainer::NAME,
                arguments: &[("container", "{container}")],
            },
            CallForm {
                tool: GetContainerLogs::NAME,
                arguments: &[("container", "{container}"), ("tail", "40")],
            },
        ],
        help: "shows how a container ended and the last lines of its log",
    },
    Command {
        phrases: &[
            "inspect {container}",
            "is {container} running",
            "is {container} up",
            "status {container}",
            "status of {container}",
            "how is {container}",
        ],
        calls: &[CallForm {
            tool: InspectContainer::NAME,
            arguments: &[("container", "{container}")],
        }],
        help: "shows the state, health, ports and mounts of a container",
    },
];

/// Shows one container in detail: whether it runs, since when, how and why it last ended (exit code, out of memory,
/// start error), restarts, health checks, image, ports, mounts and restart policy. Use it together with
/// `get_container_logs` to find out why a container died, restarts or is unhealthy. Environment variables are never
/// shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The exact name of the container, as `list_containers` shows it.
    container: Name,
}

#[derive(Clone)]
pub struct InspectContainer {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl InspectContainer {
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }
}

#[async_trait]
impl Tool for InspectContainer {
    type Input = Input;
    const NAME: &'static str = "inspect_container";

    /// What a health check printed is as private as a log.
    fn risk(&self, _input: &Input) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    fn target(&self, input: &Input) -> Option<String> {
        Some(input.container.as_str().to_owned())
    }

    fn commands(&self) -> &'static [Command] {
        COMMANDS
    }

    async fn run(&self, _context: &Context, input: Input) -> Result<Output, Error> {
        let engine = self.client.engine().await?;
        let found = engine.find(&input.container).await?;
        let details = engine.inspect(&found.id).await?;
        let now = self.clock.now();
        Ok(Output {
            summary: summary(&found, &details, now),
            data: data(&found, &details),
        })
    }
}

fn summary(found: &Listed, details: &Details, now: Millis) -> String {
    let mut lines = vec![title(found, details, now)];
    if let Some(error) = &details.error {
        lines.push(format!("- Docker could not start it: {}", code(error)));
    }
    if details.out_of_memory {
        let limit = details
            .memory_limit
            .map(|limit| format!(" (its limit is {})", bytes(limit)));
        lines.push(format!("- it ran out of memory{}", limit.unwrap_or_default()));
    }
    let restarted = match details.restart_count {
        0 => "not restarted by it".to_owned(),
        1 => "restarted once by it".to_owned(),
        times => format!("restarted {times} times by it"),
    };
    lines.push(format!(
        "- restart policy {}, {restarted}",
        code(&details.restart_policy)
    ));
    if let Some(health) = &details.health {
        lines.push(format!("- {}", health_words(health)));
    }
    let (image, id) = (code(&details.image), code(found.id.short()));
    lines.push(format!("- image {image}, id {id}"));
    if !details.ports.is_empty() {
        lines.push(format!("- ports {}", details.ports.join(", ")));
    }
    if !details.mounts.is_empty() {
        let mounts: Vec<String> = details.mounts.iter().map(mount_words).collect();
        lines.push(format!("- mounts {}", mounts.join(", ")));
    }
    lines.extend(details.health.as_ref().and_then(last_checks));
    lines.join("\n")
}

fn title(found: &Listed, details: &Details, now: Millis) -> String {
    let verb = if details.state == State::Exited { "" } else { "is " };
    let ran = match details.state {
        State::Exited | State::Dead => ran_for(details),
        _ => None,
    };
    let ran = ran.map(|ran| format!(", after it had run for {}", span(ran)));
    format!(
        "**{}** {verb}{}{}.",
        found.name(),
        state_words(details, now),
        ran.unwrap_or_default()
    )
}

fn health_words(health: &Health) -> String {
    match health.failing_streak {
        0 => format!("health {}", health.status.as_str()),
        1 => format!("health {}, the last check failed", health.status.as_str()),
        streak => format!("health {}, {streak} checks failed in a row", health.status.as_str()),
    }
}

fn last_checks(health: &Health) -> Option<String> {
    let skip = health.checks.len().saturating_sub(CHECKS);
    let lines: Vec<String> = health
        .checks
        .iter()
        .skip(skip)
        .map(|check| format!("exit {}: {}", check.exit_code, check.output))
        .collect();
    let block = fenced(lines.iter().map(String::as_str));
    (!lines.is_empty()).then(|| format!("\nLast health checks:\n{block}"))
}

fn mount_words(mount: &Mount) -> String {
    let what = match &mount.volume {
        Some(volume) => format!("{} {} at ", mount.kind, code(volume)),
        None => format!("{} at ", mount.kind),
    };
    let access = if mount.read_only { " (read only)" } else { "" };
    format!("{what}{}{access}", code(&mount.destination))
}

fn data(found: &Listed, details: &Details) -> Value {
    let at = |at: Option<jiff::Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let ended = matches!(details.state, State::Exited | State::Dead | State::Restarting);
    let mut data = json!({
        "name": found.name(),
        "id": found.id.short(),
        "state": details.state.as_str(),
        "started_at": at(details.started_at),
        "restart_count": details.restart_count,
        "restart_policy": details.restart_policy,
        "image": details.image,
    });
    let Some(object) = data.as_object_mut() else {
        return data;
    };
    if ended {
        object.insert("exit_code".into(), json!(details.exit_code));
        object.insert("exit_means".into(), json!(exit_words(details)));
        object.insert("out_of_memory".into(), json!(details.out_of_memory));
        object.insert("finished_at".into(), json!(at(details.finished_at)));
    }
    if let Some(error) = &details.error {
        object.insert("start_error".into(), json!(error));
    }
    if let Some(health) = &details.health {
        object.insert("health".into(), json!(health.status.as_str()));
    }
    data
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::docker::client::{Check, HealthStatus};
    use crate::docker::name::Id;
    use crate::docker::state_words::tests::details;

    fn found() -> Listed {
        Listed {
            id: Id::parse(&"0123456789abcdef".repeat(4)).unwrap(),
            names: vec!["web".into()],
            image: "nginx:1.27".into(),
            state: State::Running,
            status: String::new(),
            ports: vec![],
            labels: std::collections::HashMap::default(),
        }
    }

    #[test]
    fn a_death_is_explained() {
        let dead = Details {
            exit_code: 137,
            out_of_memory: true,
            finished_at: Some(Timestamp::from_second(1190).unwrap()),
            memory_limit: Some(64 * 1024 * 1024),
            restart_count: 2,
            restart_policy: "on-failure".into(),
            ..details(State::Exited)
        };
        assert_eq!(
            summary(&found(), &dead, Millis(1_200_000)),
            "**web** exited with code 137 10 s ago (killed because it ran out of memory), \
             after it had run for 3 min 10 s.\n\
             - it ran out of memory (its limit is 64.0 MiB)\n\
             - restart policy `on-failure`, restarted 2 times by it\n\
             - image `nginx:1.27`, id `0123456789ab`"
        );
    }

    #[test]
    fn a_running_container_shows_health_ports_and_mounts() {
        let check = |exit_code, output: &str| Check {
            exit_code,
            output: output.into(),
        };
        let alive = Details {
            health: Some(Health {
                status: HealthStatus::Unhealthy,
                failing_streak: 3,
                checks: vec![check(0, "old"), check(1, "a"), check(1, "``` b"), check(1, "c")],
            }),
            ports: vec!["8080 -> 80/tcp".into()],
            mounts: vec![
                Mount {
                    kind: "bind".into(),
                    volume: None,
                    destination: "/config".into(),
                    read_only: true,
                },
                Mount {
                    kind: "volume".into(),
                    volume: Some("data".into()),
                    destination: "/data".into(),
                    read_only: false,
                },
            ],
            ..details(State::Running)
        };
        assert_eq!(
            summary(&found(), &alive, Millis(1_200_000)),
            "**web** is running for 3 min 20 s, health unhealthy.\n\
             - restart policy `no`, not restarted by it\n\
             - health unhealthy, 3 checks failed in a row\n\
             - image `nginx:1.27`, id `0123456789ab`\n\
             - ports 8080 -> 80/tcp\n\
             - mounts bind at `/config` (read only), volume `data` at `/data`\n\n\
             Last health checks:\n```\nexit 1: a\nexit 1: ''' b\nexit 1: c\n```"
        );
    }
}
