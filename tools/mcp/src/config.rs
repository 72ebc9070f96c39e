//! The section `[mcp]`.

use std::collections::BTreeMap;
use std::time::Duration;

use jarvis_gateway::chain::time;
use serde::Deserialize;

/// How long a call may take, when nothing else is said.
const CALL: Duration = Duration::from_mins(1);
/// How long a server may take to start and to list its tools. A first `npx` fetches packages.
const START: Duration = Duration::from_mins(1);
/// More time than this for one call would hold up a turn for longer than anybody waits.
const LONGEST: Duration = Duration::from_mins(15);
/// Letters of a server's name: those of its tools have to fit beside it.
const LONGEST_NAME: usize = 20;

/// The MCP servers whose tools Jarvis uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub servers: BTreeMap<String, Server>,
}

/// A section `[mcp.servers.NAME]`: a program that is started, or an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The program of a server that speaks over its standard input and output.
    pub command: Option<String>,
    pub args: Vec<String>,
    /// Names of variables of Jarvis's own environment that the program gets. Of the others it gets only those that every
    /// program needs, such as `PATH`.
    pub env: Vec<String>,
    /// The address of a server that speaks streamable HTTP.
    pub url: Option<String>,
    /// `env:NAME`, sent as a bearer token to `url`.
    pub credential: Option<String>,
    /// The tools that are used, by the server's own names. Left out, all of them are.
    pub tools: Option<Vec<String>>,
    /// Tools that change nothing, by the server's own names: they are called without a card.
    pub reads: Vec<String>,
    /// What is said to this server stays in the house, so that nothing private can be carried out of it by a read.
    pub stays_here: bool,
    /// How long a call may take. 60 s when it is left out.
    #[serde(deserialize_with = "time")]
    pub call_limit: Option<Duration>,
    /// How long the server may take to start. 60 s when it is left out.
    #[serde(deserialize_with = "time")]
    pub start_limit: Option<Duration>,
}

impl Config {
    /// What the parser cannot know. The error is a sentence for the owner.
    pub fn check(&self) -> Result<(), String> {
        self.servers.iter().try_for_each(|(name, server)| {
            server
                .check(name)
                .map_err(|fault| format!("[mcp.servers.{name}]: {fault}"))
        })
    }
}

impl Server {
    pub fn call_limit(&self) -> Duration {
        self.call_limit.unwrap_or(CALL)
    }

    pub fn start_limit(&self) -> Duration {
        self.start_limit.unwrap_or(START)
    }

    fn check(&self, name: &str) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            return Err(format!(
                "a server is named with 1 to {LONGEST_NAME} lower-case letters, digits and `-`"
            ));
        }
        match (&self.command, &self.url) {
            (None, None) => return Err("write `command` for a program, or `url` for an address".to_owned()),
            (Some(_), Some(_)) => return Err("it has a `command` and a `url`; write one of them".to_owned()),
            (None, Some(_)) if !self.args.is_empty() || !self.env.is_empty() => {
                return Err("`args` and `env` are for a `command`".to_owned());
            }
            (Some(_), None) if self.credential.is_some() => {
                return Err("`credential` is for a `url`; name the variable in `env`".to_owned());
            }
            (Some(command), None) if command.trim().is_empty() => return Err("`command` is empty".to_owned()),
            (Some(_), None) | (None, Some(_)) => {}
        }
        if let Some(written) = self.env.iter().find(|name| name.contains('=') || name.is_empty()) {
            let name = written.split('=').next().unwrap_or_default();
            // What follows the sign may be a secret.
            return Err(format!(
                "`env` lists names of variables; write \"{name}\" and set it in Jarvis's own environment"
            ));
        }
        if let Some(tools) = &self.tools
            && let Some(read) = self.reads.iter().find(|read| !tools.contains(read))
        {
            return Err(format!("`reads` has {read}, which is not among its `tools`"));
        }
        if self.call_limit() > LONGEST || self.start_limit() > LONGEST {
            return Err("a limit of time is 15 minutes at most".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |name: &str, server: Server, expect: Option<&str>| {
            let config = Config {
                servers: [(name.to_owned(), server)].into(),
            };
            let says = config.check().err();
            let expect = expect.map(|fault| format!("[mcp.servers.{name}]: {fault}"));
            assert_eq!(says, expect);
        };
        let command = || Server {
            command: Some("npx".to_owned()),
            ..Server::default()
        };
        let url = || Server {
            url: Some("http://127.0.0.1:1/mcp".to_owned()),
            ..Server::default()
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        check("home", command(), None);
        check("home-2", url(), None);
        let naming = Some("a server is named with 1 to 20 lower-case letters, digits and `-`");
        check("", command(), naming);
        check("my_home", command(), naming);
        check("Home", command(), naming);
        check(&"x".repeat(21), command(), naming);
        check(
            "home",
            Server::default(),
            Some("write `command` for a program, or `url` for an address"),
        );
        let both = Server {
            url: url().url,
            ..command()
        };
        check("home", both, Some("it has a `command` and a `url`; write one of them"));
        let args = Server {
            args: texts(&["x"]),
            ..url()
        };
        check("home", args, Some("`args` and `env` are for a `command`"));
        let credential = Server {
            credential: Some("env:X".to_owned()),
            ..command()
        };
        check(
            "home",
            credential,
            Some("`credential` is for a `url`; name the variable in `env`"),
        );
        let secret = Server {
            env: texts(&["TOKEN=s3cret"]),
            ..command()
        };
        check(
            "home",
            secret,
            Some("`env` lists names of variables; write \"TOKEN\" and set it in Jarvis's own environment"),
        );
        let read = Server {
            tools: Some(texts(&["a"])),
            reads: texts(&["a", "b"]),
            ..command()
        };
        check("home", read, Some("`reads` has b, which is not among its `tools`"));
        let long = Server {
            call_limit: Some(Duration::from_hours(1)),
            ..command()
        };
        check("home", long, Some("a limit of time is 15 minutes at most"));
    }
}
