//! `jarvis.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use jarvis_tools::docker;
use serde::Deserialize;

use super::backends::{Alias, Backend};
use super::environment::Environment;
use crate::cli::Place;

/// The file as it stands. Every section belongs to a crate, which owns its keys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) log: Log,
    pub(crate) backends: BTreeMap<String, Backend>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) agent: jarvis_agent::Config,
    pub(crate) tools: jarvis_tools::Config,
    /// Where the file was, for messages.
    #[serde(skip)]
    pub(crate) path: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// `info`, or a filter such as `info,jarvis_gateway=debug`.
    pub(crate) filter: Option<String>,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7878);

impl Config {
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(DEFAULT_LISTEN)
    }

    pub(crate) fn database_url(&self) -> String {
        format!("sqlite:{}", self.data.join("jarvis.db").display())
    }
}

/// Reads the configuration: the command line and its variables over the file over the defaults.
pub(crate) fn load(place: &Place, environment: &Environment) -> anyhow::Result<Config> {
    let data = match &place.data {
        Some(data) => data.clone(),
        None => environment.data_folder()?,
    };
    let path = find(place, &data);
    let mut config = match &path {
        Some(path) => read(path)?,
        None => Config::default(),
    };
    config.listen = place.listen.or(config.listen);
    if let Some(host) = environment.docker_host()
        && config.tools.docker.host == docker::Host::default()
    {
        config.tools.docker.host = host
            .try_into()
            .map_err(|error: String| anyhow!("DOCKER_HOST: {error}"))?;
    }
    config.path = path;
    config.data = data;
    config.check()?;
    Ok(config)
}

fn find(place: &Place, data: &Path) -> Option<PathBuf> {
    if let Some(named) = &place.config {
        return Some(named.clone());
    }
    [data.join("jarvis.toml"), PathBuf::from("jarvis.toml")]
        .into_iter()
        .find(|path| path.is_file())
}

fn read(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the configuration {}", path.display()))?;
    parse(&text).with_context(|| format!("the configuration {} is not right", path.display()))
}

/// The errors of the parser name line and key, so they are shown as they are.
pub(crate) fn parse(text: &str) -> anyhow::Result<Config> {
    Ok(toml::from_str(text)?)
}

impl Config {
    /// What the parser cannot know: names that refer to one another.
    fn check(&self) -> anyhow::Result<()> {
        for (name, alias) in &self.aliases {
            alias.check(name, &self.backends)?;
        }
        let known = self.aliases.contains_key(&self.agent.alias);
        if !self.aliases.is_empty() && !known {
            let names: Vec<&str> = self.aliases.keys().map(String::as_str).collect();
            anyhow::bail!(
                "`agent.alias` is `{}`, but the aliases are: {}. Name one of them, or add [aliases.{}]",
                self.agent.alias,
                names.join(", "),
                self.agent.alias
            );
        }
        Ok(())
    }
}
