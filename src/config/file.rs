//! `jarvis.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jarvis_agent::people::{Directory, People, PlatformId, RoomRules, Server, ToolList};
use jarvis_gateway::clock::{Clock, System};
use jarvis_memory::Store;
use jarvis_tools::{catalog, docker};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::backends::{Alias, Backend};
use super::database::Database;
use super::environment::Environment;
use super::purpose::Purpose;
use crate::cli::Place;
use crate::keys::Classes;

/// The file as it stands. Every section belongs to a crate, which owns its keys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) log: Log,
    pub(crate) database: Database,
    pub(crate) backends: BTreeMap<String, Backend>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) agent: jarvis_agent::Config,
    pub(crate) people: People,
    pub(crate) servers: BTreeMap<PlatformId, Server>,
    pub(crate) rooms: BTreeMap<PlatformId, RoomRules>,
    pub(crate) approvals: jarvis_agent::ApprovalsConfig,
    pub(crate) schedule: jarvis_agent::schedule::Config,
    pub(crate) tools: jarvis_tools::Config,
    pub(crate) memory: jarvis_agent::memory::Config,
    pub(crate) mcp: jarvis_mcp::Config,
    pub(crate) traces: Traces,
    pub(crate) budget: jarvis_gateway::usage::Config,
    pub(crate) cache: jarvis_gateway::http::cache::Config,
    pub(crate) usage: jarvis_gateway::usage::Keeping,
    pub(crate) redis: jarvis_memory::shared::Config,
    /// How long the requests of each class of keys wait.
    pub(crate) key_classes: Classes,
    /// Where the file was, for messages.
    #[serde(skip)]
    pub(crate) path: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) data: PathBuf,
    /// The database's address, with its password.
    #[serde(skip)]
    pub(crate) address: Option<SecretString>,
    /// The file as it was written, to tell what a later one changes.
    #[serde(skip)]
    pub(crate) raw: toml::Table,
    /// What the command line said, for reading the file anew.
    #[serde(skip)]
    pub(crate) place: Place,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// `info`, or a filter such as `info,jarvis_gateway=debug`.
    pub(crate) filter: Option<String>,
    pub(crate) format: LogFormat,
}

/// Where traces are sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Traces {
    /// A collector that takes OTLP over HTTP: `http://127.0.0.1:4318`.
    pub(crate) endpoint: Option<String>,
    /// `env:NAME`, sent as a bearer token.
    pub(crate) credential: Option<String>,
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

    /// What is configured about people and places.
    pub(crate) fn directory(&self) -> Directory {
        Directory {
            people: self.people.clone(),
            servers: self.servers.clone(),
            rooms: self.rooms.clone(),
        }
    }

    /// The address of the database, with its password.
    pub(crate) fn database_url(&self) -> &str {
        self.address
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .unwrap_or_default()
    }

    /// Opens the database, and brings it up to date.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(self.database_url()).await?)
    }

    /// Where the owner's own profiles of prime and of specialists are.
    pub(crate) fn agents_folder(&self) -> PathBuf {
        self.data.join("prompts").join("agents")
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
    config.place = place.clone();
    config.address = Some(config.database.address(&data, environment)?);
    config.data = data;
    config.check()?;
    Ok(config)
}

