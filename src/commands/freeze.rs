//! `jarvis freeze` and `jarvis unfreeze`.

use std::process::ExitCode;
use std::time::Duration;

use jarvis_adapters::terminal::{Client, clean};
use jarvis_gateway::clock::{Clock, Millis, System};
use serde_json::Value;

use super::chat::key_for;
use crate::config::{Config, Environment};
use crate::output::line;

/// What is wanted of the running server.
pub(crate) enum Act {
    Freeze(Option<Duration>),
    Unfreeze,
}

pub(crate) async fn freeze(
    config: &Config,
    environment: &Environment,
    url: Option<String>,
    what: &str,
    act: Act,
) -> anyhow::Result<ExitCode> {
    let key = key_for(config, environment, url.as_deref());
    let base_url = url.unwrap_or_else(|| format!("http://{}", config.listen()));
    let client = Client::new(&base_url, key)?;
    let frozen = match act {
        Act::Freeze(time) => client.freeze(what, time.map(|time| time.as_secs().max(1))).await?,
        Act::Unfreeze => client.unfreeze(what).await?,
    };
    if frozen.is_empty() {
        line("Nothing is frozen.");
    }
    for freeze in &frozen {
        line(&words(freeze, System.now()));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(freeze: &Value, now: Millis) -> String {
    let text = |pointer: &str| clean(freeze.pointer(pointer).and_then(Value::as_str).unwrap_or("?"));
    let until = freeze.pointer("/until").and_then(Value::as_i64);
    let until = until.map_or_else(
        || "until `jarvis unfreeze`".to_owned(),
        |until| format!("for {} s more", Millis(until).since(now).as_secs()),
    );
    format!("Frozen: {}, by {}, {until}.", text("/what"), text("/by"))
}
