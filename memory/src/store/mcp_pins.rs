//! What the owner allowed of the tools of MCP servers.

use jarvis_gateway::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::audit::append;
use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{AuditEvent, McpPin};

impl Store {
    /// The pins of a server, by tool.
    pub async fn mcp_pins(&self, server: &str) -> Result<Vec<McpPin>> {
        let query =
            sqlx::query("SELECT tool, allowed, seen FROM mcp_pins WHERE server = $1 ORDER BY tool").bind(server);
        tried(Named("read the pins of MCP server", server), async {
            row::all(&query.fetch_all(&self.read).await?, pin)
        })
        .await
    }

    /// Writes pins of a server, each in the place of the one of its tool, and the entry in the audit with them.
    pub async fn keep_mcp_pins(&self, server: &str, pins: &[McpPin], event: &AuditEvent, now: Millis) -> Result<()> {
        tried(Named("keep the pins of MCP server", server), async {
            let mut transaction = self.write.begin().await?;
            for pin in pins {
                sqlx::query(
                    "INSERT INTO mcp_pins (server, tool, allowed, seen, at) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (server, tool) DO UPDATE SET allowed = excluded.allowed, seen = excluded.seen,
                     at = excluded.at",
                )
                .bind(server)
                .bind(&pin.tool)
                .bind(&pin.allowed)
                .bind(&pin.seen)
                .bind(now.0)
                .execute(&mut *transaction)
                .await?;
            }
            append(&mut transaction, event, now).await?;
            transaction.commit().await
        })
        .await
    }
}

fn pin(row: &AnyRow) -> sqlx::Result<McpPin> {
    Ok(McpPin {
        tool: row.try_get("tool")?,
        allowed: row.try_get("allowed")?,
        seen: row.try_get("seen")?,
    })
}
