//! `jarvis mcp`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use jarvis_adapters::terminal::{Client, clean};
use jarvis_gateway::tasks::Tasks;
use serde_json::{Value, json};

use super::chat::key_for;
use crate::cli::Mcp;
use crate::config::{Config, Environment};
use crate::output::line;

/// What a started server may take to end.
const END_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn mcp(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    act: Mcp,
) -> anyhow::Result<ExitCode> {
    if let Mcp::Test { name } = act {
        return test(config, environment, name.as_deref()).await;
    }
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    match act {
        Mcp::List { json } => {
            let servers = client.mcp_servers().await?;
            if json {
                line(&Value::Array(servers).to_string());
                return Ok(ExitCode::SUCCESS);
            }
            if servers.is_empty() {
                line("No MCP server is configured; docs/mcp.md says how.");
            }
            for shown in servers.iter().flat_map(words) {
                line(&shown);
            }
        }
        Mcp::Allow { name, tool } => {
            let allowed = client.allow_mcp(&name, tool.as_deref()).await?;
            line(&match allowed.as_slice() {
                [] => "Nothing had to be allowed.".to_owned(),
                names => format!("Allowed as they are now: {}.", clean(&names.join(", "))),
            });
        }
        // Done above, without the running server.
        Mcp::Test { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts each server from here, or the named one, and lists its tools. Nothing is pinned by it.
async fn test(config: &Config, environment: &Environment, name: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut launches = config.launches(environment)?;
    if let Some(name) = name {
        launches.retain(|launch| launch.name == name);
        if launches.is_empty() {
            bail!("there is no [mcp.servers.{name}] in the configuration");
        }
    }
    if launches.is_empty() {
        line("No MCP server is configured; docs/mcp.md says how.");
    }
    let mut code = ExitCode::SUCCESS;
    for launch in &launches {
        let tasks = Tasks::default();
        let tested = jarvis_mcp::test(launch, &tasks).await;
        tasks.stop(END_LIMIT).await;
        let shown = match tested {
            Ok((says, tools)) => {
                let tools = serde_json::to_value(tools).context("show the tools")?;
                json!({ "server": launch.name, "place": "", "state": "connected", "says": says, "tools": tools })
            }
            Err(why) => {
                code = ExitCode::FAILURE;
                json!({ "server": launch.name, "place": "", "state": "away", "says": why, "tools": [] })
            }
        };
        for shown in words(&shown) {
            line(&shown);
        }
    }
    Ok(code)
}

/// A line for the server, and one for each of its tools.
fn words(server: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| clean(value[key].as_str().unwrap_or_default()).replace('\n', " ");
    let place = match text(server, "place") {
        place if place.is_empty() => String::new(),
        place => format!(" ({place})"),
    };
    let mut says = text(server, "says");
    if !says.is_empty() {
        says.insert_str(0, ": ");
    }
    let mut lines = vec![format!(
        "{}  {}{says}{place}",
        text(server, "server"),
        text(server, "state")
    )];
    for tool in server["tools"].as_array().into_iter().flatten() {
        let about: String = text(tool, "says").chars().take(100).collect();
        lines.push(format!("  {:<9} {}  {about}", text(tool, "state"), text(tool, "tool")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_with_its_tools() {
        let mut server = json!({
            "server": "home", "place": "npx home", "state": "connected", "says": "home 1.0, protocol 2025-11-25",
            "tools": [{ "tool": "turn_on", "name": "mcp_home_turn_on", "state": "asks", "says": "turns\u{1b}[2J it on" }],
        });
        let expect = [
            "home  connected: home 1.0, protocol 2025-11-25 (npx home)",
            "  asks      turn_on  turns it on",
        ];
        assert_eq!(words(&server), expect);
        server["state"] = json!("starting");
        server["says"] = json!("");
        server["tools"] = json!([]);
        assert_eq!(words(&server), ["home  starting (npx home)"]);
    }
}