/// The file that would be read now.
pub(crate) fn find(place: &Place, data: &Path) -> Option<PathBuf> {
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

pub(crate) fn parse(text: &str) -> anyhow::Result<Config> {
    let config = toml::from_str(text).map_err(|error| wrong(text, &error))?;
    Ok(Config {
        raw: toml::from_str(text).map_err(|error| wrong(text, &error))?,
        ..config
    })
}

/// The line and what is wrong there. The line itself, which the parser would show, may hold a password.
fn wrong(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    anyhow!("{}{}", line.unwrap_or_default(), error.message())
}

impl Config {
    /// What the parser cannot know: names that refer to one another.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, alias) in &self.aliases {
            alias.check(name, &self.backends)?;
        }
        if let Err(why) = self.schedule.zone() {
            anyhow::bail!("schedule.timezone: {why}");
        }
        if let Some(name) = self.key_classes.keys().find(|name| !is_class_name(name)) {
            anyhow::bail!(
                "[key_classes.\"{name}\"]: a class is named with 1 to 40 letters, digits, `-` and `_`, and not `none`"
            );
        }
        if let Some(name) = &self.memory.embed {
            let kind = self.aliases.get(name).map(|alias| alias.kind);
            anyhow::ensure!(
                kind == Some(Purpose::Embeddings),
                "`memory.embed` is `{name}`, which is no alias of kind `embeddings`; add [aliases.{name}] with kind = \
                 \"embeddings\", or leave it out"
            );
        }
        super::backends::check_alike(&self.aliases)?;
        self.redis.check().map_err(|fault| anyhow!("{fault}"))?;
        self.mcp.check().map_err(|fault| anyhow!("{fault}"))?;
        let clock: Arc<dyn Clock> = Arc::new(System);
        let tools = catalog::standard(self.tools.clone(), &clock);
        // Which tools a server has is known when it is asked; a room may name them before.
        let prefixes: Vec<String> = self.mcp.servers.keys().map(|name| format!("mcp_{name}_")).collect();
        let in_rooms = self.rooms.values().filter_map(|rules| match &rules.tools {
            Some(ToolList::Names(names)) => Some(names),
            Some(ToolList::Word(_)) | None => None,
        });
        let of_servers = in_rooms.flatten().map(String::as_str);
        let of_servers = of_servers.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        self.directory()
            .check(
                tools
                    .names()
                    .chain(jarvis_agent::schedule::TOOLS)
                    .chain(jarvis_agent::memory::TOOLS)
                    .chain([jarvis_agent::specialists::CONSULT])
                    .chain(of_servers),
            )
            .map_err(|fault| anyhow!("{fault}"))?;
        if let (true, Some(backend)) = (self.aliases.is_empty(), self.backends.keys().next()) {
            anyhow::bail!(
                "[backends.{backend}] is in no chain, so that nothing would be asked of it; add a target: \
                 [[aliases.{}.targets]] with backend = \"{backend}\" and model = \"…\"",
                self.agent.alias
            );
        }
        let of_agent = self.aliases.get(&self.agent.alias);
        if let Some(alias) = of_agent.filter(|alias| alias.kind != Purpose::Chat) {
            anyhow::bail!(
                "`agent.alias` is `{}`, which is of kind `{}`; Jarvis chats",
                self.agent.alias,
                alias.kind.as_str()
            );
        }
        let known = of_agent.is_some();
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

fn is_class_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    (1..=40).contains(&name.len()) && name != "none" && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../deploy/jarvis.example.toml");
    const DOCUMENTED: &str = include_str!("../../docs/configuration.md");

    #[test]
    fn the_example_loads() {
        let config = parse(EXAMPLE).expect("the example is a configuration");
        config.check().expect("its names fit one another");
        assert_eq!(config.backends.len(), 3);
        assert_eq!(config.aliases["jarvis-chat"].targets.len(), 3);
    }

    /// What the example says of the defaults is what they are.
    #[test]
    fn the_example_shows_the_defaults() {
        let config = parse(EXAMPLE).expect("the example is a configuration");
        assert_eq!(config.agent, jarvis_agent::Config::default());
        assert_eq!(config.listen(), Config::default().listen());
        assert_eq!(config.log.format, LogFormat::default());
        assert_eq!(config.tools.docker.host, docker::Host::default());
    }

    #[test]
    fn the_example_in_the_documentation_loads() {
        let (_, rest) = DOCUMENTED.split_once("```toml\n").expect("an example");
        let (example, _) = rest.split_once("```").expect("its end");
        parse(example)
            .expect("the example is a configuration")
            .check()
            .expect("its names fit one another");
    }

    /// A key without a comment above it, or in the comment of its section, is a key that nobody can look up.
    #[test]
    fn every_key_of_the_example_is_explained() {
        let mut commented = false;
        for line in EXAMPLE.lines() {
            match line.trim() {
                "" => commented = false,
                text if text.starts_with('#') => commented = true,
                text if text.starts_with('[') => {}
                text => {
                    let key = text.split('=').next().unwrap_or_default().trim();
                    let says_itself = [
                        "backend",
                        "kind",
                        "base_url",
                        "model",
                        "class",
                        "name",
                        "url",
                        "ollama",
                        "think",
                        "credential",
                    ];
                    assert!(
                        commented || says_itself.contains(&key) || is_bound(key),
                        "`{key}` is not explained"
                    );
                }
            }
        }
    }

    /// The bounds of a turn, whose section explains them together.
    fn is_bound(key: &str) -> bool {
        ["model_calls", "tool_calls", "wall_seconds", "tokens", "repeats"].contains(&key)
    }

    #[test]
    fn a_target_is_the_same_in_every_alias() {
        let check = |second: &str, expect: Option<&str>| {
            let text = format!(
                "[backends.b]\nkind = \"ollama\"\nbase_url = \"http://b\"\n\
                 [[aliases.jarvis-chat.targets]]\nbackend = \"b\"\nmodel = \"m\"\nmax_inflight = 1\n\
                 [[aliases.other.targets]]\nbackend = \"b\"\nmodel = \"m\"\n{second}"
            );
            let seen = parse(&text)
                .and_then(|config| config.check())
                .map_err(|error| error.to_string());
            assert_eq!(seen.err().as_deref(), expect, "given {second}");
        };
        check("max_inflight = 1", None);
        let says =
            "aliases.jarvis-chat and aliases.other both name b/m, but with different settings; write the same in both";
        check("max_inflight = 2", Some(says));
        check("", Some(says));
    }

    #[test]
    fn people_and_rooms_that_cannot_be_meant_are_refused() {
        let check = |text: &str, expect: Option<&str>| {
            let seen = parse(text)
                .and_then(|config| config.check())
                .map_err(|error| format!("{error:#}"));
            match (seen, expect) {
                (Ok(()), None) => {}
                (Err(error), Some(expect)) => assert!(error.contains(expect), "given {text}: {error}"),
                (seen, expect) => panic!("given {text}: {seen:?}, not {expect:?}"),
            }
        };
        check("[people]\nowners = [\"discord:123\", \"youtube:UCx\"]", None);
        check("[people]\nowners = [\"123\"]", Some("names no platform"));
        check(
            "[people]\nowners = [\"discord:sam\"]",
            Some("write the id, which is a number on discord"),
        );
        check("[people]\nowners = [\"discord:\"]", Some("has no id"));
        check("[people]\nowners = [\"Discord:1\"]", Some("a platform in lower case"));
        check("[people]\nowner = [\"discord:1\"]", Some("owner"));
        check("[servers.\"discord:1\"]\nroles = { \"7\" = \"moderator\" }", None);
        check(
            "[servers.\"discord:1\"]\nroles = { \"7\" = \"operator\" }",
            Some("a role is moderator at most"),
        );
        check(
            "[servers.\"discord:1\"]\nroles = { \"7\" = \"boss\" }",
            Some("unknown variant `boss`"),
        );
        check(
            "[rooms.\"discord:1\"]\npublic = false\nceiling = \"operator\"\ntools = \"all\"",
            None,
        );
        check(
            "[rooms.\"discord:1\"]\nceiling = \"operator\"",
            Some("set public = false"),
        );
        check(
            "[rooms.\"discord:1\"]\ntools = \"some\"",
            Some("write \"all\" or a list of names"),
        );
        check(
            "[rooms.\"discord:1\"]\ntools = [\"list_container\"]",
            Some("there are: cancel_job, consult, container_stats, "),
        );
        check("[rooms.\"general\"]\npublic = true", Some("names no platform"));
        let of_server = |server: &str| {
            let tools = "[rooms.\"discord:1\"]\ntools = [\"mcp_home_turn_on\"]";
            format!("[mcp.servers.{server}]\ncommand = \"x\"\n{tools}")
        };
        check(&of_server("home"), None);
        check(
            &of_server("other"),
            Some("lists the tool mcp_home_turn_on, which there is not"),
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        let check = |zone: &str, expect: Option<&str>| {
            let text = format!("[schedule]\ntimezone = \"{zone}\"");
            let seen = parse(&text).and_then(|config| config.check());
            assert_eq!(seen.err().map(|error| error.to_string()).as_deref(), expect);
        };
        check("Europe/Berlin", None);
        let says =
            "schedule.timezone: there is no time zone `Berlin`; write one like Europe/Berlin, America/New_York or UTC";
        check("Berlin", Some(says));
    }

    #[test]
    fn a_wrong_key_is_named() {
        let error = format!("{:#}", parse("[agent.limits]\nmodel_cals = 3").unwrap_err());
        assert!(error.contains("model_cals") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_line_that_may_hold_a_password_is_not_shown() {
        for line in ["password = \"hunter2\"", "credential = \"hunter2", "url = hunter2"] {
            let error = parse(&format!("[database]\n{line}")).unwrap_err();
            let said = format!("{error:#} {error:?}");
            assert!(
                said.contains("line 2") && !said.contains("hunter2"),
                "given {line}: {said}"
            );
        }
    }
}
