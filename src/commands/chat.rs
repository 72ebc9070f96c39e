//! `jarvis chat`.

use std::net::IpAddr;
use std::process::ExitCode;

use axum::http::Uri;
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
    let key = key_for(&config, &environment, url.as_deref());
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

/// The key to show at `url`, or at the address of the configuration. The key of the data folder opens everything, so
/// another machine is never shown it.
pub(crate) fn key_for(config: &Config, environment: &Environment, url: Option<&str>) -> Option<SecretString> {
    let of_folder = || {
        url.is_none_or(is_this_machine)
            .then(|| LocalKey::read(&config.data))
            .flatten()
    };
    environment.jarvis_key().or_else(of_folder)
}

fn is_this_machine(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    url.host().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

/// Whether a Jarvis answers there, even if it refuses the key.
pub(crate) async fn is_there(base_url: &str, key: Option<SecretString>) -> bool {
    let Ok(client) = terminal::Client::new(base_url, key) else {
        return false;
    };
    !matches!(client.status().await, Err(terminal::Error::NotThere { .. }))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_key_of_the_data_folder_stays_on_this_machine() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("local.key"), "jv_local").expect("a file");
        let config = Config {
            data: folder.path().to_owned(),
            ..Config::default()
        };
        let shown = |environment: &Environment, url: Option<&str>| {
            key_for(&config, environment, url).map(|key| key.expose_secret().to_owned())
        };
        let check = |url: Option<&str>, expect: Option<&str>| {
            assert_eq!(shown(&Environment::of(&[]), url).as_deref(), expect, "{url:?}");
        };
        check(None, Some("jv_local"));
        check(Some("http://127.0.0.1:7878"), Some("jv_local"));
        check(Some("http://LOCALHOST"), Some("jv_local"));
        check(Some("http://[::1]:7878/"), Some("jv_local"));
        check(Some("http://evil.example:7878"), None);
        check(Some("http://localhost@evil.example"), None);
        check(Some("http://localhost.evil.example"), None);
        check(Some("not an address"), None);
        // A key that somebody chose to send is sent.
        let chosen = shown(
            &Environment::of(&[("JARVIS_KEY", "jv_chosen")]),
            Some("http://evil.example"),
        );
        assert_eq!(chosen.as_deref(), Some("jv_chosen"));
    }
}
