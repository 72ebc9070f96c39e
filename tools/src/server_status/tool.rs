//! The tool `get_server_status`.

use async_trait::async_trait;
use jarvis_gateway::providers::command::{CallForm, Command};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Config;
use super::machine::{self, Disk, Machine};
use super::services::{self, Answer, Outcome};
use crate::outside_text::code;
use crate::risk::{Risk, Trust};
use crate::words::{bytes, count, span};
use crate::{Context, Error, Output, Tool};

/// From here down a disk is called nearly full, in percent that are free.
const NEARLY_FULL: u64 = 10;

const COMMANDS: &[Command] = &[Command {
    phrases: &[
        "status",
        "server status",
        "how is the server",
        "how is server",
        "is the server ok",
        "is server ok",
        "is everything ok",
        "how is everything",
        "uptime",
        "disk",
        "memory",
        "cpu",
        "load",
        "show status",
        "system status",
    ],
    calls: &[CallForm {
        tool: ServerStatus::NAME,
        arguments: &[],
    }],
    help: "shows CPU, memory and disks of the server, and whether the services answer",
}];

/// Shows how the server is that Jarvis runs on: CPU, load, memory, swap, disks, uptime, and whether each configured
/// service answers. Use it when the user asks how the server is, whether something is slow or full, or whether the
/// services are up. For single containers use `container_stats`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {}

#[derive(Debug, Clone)]
pub struct ServerStatus {
    config: Config,
}

impl ServerStatus {
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Tool for ServerStatus {
    type Input = Input;
    const NAME: &'static str = "get_server_status";

    fn risk(&self, _input: &Input) -> Risk {
        Risk::read(Trust::Operator)
    }

    /// Figures of this machine, status codes, and names from the configuration.
    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        COMMANDS
    }

    async fn run(&self, _context: &Context, _input: Input) -> Result<Output, Error> {
        let (machine, answers) = tokio::join!(machine::read(), services::ask_all(&self.config.services));
        let machine = machine?;
        Ok(Output {
            summary: summary(&machine, &answers),
            data: data(&machine, &answers),
        })
    }
}

fn summary(machine: &Machine, answers: &[Answer]) -> String {
    let name = machine.name.as_deref().unwrap_or("This machine");
    let mut title = vec![format!("**{name}**")];
    title.extend(machine.system.clone());
    title.extend(machine.uptime.map(|uptime| format!("up {}", span(uptime))));
    let load = machine
        .load
        .map(|[one, five, fifteen]| format!(", load {one:.2} {five:.2} {fifteen:.2}"));
    let swap = match machine.swap_total {
        0 => "no swap".to_owned(),
        total => format!("swap {} of {}", bytes(machine.swap_used), bytes(total)),
    };
    let mut lines = vec![
        title.join(", "),
        format!(
            "- CPU {:.0} % of {}{}",
            machine.cpu_percent,
            count(machine.cpus, "core"),
            load.unwrap_or_default()
        ),
        format!(
            "- memory {} of {} used, {swap}",
            bytes(machine.memory_used),
            bytes(machine.memory_total)
        ),
    ];
    lines.extend(machine.disks.iter().map(disk_words));
    if !answers.is_empty() {
        lines.push("\nServices:".to_owned());
        lines.extend(answers.iter().map(service_words));
    }
    lines.join("\n")
}

fn service_words(answer: &Answer) -> String {
    format!("- **{}** {}", answer.name, outcome_words(&answer.outcome))
}

fn disk_words(disk: &Disk) -> String {
    let percent = disk.free_percent();
    let warning = if percent <= NEARLY_FULL { ", nearly full" } else { "" };
    format!(
        "- disk {}: {} of {} free ({percent} %){warning}",
        code(&disk.mounted_at),
        bytes(disk.free),
        bytes(disk.total)
    )
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Well { status, after } => format!("answers (status {status} after {} ms)", after.as_millis()),
        Outcome::Wrong { status, after } => {
            format!("is not well: status {status} after {} ms", after.as_millis())
        }
        Outcome::Away(why) => format!("cannot be reached: {why}"),
    }
}

fn data(machine: &Machine, answers: &[Answer]) -> Value {
    let disks: Vec<Value> = machine
        .disks
        .iter()
        .map(|disk| json!({"at": disk.mounted_at, "free_percent": disk.free_percent(), "free_bytes": disk.free}))
        .collect();
    let services: Vec<Value> = answers
        .iter()
        .map(|answer| match &answer.outcome {
            Outcome::Well { status, .. } => json!({"name": answer.name, "ok": true, "status": status}),
            Outcome::Wrong { status, .. } => json!({"name": answer.name, "ok": false, "status": status}),
            Outcome::Away(why) => json!({"name": answer.name, "ok": false, "why": why}),
        })
        .collect();
    json!({
        "cpu_percent": machine.cpu_percent.round(),
        "load": machine.load,
        "memory_total_bytes": machine.memory_total,
        "memory_used_bytes": machine.memory_used,
        "swap_used_bytes": machine.swap_used,
        "disks": disks,
        "services": services,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_answer_names_what_is_wrong() {
        let machine = Machine {
            name: Some("ubuntu".into()),
            system: Some("Linux (Debian GNU/Linux 12)".into()),
            cpu_percent: 12.4,
            cpus: 8,
            load: Some([0.5, 0.25, 0.1]),
            memory_total: 16 << 30,
            memory_used: 4 << 30,
            swap_total: 0,
            swap_used: 0,
            uptime: Some(Duration::from_hours(72)),
            disks: vec![Disk {
                device: "/dev/sda1".into(),
                file_system: "ext4".into(),
                mounted_at: "/".into(),
                total: 100 << 30,
                free: 5 << 30,
            }],
        };
        let answer = |name: &str, outcome| Answer {
            name: name.into(),
            outcome,
        };
        let after = Duration::from_millis(12);
        let answers = [
            answer("plex", Outcome::Well { status: 200, after }),
            answer("wiki", Outcome::Wrong { status: 502, after }),
            answer("nas", Outcome::Away("connection refused".into())),
        ];
        assert_eq!(
            summary(&machine, &answers),
            "**ubuntu**, Linux (Debian GNU/Linux 12), up 3 d\n\
             - CPU 12 % of 8 cores, load 0.50 0.25 0.10\n\
             - memory 4.0 GiB of 16.0 GiB used, no swap\n\
             - disk `/`: 5.0 GiB of 100.0 GiB free (5 %), nearly full\n\n\
             Services:\n\
             - **plex** answers (status 200 after 12 ms)\n\
             - **wiki** is not well: status 502 after 12 ms\n\
             - **nas** cannot be reached: connection refused"
        );
    }
}
