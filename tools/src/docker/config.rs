//! The section `[tools.docker]`.

use serde::Deserialize;

use super::name::Name;

/// Where Docker is and what may be done to which containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A socket (`/var/run/docker.sock`, `unix:///…`) or `tcp://host:port`, as in `DOCKER_HOST`.
    pub host: Host,
    /// Containers that are never started, stopped or restarted, by exact name: Jarvis' own database and proxy.
    pub protected: Vec<Name>,
    /// When set, acts are refused on every other container. Reading is not limited.
    pub only: Option<Only>,
}

/// The containers that may be acted on. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Only {
    /// What the name must begin with.
    pub prefix: Option<String>,
    /// A label that the container must have: `key` or `key=value`.
    pub label: Option<String>,
}

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Host {
    /// The path of a Unix socket (or of a named pipe on Windows).
    Socket(String),
    /// `host:port`, without encryption.
    Tcp(String),
}

impl Default for Host {
    fn default() -> Self {
        Self::Socket("/var/run/docker.sock".to_owned())
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(out, "{path}"),
            Self::Tcp(authority) => write!(out, "tcp://{authority}"),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://").or_else(|| text.strip_prefix("npipe://")) {
            return socket(path);
        }
        if let Some(rest) = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://")) {
            return tcp(rest);
        }
        match text.split_once("://") {
            // The text is not repeated here, because it may hold a password.
            Some((scheme, _)) => Err(format!(
                "`{scheme}://` is not supported for the Docker host; use a socket path or tcp://host:port, \
                 and bring a remote engine near with `ssh -L`"
            )),
            None => socket(&text),
        }
    }
}

fn socket(path: &str) -> Result<Host, String> {
    if path.starts_with('/') || path.starts_with(r"\\") {
        Ok(Host::Socket(path.to_owned()))
    } else {
        Err("the path of the Docker socket must be absolute".to_owned())
    }
}

fn tcp(rest: &str) -> Result<Host, String> {
    let authority: http::uri::Authority = rest
        .trim_end_matches('/')
        .parse()
        .map_err(|_| "the Docker host is not of the form tcp://host:port".to_owned())?;
    if authority.as_str().contains('@') {
        return Err("the Docker host must not hold a user name or password".to_owned());
    }
    let port = authority.port_u16().unwrap_or(2375);
    Ok(Host::Tcp(format!("{}:{port}", authority.host())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_socket_or_plain_tcp() {
        let check = |given: &str, expect: Result<&str, &str>| {
            let host = Host::try_from(given.to_owned());
            match (&host, expect) {
                (Ok(host), Ok(shown)) => assert_eq!(host.to_string(), shown),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                _ => panic!("given {given}: {host:?}"),
            }
        };
        check("/var/run/docker.sock", Ok("/var/run/docker.sock"));
        check("unix:///run/user/1000/docker.sock", Ok("/run/user/1000/docker.sock"));
        check("tcp://10.0.0.5:2376", Ok("tcp://10.0.0.5:2376"));
        check("tcp://proxy/", Ok("tcp://proxy:2375"));
        check("http://[::1]:2375", Ok("tcp://[::1]:2375"));
        check("tcp://u:secret@h:1", Err("must not hold a user name"));
        check("tcp://h:1/path", Err("not of the form"));
        check("ssh://u@h", Err("`ssh://` is not supported"));
        check("docker.sock", Err("must be absolute"));
        check("", Err("must be absolute"));
    }

    #[test]
    fn unknown_keys_and_bad_names_are_refused() {
        let check = |given: serde_json::Value, part: &str| {
            let error = serde_json::from_value::<Config>(given).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check(serde_json::json!({"hots": "/x"}), "hots");
        check(serde_json::json!({"protected": ["a;b"]}), "is not a container name");
        check(serde_json::json!({"only": {"prefx": "a"}}), "prefx");
    }
}
