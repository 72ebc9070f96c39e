//! The MCP servers with what they need from the environment.

use anyhow::Context;
use jarvis_mcp::{Launch, Server, Way};
use secrecy::SecretString;

use super::environment::Environment;
use super::file::Config;

/// What every program needs to find its own files and its language. Nothing of it is a secret.
const FOR_EVERYBODY: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
];
/// A shorter value could be any word, and hiding it would make nonsense of answers.
const SHORTEST_SECRET: usize = 8;

impl Config {
    /// Every MCP server, ready to be connected to. A variable that is named and not set is a fault.
    pub(crate) fn launches(&self, environment: &Environment) -> anyhow::Result<Vec<Launch>> {
        let servers = self.mcp.servers.iter();
        let launches = servers.map(|(name, server)| {
            let way = way(server, environment).with_context(|| format!("[mcp.servers.{name}]"))?;
            Ok(Launch {
                name: name.clone(),
                way,
                server: server.clone(),
            })
        });
        launches.collect()
    }

    /// What MCP servers are given that nobody else is to be told: tokens, and of the variables what may be one.
    pub(super) fn secrets_of_mcp(&self, environment: &Environment) -> Vec<SecretString> {
        let servers = || self.mcp.servers.values();
        let tokens = servers().filter_map(|server| environment.secret(server.credential.as_deref()?).ok());
        let may_be_one =
            |value: &String| value.len() >= SHORTEST_SECRET && !value.contains(|c: char| c.is_whitespace() || c == '/');
        let named = servers().flat_map(|server| &server.env);
        let values = named.filter_map(|name| environment.plain(name)).filter(may_be_one);
        tokens.chain(values.map(SecretString::from)).collect()
    }
}

fn way(server: &Server, environment: &Environment) -> anyhow::Result<Way> {
    if let Some(url) = &server.url {
        let credential = server.credential.as_deref();
        let credential = credential.map(|reference| environment.secret(reference)).transpose();
        return Ok(Way::Address {
            url: url.clone(),
            credential: credential.context("`credential` cannot be used")?,
        });
    }
    let usual = FOR_EVERYBODY.iter().map(|name| (*name).to_owned());
    let usual = usual.filter_map(|name| Some((name.clone(), environment.plain(&name)?)));
    let mut variables: Vec<(String, SecretString)> = usual.map(|(name, value)| (name, value.into())).collect();
    for name in &server.env {
        let value = environment.plain(name);
        let value = value.with_context(|| format!("`env` names the variable {name}, which is not set"))?;
        variables.push((name.clone(), value.into()));
    }
    Ok(Way::Program {
        command: server.command.clone().unwrap_or_default(),
        args: server.args.clone(),
        environment: variables,
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::file::parse;
    use super::*;

    const ENVIRONMENT: &[(&str, &str)] = &[
        ("PATH", "/bin"),
        ("OPENAI_API_KEY", "not for them"),
        ("PAT", "github-12345"),
        ("PLACE", "http://box:1/"),
        ("SHORT", "de"),
        ("HOME_ACCESS", "for-home"),
    ];

    #[test]
    fn a_program_gets_what_is_named_and_what_everybody_has() {
        let config =
            parse("[mcp.servers.git]\ncommand = \"git-mcp\"\nargs = [\"x\"]\nenv = [\"PAT\", \"PLACE\", \"SHORT\"]")
                .unwrap();
        let environment = Environment::of(ENVIRONMENT);
        let launches = config.launches(&environment).unwrap();
        let Way::Program { environment: given, .. } = &launches[0].way else {
            panic!("a program");
        };
        let given: Vec<(&str, &str)> = given
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        let expect = [
            ("PATH", "/bin"),
            ("PAT", "github-12345"),
            ("PLACE", "http://box:1/"),
            ("SHORT", "de"),
        ];
        assert_eq!(given, expect);
        let hidden = config.secrets_of_mcp(&environment);
        let hidden: Vec<&str> = hidden.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(hidden, ["github-12345"]);
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let check = |text: &str, expect: &str| {
            let refused = parse(text).unwrap().launches(&Environment::of(ENVIRONMENT));
            let says = refused.map(|_| ()).map_err(|error| format!("{error:#}"));
            assert_eq!(says, Err(expect.to_owned()));
        };
        check(
            "[mcp.servers.git]\ncommand = \"x\"\nenv = [\"NOPE\"]",
            "[mcp.servers.git]: `env` names the variable NOPE, which is not set",
        );
        check(
            "[mcp.servers.home]\nurl = \"http://x/mcp\"\ncredential = \"env:NOPE\"",
            "[mcp.servers.home]: `credential` cannot be used: the environment variable `NOPE` is not set",
        );
    }

    #[test]
    fn a_token_of_an_address_is_hidden_too() {
        let config = parse("[mcp.servers.home]\nurl = \"http://x/mcp\"\ncredential = \"env:HOME_ACCESS\"").unwrap();
        let environment = Environment::of(ENVIRONMENT);
        let hidden = config.secrets_of_mcp(&environment);
        let hidden: Vec<&str> = hidden.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(hidden, ["for-home"]);
    }
}
