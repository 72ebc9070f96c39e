//! `jarvis audit`. Reads the database itself, so that it works when no server runs.

use std::process::ExitCode;

use jarvis_memory::records::{AuditCheck, AuditEntry};

use crate::config::Config;
use crate::data;
use crate::output::{line, when};

pub(crate) async fn audit(config: &Config, limit: i64, json: bool) -> anyhow::Result<ExitCode> {
    data::need(config)?;
    let store = config.store().await?;
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
    if let Some(detail) = &entry.detail {
        text += &format!(" {detail}");
    }
    if let (Some(decision), Some(rule)) = (&entry.decision, &entry.rule) {
        text += &format!("  {decision} by {rule}");
    }
    if let Some(outcome) = &entry.outcome {
        text += &format!("  {outcome}");
    }
    // Arguments can hold what a stranger wrote; a terminal must not obey it, and it must not hide the rest of the row.
    text.chars().map(|c| if is_shown(c) { c } else { '\u{fffd}' }).collect()
}

/// Not a control character, and none that hides text or turns its direction around.
fn is_shown(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_that_hides_nothing() {
        let entry = AuditEntry {
            id: 7,
            at: jarvis_gateway::clock::Millis(0),
            kind: "decision".into(),
            person_id: None,
            via: "console".into(),
            conversation_id: None,
            run_id: None,
            approval_id: None,
            tool: Some("x\n9  forged\u{1b}[2K\u{202e}".into()),
            arguments: None,
            decision: None,
            rule: None,
            outcome: Some("denied".into()),
            detail: Some(serde_json::json!({"scopes": "chat"})),
            prev: String::new(),
            hash: String::new(),
        };
        assert!(
            words(&entry).ends_with(
                "  jarvis via console  decision  x\u{fffd}9  forged\u{fffd}[2K\u{fffd} {\"scopes\":\"chat\"}  denied"
            ),
            "{:?}",
            words(&entry)
        );
    }
}
