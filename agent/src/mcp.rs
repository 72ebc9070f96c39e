//! MCP servers: where their pins are, who is told when a tool is not what was allowed, and who allows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::tasks::Tasks;
use jarvis_mcp::{Launch, Pin, Pins, Servers, Shown, Unwritten};
use jarvis_memory::records::{AuditEvent, McpPin};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::conversations;
use crate::error::Error;
use crate::parts::Parts;
use crate::principal::Principal;

/// Begins to connect to the servers.
pub(crate) fn start(parts: &Parts, launches: Vec<Launch>, tasks: &Tasks) -> Servers {
    let pins = Arc::new(Kept(parts.clone()));
    let clock: &Arc<dyn Clock> = &parts.clock;
    Servers::start(launches, parts.catalog.shelf(), pins, clock, tasks)
}

/// Pins as rows.
struct Kept(Parts);

#[async_trait]
impl Pins for Kept {
    async fn of(&self, server: &str) -> Result<BTreeMap<String, Pin>, Unwritten> {
        let rows = self.0.store.mcp_pins(server).await.map_err(|error| unwritten(&error))?;
        let pin = |row: McpPin| {
            let McpPin { tool, allowed, seen } = row;
            (tool, Pin { allowed, seen })
        };
        Ok(rows.into_iter().map(pin).collect())
    }

    async fn keep(&self, server: &str, pins: &BTreeMap<String, Pin>) -> Result<(), Unwritten> {
        let rows: Vec<McpPin> = pins
            .iter()
            .map(|(tool, pin)| McpPin {
                tool: tool.clone(),
                allowed: pin.allowed.clone(),
                seen: pin.seen.clone(),
            })
            .collect();
        let hashes = |row: &McpPin| json!({ "allowed": row.allowed, "seen": row.seen });
        let tools: serde_json::Map<String, Value> = rows.iter().map(|row| (row.tool.clone(), hashes(row))).collect();
        let event = AuditEvent {
            kind: "mcp.pins".to_owned(),
            via: "mcp".to_owned(),
            detail: Some(json!({ "server": server, "tools": tools })),
            ..AuditEvent::default()
        };
        let kept = self.0.store.keep_mcp_pins(server, &rows, &event, self.0.now()).await;
        kept.map_err(|error| unwritten(&error))
    }

    async fn tell(&self, server: &str, changed: &[String], new: &[String]) {
        if let Err(error) = tell(&self.0, server, changed, new).await {
            tracing::error!(mcp.server = server, %error, "the operators are not told of changed tools of an MCP server");
        }
    }
}

fn unwritten(error: &jarvis_memory::Error) -> Unwritten {
    Unwritten(error.to_string())
}

/// Names of tools are a stranger's words, so that the message counts as outside text.
async fn tell(parts: &Parts, server: &str, changed: &[String], new: &[String]) -> Result<(), Error> {
    let named = |names: &[String]| {
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("`{}`", name.replace('`', "'")))
            .collect();
        names.join(", ")
    };
    let mut says = Vec::new();
    if !changed.is_empty() {
        says.push(format!(
            "describes tools of it in other words than those that you allowed: {}",
            named(changed)
        ));
    }
    if !new.is_empty() {
        says.push(format!("has tools that it did not have before: {}", named(new)));
    }
    let text = format!(
        "The MCP server `{server}` {}. They are not used. `jarvis mcp list` shows them, and `jarvis mcp allow {server}` allows \
         them as they are now.",
        says.join(", and "),
    );
    let conversation = conversations::of_operators(parts).await?;
    let detail = json!({ "mcp": server, "tainted": true });
    conversations::add_event(parts, &conversation.id, None, text, detail).await?;
    Ok(())
}

impl Agent {
    /// The configured MCP servers and their tools.
    pub fn mcp_servers(&self, principal: &Principal) -> Result<Vec<Shown>, Error> {
        self.may_look(principal)?;
        Ok(self.parts().mcp.as_ref().map(Servers::shown).unwrap_or_default())
    }

    /// Allows a tool of an MCP server as it is now, or all of its tools. Returns the names of those that were not allowed
    /// before.
    pub async fn allow_mcp(
        &self,
        principal: &Principal,
        server: &str,
        tool: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        self.may_look(principal)?;
        let missing = || {
            Error::NoMcp(
                format!("{server} {}", tool.unwrap_or_default())
                    .trim()
                    .chars()
                    .take(64)
                    .collect(),
            )
        };
        let parts = self.parts();
        let servers = parts.mcp.as_ref().ok_or_else(missing)?;
        let event = AuditEvent {
            kind: "mcp.allow".to_owned(),
            person_id: Some(principal.person_id.clone()),
            via: principal.surface.as_str().to_owned(),
            detail: Some(json!({ "server": server, "tool": tool })),
            ..AuditEvent::default()
        };
        parts.store.append_audit(&event, parts.now()).await?;
        let allowed = servers.allow(server, tool).await.map_err(|error| {
            tracing::error!(mcp.server = server, %error, "tools of an MCP server could not be allowed");
            Error::NotKept
        })?;
        allowed.ok_or_else(missing)
    }
}
