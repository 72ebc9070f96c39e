//! The tool `container_stats`.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use jarvis_gateway::providers::command::{CallForm, Command};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Engine, Listed, State, Usage};
use super::name::Name;
use crate::risk::{Risk, Trust};
use crate::words::{bytes, count};
use crate::{Context, Error, Output, Tool};

/// The engine needs a second for each, so they are asked at the same time.
const AT_ONCE: usize = 16;
const MOST: usize = 64;

const COMMANDS: &[Command] = &[
    Command {
        phrases: &["stats", "container stats", "show stats", "docker stats"],
        calls: &[CallForm {
            tool: ContainerStats::NAME,
            arguments: &[],
        }],
        help: "shows what CPU and memory the running containers use",
    },
    Command {
        phrases: &[
            "stats {container}",
            "stats of {container}",
            "how much memory does {container} use",
        ],
        calls: &[CallForm {
            tool: ContainerStats::NAME,
            arguments: &[("container", "{container}")],
        }],
        help: "shows what CPU and memory a container uses",
    },
];

/// Measures how much CPU and memory containers use right now. Use it to find what makes the server slow or what eats
/// memory. Without a container it measures all that run; it takes about two seconds. 100 % CPU is one core kept busy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The exact name of one container, as `list_containers` shows it. Leave it out for all running ones.
    container: Option<Name>,
}

#[derive(Debug, Clone)]
pub struct ContainerStats {
    client: Client,
}

impl ContainerStats {
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Tool for ContainerStats {
    type Input = Input;
    const NAME: &'static str = "container_stats";

    fn risk(&self, _input: &Input) -> Risk {
        Risk::read(Trust::Operator)
    }

    fn target(&self, input: &Input) -> Option<String> {
        input.container.as_ref().map(|name| name.as_str().to_owned())
    }

    /// Figures, and names in a narrow alphabet.
    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        COMMANDS
    }

    fn time_limit(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn run(&self, _context: &Context, input: Input) -> Result<Output, Error> {
        let engine = self.client.engine().await?;
        match input.container {
            Some(name) => {
                let found = engine.find(&name).await?;
                if !matches!(found.state, State::Running | State::Paused) {
                    let state = found.state.as_str();
                    return Err(Error::refused(format!(
                        "`{}` uses nothing, it is {state}",
                        found.name()
                    )));
                }
                let usage = engine.usage(&found.id).await?;
                Ok(answer(&[(found, usage)], &[]))
            }
            None => all(&engine).await,
        }
    }
}

async fn all(engine: &Engine) -> Result<Output, Error> {
    let mut running = engine.list().await?;
    running.retain(|container| container.state == State::Running);
    if running.is_empty() {
        return Ok(Output {
            summary: "No container is running.".to_owned(),
            data: json!({"containers": []}),
        });
    }
    let left_out = running.split_off(running.len().min(MOST));
    let measured: Vec<(Listed, Result<Usage, Error>)> = futures_util::stream::iter(running)
        .map(|container| async {
            let usage = engine.usage(&container.id).await;
            (container, usage)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut known = Vec::new();
    let mut unknown = left_out;
    let mut fault = None;
    for (container, usage) in measured {
        match usage {
            Ok(usage) => known.push((container, usage)),
            // It may have ended in this second; only when nothing could be measured is that the answer.
            Err(error) => {
                unknown.push(container);
                fault = Some(error);
            }
        }
    }
    match fault {
        Some(fault) if known.is_empty() => Err(fault),
        _ => {
            known.sort_by(|(_, left), (_, right)| {
                let cpu = |usage: &Usage| usage.cpu_percent.unwrap_or_default();
                cpu(right)
                    .total_cmp(&cpu(left))
                    .then(right.memory_used.cmp(&left.memory_used))
            });
            Ok(answer(&known, &unknown))
        }
    }
}

fn answer(known: &[(Listed, Usage)], unknown: &[Listed]) -> Output {
    let mut lines = Vec::new();
    if known.len() != 1 {
        let total = known.iter().map(|(_, usage)| usage.memory_used).sum();
        let many = count(known.len(), "container");
        lines.push(format!("{many} use {} of memory:", bytes(total)));
    }
    let bullet = if known.len() == 1 { "" } else { "- " };
    for (container, usage) in known {
        lines.push(format!("{bullet}**{}**: {}", container.name(), usage_words(usage)));
    }
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.iter().take(10).map(Listed::name).collect();
        lines.push(format!("- not measured: {} ({})", unknown.len(), names.join(", ")));
    }
    Output {
        summary: lines.join("\n"),
        data: json!({"containers": known.iter().map(row).collect::<Vec<_>>()}),
    }
}

fn usage_words(usage: &Usage) -> String {
    let cpu = match usage.cpu_percent {
        Some(percent) => format!("CPU {percent:.1} %"),
        None => "CPU unknown".to_owned(),
    };
    let limit = match usage.memory_limit {
        Some(limit) if limit > 0 => format!(" of {}", bytes(limit)),
        _ => String::new(),
    };
    let processes = match usage.processes {
        Some(1) => ", 1 process".to_owned(),
        Some(number) => format!(", {number} processes"),
        None => String::new(),
    };
    format!("{cpu}, memory {}{limit}{processes}", bytes(usage.memory_used))
}

fn row((container, usage): &(Listed, Usage)) -> Value {
    json!({
        "name": container.name(),
        "cpu_percent": usage.cpu_percent.map(|percent| (percent * 10.0).round() / 10.0),
        "memory_bytes": usage.memory_used,
        "memory_limit_bytes": usage.memory_limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_told_in_words() {
        let check = |cpu_percent, memory_limit, processes, expect: &str| {
            let usage = Usage {
                cpu_percent,
                memory_used: 25 * 1024 * 1024,
                memory_limit,
                processes,
            };
            assert_eq!(usage_words(&usage), expect);
        };
        check(
            Some(12.34),
            Some(64 * 1024 * 1024),
            Some(3),
            "CPU 12.3 %, memory 25.0 MiB of 64.0 MiB, 3 processes",
        );
        check(None, None, None, "CPU unknown, memory 25.0 MiB");
    }
}
