//! What of the configuration must not be told: its secrets to nobody, the names of its machines not in public.

use std::collections::BTreeSet;

use axum::http::Uri;
use jarvis_gateway::chain::HostClass;
use secrecy::SecretString;

use super::environment::Environment;
use super::file::Config;

/// Names of programs, which containers are called by. To hide them would make nonsense of many answers.
const PROGRAMS: [&str; 4] = ["localhost", "ollama", "openai", "jarvis"];

impl Config {
    /// What stands behind every `env:NAME`, whatever the variables are called. One that is not set is told elsewhere.
    pub(crate) fn secrets(&self, environment: &Environment) -> impl Iterator<Item = SecretString> {
        let of_backends = self.backends.values().flat_map(super::Backend::credentials);
        let named = of_backends
            .chain(self.traces.credential.as_deref())
            .chain(self.database.credentials())
            .chain(self.redis.credential.as_deref());
        let named = named.filter_map(|reference| environment.secret(reference).ok());
        named.chain(self.secrets_of_mcp(environment))
    }

    /// Names of the machines of the house: this one, and those of model servers but for services. Addresses are known by
    /// their shape.
    pub(crate) fn machines(&self, environment: &Environment) -> BTreeSet<String> {
        let in_house =
            |backend: &&super::Backend, host: &str| backend.class() != HostClass::Cloud || !host.contains('.');
        let of_backends = self.backends.values().filter_map(|backend| {
            let url: Uri = backend.base_url.trim().parse().ok()?;
            url.host().filter(|host| in_house(&backend, host)).map(str::to_owned)
        });
        let names = of_backends.chain(environment.machine().map(str::to_owned));
        let names = names.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let is_name = |name: &String| name.chars().any(char::is_alphabetic) && !name.starts_with('[');
        names
            .filter(|name| is_name(name) && !PROGRAMS.contains(&name.as_str()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::file::parse;
    use super::*;

    const CONFIG: &str = r#"
        traces.credential = "env:PLAIN"
        redis = { url = "redis://127.0.0.1", credential = "env:CACHE" }
        [backends.gpu]
        kind = "ollama"
        base_url = "http://Cellar-Box:11434"
        [backends.cpu]
        kind = "ollama"
        base_url = "http://10.0.0.5:11434"
        [backends.own]
        kind = "openai"
        class = "gpu"
        base_url = "https://models.example.org/v1"
        [backends.container]
        kind = "ollama"
        base_url = "http://ollama:11434"
        [backends.six]
        kind = "ollama"
        base_url = "http://[fd00::1]:11434"
        [backends.cloud]
        kind = "openai"
        base_url = "https://api.openai.com/v1"
        credential = "env:ACCESS"
        more_credentials = ["env:SECOND", "env:NOT_SET"]
    "#;

    #[test]
    fn secrets_have_any_name_and_machines_are_those_of_the_house() {
        let environment = Environment::of(&[
            ("ACCESS", "first"),
            ("SECOND", "second"),
            ("PLAIN", "third"),
            ("CACHE", "fourth"),
            ("X", "no"),
        ]);
        let config = parse(CONFIG).unwrap();
        let secrets = config.secrets(&environment);
        let secrets: Vec<String> = secrets.map(|secret| secret.expose_secret().to_owned()).collect();
        assert_eq!(secrets, ["first", "second", "third", "fourth"]);
        let machines: Vec<String> = config.machines(&environment).into_iter().collect();
        assert_eq!(machines, ["attic", "cellar-box", "models.example.org"]);
    }
}
