//! `jarvis memory`.

use std::process::ExitCode;

use jarvis_adapters::terminal::{Client, clean};
use serde_json::Value;

use super::chat::key_for;
use crate::cli::Memory;
use crate::config::{Config, Environment};
use crate::output::line;

/// Lists what is remembered by the running server, or changes it.
pub(crate) async fn memory(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    act: Option<Memory>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    let (rows, none) = match act {
        None | Some(Memory::List) => (client.memories().await?, "Nothing is remembered."),
        Some(Memory::Search { query }) => (
            client.recall(&query).await?,
            "Nothing that fits was said or remembered.",
        ),
        Some(Memory::Add { text }) => (vec![client.remember(&text).await?], ""),
        Some(Memory::Forget { id }) => return said(client.forget_memory(&id).await, "It is forgotten."),
        Some(Memory::Off) => return said(client.set_learning(false).await, "Nothing is learned of you by itself."),
        Some(Memory::On) => {
            return said(
                client.set_learning(true).await,
                "What you say of yourself may be learned.",
            );
        }
    };
    if json {
        line(&Value::Array(rows).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        line(none);
    }
    for row in &rows {
        line(&words(row));
    }
    Ok(ExitCode::SUCCESS)
}

fn said(done: Result<(), jarvis_adapters::terminal::Error>, words: &str) -> anyhow::Result<ExitCode> {
    done?;
    line(words);
    Ok(ExitCode::SUCCESS)
}

fn words(row: &Value) -> String {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .map(|text| clean(text).replace('\n', " "))
    };
    let id = text("id")
        .or_else(|| text("memory"))
        .unwrap_or_else(|| "said".to_owned());
    let author = text("author").unwrap_or_else(|| "Jarvis".to_owned());
    let audience = text("audience").unwrap_or_default();
    format!(
        "{id:<6}  {}  ({author}, for {audience})",
        text("text").unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_one_line() {
        let memory = json!({ "id": "a1b2c3", "text": "tea\nat \u{1b}[2Kfive", "author": "owner", "audience": "owner" });
        assert_eq!(words(&memory), "a1b2c3  tea at five  (owner, for owner)");
        let message = json!({ "memory": null, "text": "hello", "author": null, "audience": "room" });
        assert_eq!(words(&message), "said    hello  (Jarvis, for room)");
    }
}
