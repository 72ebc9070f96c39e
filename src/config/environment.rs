//! The environment, read in this one place.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use jarvis_gateway::discovery::{Key, Places};
use secrecy::SecretString;

use super::own::Own;

/// Where Ollama listens when nothing else is said.
const OLLAMA_HERE: &str = "http://127.0.0.1:11434";

type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The variables that Jarvis knows, as they were when it started.
#[derive(Clone)]
pub(crate) struct Environment {
    lookup: Lookup,
    secrets: Arc<[SecretString]>,
    machine: Option<Arc<str>>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(crate) fn of_process() -> Self {
        Self {
            lookup: Arc::new(|name| std::env::var(name).ok()),
            secrets: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| names_a_secret(name))
                .map(|(_, value)| SecretString::from(value))
                .collect(),
            machine: machine(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &'static [(&'static str, &'static str)]) -> Self {
        let find = move |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Self {
            lookup: Arc::new(find),
            secrets: pairs
                .iter()
                .filter(|(name, _)| names_a_secret(name))
                .map(|(_, value)| SecretString::from(*value))
                .collect(),
            machine: Some("attic".into()),
        }
    }

    /// A variable that is set to something.
    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// A secret that the configuration names as `env:NAME`.
    pub(crate) fn secret(&self, reference: &str) -> anyhow::Result<SecretString> {
        let Some(name) = reference.strip_prefix("env:") else {
            // The reference may be the secret itself, pasted by mistake, so it is not repeated.
            bail!(
                "a credential is written as `env:NAME`, the name of an environment variable, never as the secret itself"
            );
        };
        let is_name = !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_name {
            bail!("what follows `env:` is the name of an environment variable, of letters, digits and `_`");
        }
        let value = self
            .get(name)
            .with_context(|| format!("the environment variable `{name}` is not set"))?;
        Ok(SecretString::from(value))
    }

    /// A variable that is meant for another program, as it is.
    pub(super) fn plain(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// The values of all variables that are secrets by their names, also of those that the configuration does not name
    /// yet: it is read anew while the process runs.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = SecretString> + '_ {
        self.secrets.iter().cloned()
    }

    /// Where to look for models that nobody configured.
    pub(crate) fn places(&self, own: SocketAddr) -> Places {
        if self.names_itself(own) {
            tracing::warn!(
                "OLLAMA_HOST names the address of Jarvis itself; Ollama is looked for at {OLLAMA_HERE} instead"
            );
        }
        let names_itself = self.openai_names_itself(own);
        if names_itself {
            tracing::warn!("the base URL of OpenAI in the environment names Jarvis itself; OpenAI is not asked");
        }
        Places {
            ollama: self.ollama_place(own),
            openai: self.openai_key().filter(|_| !names_itself).map(|(key, from)| Key {
                base_url: self.openai_base_url(),
                key,
                from,
                model: self.openai_model(),
            }),
        }
    }

    /// The OpenAI key, and the name of the variable that it came from.
    pub(crate) fn openai_key(&self) -> Option<(SecretString, &'static str)> {
        ["AI_INTEGRATIONS_OPENAI_API_KEY", "OPENAI_API_KEY"]
            .into_iter()
            .find_map(|name| self.get(name).map(|value| (SecretString::from(value), name)))
    }

    pub(crate) fn openai_base_url(&self) -> String {
        self.get("AI_INTEGRATIONS_OPENAI_BASE_URL")
            .or_else(|| self.get("OPENAI_BASE_URL"))
            .unwrap_or_else(|| "https://api.openai.com/v1".to_owned())
    }

    fn openai_model(&self) -> Option<String> {
        self.get("OPENAI_MODEL")
    }

    /// Where to look for Ollama. Programs that use Jarvis in its place have Jarvis in the variable, and a Jarvis that was
    /// started beside them would ask itself.
    pub(crate) fn ollama_place(&self, own: SocketAddr) -> String {
        if self.names_itself(own) {
            return OLLAMA_HERE.to_owned();
        }
        self.ollama_base_url()
    }

    /// Whether `OLLAMA_HOST` is the address that this Jarvis listens on.
    pub(crate) fn names_itself(&self, own: SocketAddr) -> bool {
        self.own(own).is_named_by(&self.ollama_base_url())
    }

    /// The same of the base URL of `OpenAI`, which programs that use Jarvis have too. Their key is no key of `OpenAI`'s.
    pub(crate) fn openai_names_itself(&self, own: SocketAddr) -> bool {
        self.own(own).is_named_by(&self.openai_base_url())
    }

    /// A Jarvis that listens on `address` here.
    pub(crate) fn own(&self, address: SocketAddr) -> Own {
        Own {
            address,
            machine: self.machine().map(str::to_owned),
        }
    }

    /// What this machine is called.
    pub(crate) fn machine(&self) -> Option<&str> {
        self.machine.as_deref()
    }

    /// Where Ollama listens on this machine, by its own variable.
    fn ollama_base_url(&self) -> String {
        match self.get("OLLAMA_HOST") {
            Some(host) if host.contains("://") => host,
            // Ollama's servers bind to 0.0.0.0 with the same variable; a client then means this machine.
            Some(host) => {
                let host = host.replace("0.0.0.0", "127.0.0.1");
                if host
                    .rsplit_once(':')
                    .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
                {
                    format!("http://{host}")
                } else {
                    format!("http://{host}:11434")
                }
            }
            None => OLLAMA_HERE.to_owned(),
        }
    }

    pub(crate) fn docker_host(&self) -> Option<String> {
        self.get("DOCKER_HOST")
    }

    /// The key for commands that talk to a running Jarvis.
    /// The variable that every program with traces understands.
    pub(crate) fn otlp_endpoint(&self) -> Option<String> {
        self.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    }

    pub(crate) fn jarvis_key(&self) -> Option<SecretString> {
        self.get("JARVIS_KEY").map(SecretString::from)
    }

    pub(crate) fn log_filter(&self) -> Option<String> {
        self.get("JARVIS_LOG")
    }

    pub(crate) fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// The folder that everything is kept in when nobody names another.
    pub(crate) fn data_folder(&self) -> anyhow::Result<PathBuf> {
        if let Some(base) = self
            .get("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
        {
            return Ok(base.join("jarvis"));
        }
        let home = self.get("HOME").context(
            "there is no folder to keep data in: neither XDG_DATA_HOME nor HOME is set; name one with --data DIR",
        )?;
        Ok(PathBuf::from(home).join(".local/share/jarvis"))
    }
}

fn machine() -> Option<Arc<str>> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.into())
}

fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "KEY",
        "APIKEY",
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "CREDENTIALS",
    ];
    let last = name.rsplit('_').next().unwrap_or_default();
    WORDS.iter().any(|word| last.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn either_openai_variable_works_and_the_integration_comes_first() {
        let key = |pairs| {
            Environment::of(pairs)
                .openai_key()
                .map(|(key, name)| (key.expose_secret().to_owned(), name))
        };
        assert_eq!(key(&[]), None);
        assert_eq!(key(&[("OPENAI_API_KEY", " ")]), None);
        assert_eq!(key(&[("OPENAI_API_KEY", "a")]), Some(("a".into(), "OPENAI_API_KEY")));
        let both = &[("OPENAI_API_KEY", "a"), ("AI_INTEGRATIONS_OPENAI_API_KEY", "b")];
        assert_eq!(key(both), Some(("b".into(), "AI_INTEGRATIONS_OPENAI_API_KEY")));
    }

    #[test]
    fn ollama_is_looked_for_where_its_own_variable_says() {
        let check = |value: &'static str, expect: &str| {
            let pairs: &'static [(&str, &str)] = Box::leak(Box::new([("OLLAMA_HOST", value)]));
            assert_eq!(Environment::of(pairs).ollama_base_url(), expect);
        };
        check("", "http://127.0.0.1:11434");
        check("0.0.0.0", "http://127.0.0.1:11434");
        check("0.0.0.0:8000", "http://127.0.0.1:8000");
        check("gpu", "http://gpu:11434");
        check("http://gpu:1", "http://gpu:1");
    }

    #[test]
    fn a_jarvis_that_is_named_by_the_variable_does_not_ask_itself() {
        let check = |value: &'static str, own: &str, expect: bool| {
            let pairs: &'static [(&str, &str)] = Box::leak(Box::new([("OLLAMA_HOST", value)]));
            let (environment, own) = (Environment::of(pairs), own.parse().unwrap());
            assert_eq!(environment.names_itself(own), expect, "{value} {own}");
            assert_eq!(environment.ollama_place(own) == OLLAMA_HERE, expect, "{value} {own}");
        };
        check("127.0.0.1:7878", "127.0.0.1:7878", true);
        check("http://localhost:7878/", "127.0.0.1:7878", true);
        check("0.0.0.0:7878", "127.0.0.1:7878", true);
        check("http://[::1]:7878", "0.0.0.0:7878", true);
        check("10.0.0.5:7878", "10.0.0.5:7878", true);
        check("10.0.0.5:7878", "127.0.0.1:7878", false);
        check("127.0.0.1:7879", "127.0.0.1:7878", false);
        check("gpu:7878", "127.0.0.1:7878", false);
        let openai = Environment::of(&[("OPENAI_API_KEY", "a"), ("OPENAI_BASE_URL", "http://localhost:7878/v1")]);
        let places = |own: &str| openai.places(own.parse().unwrap()).openai.is_some();
        assert!(!places("127.0.0.1:7878") && places("127.0.0.1:7879"));
    }

    #[test]
    fn a_pasted_secret_is_refused_and_not_repeated() {
        let error = Environment::of(&[]).secret("sk-verysecret").unwrap_err().to_string();
        assert!(!error.contains("verysecret"), "{error}");
        let error = Environment::of(&[]).secret("env:NOPE").unwrap_err().to_string();
        assert_eq!(error, "the environment variable `NOPE` is not set");
    }

    #[test]
    fn data_is_kept_in_the_users_folder() {
        let check = |pairs, expect: Option<&str>| {
            assert_eq!(Environment::of(pairs).data_folder().ok(), expect.map(PathBuf::from));
        };
        check(&[("HOME", "/home/ann")], Some("/home/ann/.local/share/jarvis"));
        check(
            &[("HOME", "/home/ann"), ("XDG_DATA_HOME", "/data")],
            Some("/data/jarvis"),
        );
        check(
            &[("HOME", "/home/ann"), ("XDG_DATA_HOME", "relative")],
            Some("/home/ann/.local/share/jarvis"),
        );
        check(&[], None);
    }
}
