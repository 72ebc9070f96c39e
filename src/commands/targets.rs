//! `jarvis targets`.

use std::process::ExitCode;

use jarvis_adapters::terminal::{Client, clean};
use jarvis_gateway::clock::{Clock, Millis, System};
use serde_json::Value;

use super::chat::key_for;
use crate::cli::Targets;
use crate::config::{Config, Environment};
use crate::output::line;

/// Shows what the running server knows of its targets, or holds one of them.
pub(crate) async fn targets(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    act: Option<Targets>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    let targets = match act {
        None => client.targets().await?,
        Some(Targets::ForceOpen { name, time }) => client.force_target(&name, "open", Some(time.as_secs())).await?,
        Some(Targets::ForceClosed { name, time }) => client.force_target(&name, "closed", Some(time.as_secs())).await?,
        Some(Targets::Reset { name }) => client.force_target(&name, "reset", None).await?,
    };
    if json {
        line(&Value::Array(targets).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if targets.is_empty() {
        line("No target is set up: no model is configured, and none was found.");
    }
    let width = targets.iter().map(|target| text(target, "/name").chars().count()).max();
    for target in &targets {
        for shown in words(target, width.unwrap_or_default(), System.now()) {
            line(&shown);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One line with what is known, and a second one when there is a reason for the state.
fn words(target: &Value, width: usize, now: Millis) -> Vec<String> {
    let mut first = format!(
        "{:<width$}  {:<10}  {:<8}",
        text(target, "/name"),
        state(target),
        warmth(target)
    );
    let facts = [context(target), abilities(target), speed(target), probe(target, now)];
    for fact in facts.into_iter().flatten() {
        first += &format!("  {fact}");
    }
    let aliases = target.pointer("/aliases").and_then(Value::as_array);
    let aliases: Vec<&str> = aliases.into_iter().flatten().filter_map(Value::as_str).collect();
    first += &format!("  [{}]", clean(&aliases.join(", ")));
    let mut lines = vec![first];
    if let Some(reason) = target.pointer("/reason").and_then(Value::as_str) {
        let until = target.pointer("/open_until").and_then(Value::as_i64);
        let until = until.map_or_else(String::new, |until| {
            let left = Millis(until).since(now).as_secs();
            format!(", for {left} s more")
        });
        lines.push(format!("{:<width$}  {}{until}", "", clean(reason)));
    }
    lines
}

fn state(target: &Value) -> &'static str {
    match target.pointer("/state").and_then(Value::as_str) {
        Some("closed") => "in use",
        Some("open") => "left alone",
        Some("half_open") => "on trial",
        Some("hard_down") => "refused",
        Some("missing") => "missing",
        Some(_) | None => "?",
    }
}

fn warmth(target: &Value) -> &'static str {
    match target.pointer("/warmth").and_then(Value::as_str) {
        Some("cold") => "cold",
        Some("loading") => "loading",
        Some("warm_slow") => "warm, partly in slow memory",
        Some("warm") => "warm",
        Some(_) | None => "-",
    }
}

fn context(target: &Value) -> Option<String> {
    let tokens = |pointer: &str| target.pointer(pointer).and_then(Value::as_u64);
    match (tokens("/context/effective"), tokens("/context/max")) {
        (Some(effective), Some(max)) => Some(format!("context {effective} of {max}")),
        (Some(effective), None) => Some(format!("context {effective}")),
        (None, Some(max)) => Some(format!("context at most {max}")),
        (None, None) => None,
    }
}

fn abilities(target: &Value) -> Option<String> {
    let names = target.pointer("/capabilities")?.as_array()?;
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    Some(clean(&names.join(" ")))
}

fn speed(target: &Value) -> Option<String> {
    let rate = |pointer: &str| target.pointer(pointer).and_then(Value::as_f64);
    let (read, write) = (rate("/rates/prompt"), rate("/rates/answer"));
    let spoken = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), |rate| format!("{rate:.0}"));
    (read.is_some() || write.is_some()).then(|| format!("reads {} and writes {} tokens/s", spoken(read), spoken(write)))
}

fn probe(target: &Value, now: Millis) -> Option<String> {
    let at = target.pointer("/last_probe/at")?.as_i64()?;
    let ago = now.since(Millis(at)).as_secs();
    let ok = target.pointer("/last_probe/ok")?.as_bool()?;
    let word = if ok { "answered" } else { "did not answer" };
    Some(format!("probe {word} {ago} s ago"))
}

fn text(target: &Value, pointer: &str) -> String {
    clean(target.pointer(pointer).and_then(Value::as_str).unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_is_one_line_and_its_reason_another() {
        let check = |given: Value, expect: &[&str]| {
            assert_eq!(words(&given, 6, Millis(20_000)), expect, "given {given}");
        };
        check(
            json!({"name": "gpu/m", "state": "closed", "warmth": "warm", "aliases": ["jarvis-chat"],
                "context": {"effective": 8192, "max": 40960}, "capabilities": ["completion", "tools"],
                "rates": {"prompt": 1200.4, "answer": null}, "last_probe": {"at": 17_000, "ok": true}}),
            &[
                "gpu/m   in use      warm      context 8192 of 40960  completion tools  \
               reads 1200 and writes ? tokens/s  probe answered 3 s ago  [jarvis-chat]",
            ],
        );
        check(
            json!({"name": "cpu/m", "state": "open", "warmth": "unknown", "aliases": ["a", "b"], "reason": "no\u{1b}[31m",
                "open_until": 25_000}),
            &["cpu/m   left alone  -         [a, b]", "        no, for 5 s more"],
        );
    }
}
