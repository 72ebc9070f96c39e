//! `jarvis chat`.

use std::process::ExitCode;

use jarvis_adapters::terminal;
use secrecy::SecretString;

use crate::config::{Config, Environment};
use crate::data::LocalKey;
use crate::serve;

/// Talks to the running server of this configuration, or to one that is started for the length of the chat.
pub(crate) async fn chat(
    config: Config,
    environment: Environment,
    url: Option<String>,
    message: Option<String>,
    resume: bool,
) -> anyhow::Result<ExitCode> {
    let history_file = Some(config.data.join("chat_history"));
    let no_color = environment.no_color();
    let key = environment.jarvis_key().or_else(|| LocalKey::read(&config.data));
    let options = |base_url: String, key| terminal::Options {
        base_url,
        key,
        resume,
        message: message.clone(),
        history_file: history_file.clone(),
        no_color,
    };
    let base_url = url.clone().unwrap_or_else(|| format!("http://{}", config.listen()));
    if url.is_some() || is_there(&base_url, key.clone()).await {
        terminal::chat(options(base_url, key)).await?;
        return Ok(ExitCode::SUCCESS);
    }
    // Warnings only: the log would run through the conversation.
    crate::output::start_log(&config.log, Some("warn"));
    let any_port = Config {
        listen: Some(([127, 0, 0, 1], 0).into()),
        ..config
    };
    let mut running = serve::start(any_port, &environment).await?;
    running.found().await;
    let here = format!("http://{}", running.address);
    let chatted = terminal::chat(options(here, Some(running.local_key.secret.clone()))).await;
    running.stop().await;
    chatted?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a Jarvis answers there, even if it refuses the key.
pub(crate) async fn is_there(base_url: &str, key: Option<SecretString>) -> bool {
    let Ok(client) = terminal::Client::new(base_url, key) else {
        return false;
    };
    !matches!(client.status().await, Err(terminal::Error::NotThere { .. }))
}
