//! The tool `list_containers`.

use async_trait::async_trait;
use jarvis_gateway::providers::command::{CallForm, Command};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Listed, State};
use crate::outside_text::{clean_line, code};
use crate::risk::{Risk, Trust};
use crate::words::count;
use crate::{Context, Error, Output, Tool};

/// More than this many are counted, not listed.
const SHOWN: usize = 60;

const COMMANDS: &[Command] = &[Command {
    phrases: &[
        "ps",
        "list containers",
        "containers",
        "show containers",
        "what is running",
        "what is running here",
        "what containers are running",
        "which containers are running",
        "what is up",
        "list all containers",
        "show all containers",
        "show me containers",
        "docker ps",
    ],
    calls: &[CallForm {
        tool: ListContainers::NAME,
        arguments: &[],
    }],
    help: "lists the containers and says which of them run",
}];

/// Lists the containers of the Docker server with their state, image and ports. Use it to see what is running, to
/// check whether something is up, and to learn the exact name of a container before another Docker tool needs it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Which containers: `running`, `exited` (everything that does not run), or `all`. Default `all`.
    state: Option<Wanted>,
    /// Only containers whose name or image contains this text, case ignored.
    #[schemars(extend("maxLength" = 100))]
    name_contains: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Running,
    Exited,
    All,
}

#[derive(Debug, Clone)]
pub struct ListContainers {
    client: Client,
}

impl ListContainers {
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Tool for ListContainers {
    type Input = Input;
    const NAME: &'static str = "list_containers";

    fn risk(&self, _input: &Input) -> Risk {
        Risk::read(Trust::Operator)
    }

    /// Names, images and states are words of the engine in a narrow alphabet, set by whoever runs the server.
    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        COMMANDS
    }

    async fn run(&self, _context: &Context, input: Input) -> Result<Output, Error> {
        let mut containers = self.client.engine().await?.list().await?;
        containers.retain(|container| fits(container, &input));
        containers.sort_by(|left, right| left.name().cmp(right.name()));
        Ok(Output {
            summary: summary(&containers, &input),
            data: json!({"containers": containers.iter().take(SHOWN).map(row).collect::<Vec<_>>()}),
        })
    }
}

fn fits(container: &Listed, input: &Input) -> bool {
    let of_this_state = match input.state.unwrap_or(Wanted::All) {
        Wanted::All => true,
        Wanted::Running => runs(container.state),
        Wanted::Exited => !runs(container.state),
    };
    let of_this_name = input.name_contains.as_ref().is_none_or(|part| {
        let part = part.to_lowercase();
        let holds = |text: &String| text.to_lowercase().contains(&part);
        container.names.iter().any(holds) || holds(&container.image)
    });
    of_this_state && of_this_name
}

fn runs(state: State) -> bool {
    match state {
        State::Running | State::Paused | State::Stopping => true,
        // Between two runs of a loop of crashes nothing runs, and the engine does not count it either.
        State::Restarting | State::Created | State::Removing | State::Exited | State::Dead | State::Unknown => false,
    }
}

fn row(container: &Listed) -> serde_json::Value {
    json!({
        "name": container.name(),
        "id": container.id.short(),
        "image": container.image,
        "state": container.state.as_str(),
        "status": container.status,
        "ports": container.ports,
    })
}

fn summary(containers: &[Listed], input: &Input) -> String {
    let named = match &input.name_contains {
        Some(part) => format!(" whose name or image contains {}", code(&clean_line(part, 100))),
        None => String::new(),
    };
    let (up, down): (Vec<&Listed>, Vec<&Listed>) = containers.iter().partition(|container| runs(container.state));
    let wanted = input.state.unwrap_or(Wanted::All);
    if containers.is_empty() {
        return match wanted {
            Wanted::All => format!("There are no containers{named}."),
            Wanted::Running => format!("No container{named} is running."),
            Wanted::Exited => format!("No container{named} is stopped."),
        };
    }
    let mut lines = vec![match wanted {
        Wanted::All => {
            let verb = if up.len() == 1 { "is" } else { "are" };
            let all = count(containers.len(), "container");
            format!("{} of {all}{named} {verb} running.", up.len())
        }
        Wanted::Running => format!("{}{named} running:", count(up.len(), "container")),
        Wanted::Exited => format!("{}{named} not running:", count(down.len(), "container")),
    }];
    lines.extend(rows(&up, SHOWN));
    if !up.is_empty() && !down.is_empty() {
        lines.push("\nNot running:".to_owned());
    }
    lines.extend(rows(&down, SHOWN.saturating_sub(up.len()).max(10)));
    lines.join("\n")
}

fn rows(containers: &[&Listed], limit: usize) -> Vec<String> {
    let mut rows: Vec<String> = containers.iter().take(limit).map(|container| line(container)).collect();
    if let Some(more) = containers.len().checked_sub(limit).filter(|more| *more > 0) {
        rows.push(format!("- and {more} more"));
    }
    rows
}

fn line(container: &Listed) -> String {
    let ports = match container.ports.as_slice() {
        [] => String::new(),
        ports => format!(", ports {}", ports.join(", ")),
    };
    let status = match container.status.as_str() {
        "" => container.state.as_str(),
        status => status,
    };
    let (name, image) = (container.name(), code(&container.image));
    format!("- **{name}**: {status}, image {image}{ports}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::name::Id;

    fn container(name: &str, state: State, status: &str) -> Listed {
        Listed {
            id: Id::parse(&"a".repeat(64)).unwrap(),
            names: vec![name.into()],
            image: "nginx:1.27".into(),
            state,
            status: status.into(),
            ports: vec!["8080 -> 80/tcp".into()],
            labels: std::collections::HashMap::default(),
        }
    }

    #[test]
    fn the_answer_is_complete_by_itself() {
        let web = container("web", State::Running, "Up 3 hours (healthy)");
        let old = Listed {
            ports: vec![],
            ..container("old", State::Exited, "Exited (137) 2 days ago")
        };
        let check = |containers: &[Listed], input: Input, expect: &str| {
            assert_eq!(summary(containers, &input), expect);
        };
        check(
            &[old.clone(), web.clone()],
            Input::default(),
            "1 of 2 containers is running.\n\
             - **web**: Up 3 hours (healthy), image `nginx:1.27`, ports 8080 -> 80/tcp\n\n\
             Not running:\n\
             - **old**: Exited (137) 2 days ago, image `nginx:1.27`",
        );
        let crashing = container("web", State::Restarting, "Restarting (1) 4 seconds ago");
        check(
            &[crashing],
            Input::default(),
            "0 of 1 container are running.\n- **web**: Restarting (1) 4 seconds ago, image `nginx:1.27`, ports 8080 -> 80/tcp",
        );
        check(&[], Input::default(), "There are no containers.");
        let running = || Input {
            state: Some(Wanted::Running),
            name_contains: Some("we`b".into()),
        };
        check(
            &[],
            running(),
            "No container whose name or image contains `we'b` is running.",
        );
        check(
            std::slice::from_ref(&old),
            Input {
                state: Some(Wanted::Exited),
                name_contains: None,
            },
            "1 container not running:\n- **old**: Exited (137) 2 days ago, image `nginx:1.27`",
        );
    }
}
