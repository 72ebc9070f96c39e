//! `jarvis audit`. Reads the database itself, so that it works when no server runs.

use std::process::ExitCode;

use jarvis_memory::Store;
use jarvis_memory::records::{AuditCheck, AuditEntry};

use crate::config::Config;
use crate::data;
use crate::output::{line, when};

pub(crate) async fn audit(config: &Config, limit: i64, json: bool) -> anyhow::Result<ExitCode> {
    data::make(&config.data)?;
    let store = Store::open(&config.database_url()).await?;
    let entries = store.audit(None, limit.clamp(1, 100_000)).await?;
    let check = store.check_audit().await?;
    store.close().await;
    for entry in entries.iter().rev() {
        line(&if json {
            serde_json::to_string(entry)?
        } else {
            words(entry)
        });
    }
    match check {
        AuditCheck::Intact { .. } if json => {}
        AuditCheck::Intact { entries } => line(&format!("{entries} entries; the chain is intact.")),
        AuditCheck::Broken { at } => {
            crate::output::error(&format!(
                "jarvis: the audit was changed: entry {at} does not fit its hash"
            ));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `12  2026-11-20 10:05:00  owner via console  tool.intent  docker_action {…}  allow by reversible  ok`.
fn words(entry: &AuditEntry) -> String {
    let mut text = format!(
        "{:>5}  {}  {} via {}  {}",
        entry.id,
        when(entry.at),
        entry.person_id.as_deref().unwrap_or("jarvis"),
        entry.via,
        entry.kind
    );
    if let Some(approval) = &entry.approval_id {
        text += &format!(" {approval}");
    }
    if let Some(tool) = &entry.tool {
        text += &format!("  {tool}");
    }
    if let Some(arguments) = &entry.arguments {
        text += &format!(" {arguments}");
    }
    if let (Some(decision), Some(rule)) = (&entry.decision, &entry.rule) {
        text += &format!("  {decision} by {rule}");
    }
    if let Some(outcome) = &entry.outcome {
        text += &format!("  {outcome}");
    }
    // Arguments can hold what a stranger wrote; a terminal must not obey it.
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
