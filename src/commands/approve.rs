//! `jarvis approve`.

use std::process::ExitCode;

use jarvis_adapters::terminal::{Client, clean};
use serde_json::Value;

use crate::config::{Config, Environment};
use crate::output::line;

use super::chat::key_for;

/// Decides a card at the running server, or lists the open ones.
pub(crate) async fn approve(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    id: Option<String>,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    let Some(id) = id else { return list(&client).await };
    let card = client.decide(&id, yes).await?;
    let title = card.pointer("/plan/title").and_then(Value::as_str).unwrap_or_default();
    let word = if yes { "Approved" } else { "Denied" };
    line(&format!("{word} {}: {}.", clean(&id.to_uppercase()), clean(title)));
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client) -> anyhow::Result<ExitCode> {
    let open = client.approvals().await?;
    if open.is_empty() {
        line("No approval is open.");
    }
    for card in open {
        let text = |pointer: &str| clean(card.pointer(pointer).and_then(Value::as_str).unwrap_or("?"));
        line(&format!(
            "{}  {}  (now: {}; afterwards: {}; asked by {})",
            text("/id"),
            text("/plan/title"),
            text("/plan/before"),
            text("/plan/after"),
            text("/requested_by")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
