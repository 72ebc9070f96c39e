//! `jarvis jobs`.

use std::process::ExitCode;

use jarvis_adapters::terminal::{Client, clean};
use serde_json::Value;

use super::chat::key_for;
use crate::cli::Jobs;
use crate::config::{Config, Environment};
use crate::output::line;

/// Lists the jobs of the running server, or changes one.
pub(crate) async fn jobs(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    act: Option<Jobs>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    let jobs = match act {
        None => client.jobs().await?,
        Some(Jobs::Cancel { id }) => vec![client.change_job(&id, "cancel").await?],
        Some(Jobs::Pause { id }) => vec![client.change_job(&id, "pause").await?],
        Some(Jobs::Resume { id }) => vec![client.change_job(&id, "resume").await?],
    };
    if json {
        line(&Value::Array(jobs).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if jobs.is_empty() {
        line("There are no reminders and no recurring prompts.");
    }
    for job in &jobs {
        for shown in words(job) {
            line(&shown);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One line with the time, one with the text, and one with what went wrong last.
fn words(job: &Value) -> Vec<String> {
    let text = |pointer: &str| clean(job.pointer(pointer).and_then(Value::as_str).unwrap_or("?")).replace('\n', " ");
    let state = match text("/status").as_str() {
        "active" => format!("next {}", text("/next")),
        other => other.to_owned(),
    };
    let mut lines = vec![
        format!(
            "{}  {:<8}{} ({}), {state}",
            text("/id"),
            text("/kind"),
            text("/when"),
            text("/timezone")
        ),
        format!("       {}", text("/text").chars().take(70).collect::<String>()),
    ];
    let fault = job.pointer("/last/says").and_then(Value::as_str);
    if let Some(fault) = fault {
        lines.push(format!("       last time {}: {}", text("/last/state"), clean(fault)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_shown_with_what_went_wrong() {
        let mut job = json!({
            "id": "K7QXA", "kind": "prompt", "text": "is\nall \u{1b}[2Kwell?", "when": "every day at 08:30",
            "timezone": "UTC", "status": "active", "next": "Sat 2026-11-21 08:30", "last": null,
        });
        let expect = [
            "K7QXA  prompt  every day at 08:30 (UTC), next Sat 2026-11-21 08:30",
            "       is all well?",
        ];
        assert_eq!(words(&job), expect);
        job["status"] = json!("paused");
        job["last"] = json!({ "state": "failed", "says": "no model answered" });
        assert_eq!(words(&job)[0], "K7QXA  prompt  every day at 08:30 (UTC), paused");
        assert_eq!(words(&job)[2], "       last time failed: no model answered");
    }
}
