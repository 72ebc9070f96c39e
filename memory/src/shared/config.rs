//! The section `[redis]` of the configuration.

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

const DEFAULT_PREFIX: &str = "jv:";
const LONGEST_PATIENCE: u64 = 2_000;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `redis://HOST:PORT`, `rediss://HOST:PORT` for TLS, or `unix:///path`. Without it nothing is shared.
    pub url: Option<String>,
    /// The environment variable that holds the password, as `env:NAME`.
    pub credential: Option<String>,
    /// What every key begins with, so that several installations can share a Redis.
    pub prefix: String,
    /// Milliseconds that a request waits for it. What takes longer counts as away.
    pub patience_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            credential: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            patience_ms: 20,
        }
    }
}

/// A password that was looked up.
pub type Password = Option<SecretString>;

impl Config {
    /// Says what is wrong with it. A password that stands in the URL is not repeated.
    pub fn check(&self) -> Result<(), String> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        if self.prefix.is_empty() || self.prefix.len() > 40 || !self.prefix.chars().all(is_plain) {
            return Err("redis.prefix is 1 to 40 letters, digits, `-`, `_`, `.` and `:`".to_owned());
        }
        if !(1..=LONGEST_PATIENCE).contains(&self.patience_ms) {
            return Err(format!(
                "redis.patience_ms is 1 to {LONGEST_PATIENCE}: every request may wait so long"
            ));
        }
        match &self.url {
            Some(url) => connection(url, &None).map(drop),
            None if self.credential.is_some() => {
                Err("redis.credential is set, and redis.url is not; add the URL or take both away".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// How to reach it. The third version of its protocol is needed, which any Redis from 6 on and any Valkey speaks.
pub(super) fn connection(url: &str, password: &Password) -> Result<ConnectionInfo, String> {
    let wrong = "redis.url is redis://HOST:PORT, rediss://HOST:PORT or unix:///path, each with /NUMBER or ?db=NUMBER for \
                 another database than 0";
    let parsed = Url::parse(url).map_err(|_| wrong.to_owned())?;
    if parsed.password().is_some() || parsed.query_pairs().any(|(name, _)| name == "pass") {
        return Err(
            "redis.url has a password in it; write redis.credential = \"env:NAME\" with the name of an environment \
             variable that holds the password, and take it out of the URL"
                .to_owned(),
        );
    }
    // Its own words may repeat what stands in the URL.
    let info = url.into_connection_info().map_err(|_| wrong.to_owned())?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let settings = match password {
        Some(password) => settings.set_password(password.expose_secret()),
        None => settings,
    };
    Ok(info.set_redis_settings(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_right_or_says_how_it_is_written() {
        let check = |url: &str, expect: &str| {
            let config = Config {
                url: Some(url.to_owned()),
                ..Config::default()
            };
            let says = config.check().err().unwrap_or_default();
            assert!(
                says.contains(expect) && says.is_empty() == expect.is_empty(),
                "{url}: {says}"
            );
            assert!(!says.contains("hunter2"), "{says}");
        };
        check("redis://127.0.0.1:6379", "");
        check("redis://replica@cache.tailnet:6379/3", "");
        check("rediss://cache.tailnet:6379", "");
        check("unix:///run/redis/redis.sock", "");
        check("redis://:hunter2@127.0.0.1:6379", "redis.credential");
        check("unix:///run/redis.sock?pass=hunter2", "redis.credential");
        check("http://127.0.0.1:6379", "redis.url is");
        check("127.0.0.1:6379", "redis.url is");
        check("redis://127.0.0.1:hunter2", "redis.url is");
    }

    #[test]
    fn a_prefix_is_short_and_plain() {
        let check = |prefix: &str, expect: bool| {
            let config = Config {
                prefix: prefix.to_owned(),
                ..Config::default()
            };
            assert_eq!(config.check().is_ok(), expect, "{prefix}");
        };
        check("jv:", true);
        check("house-2:", true);
        check("", false);
        check("a*", false);
        check("{jv}:", false);
    }
}
