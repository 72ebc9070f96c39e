//! Reaches the engine and agrees on the version of its API.

use std::future::Future;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};

use super::engine::Engine;
use super::fault::{self, unavailable};
use crate::Error;
use crate::docker::config::{Config, Host};

/// The oldest API that has everything used here (Docker 1.13, of 2017).
const OLDEST: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 25,
};
/// bollard's own limit covers headers only. It lies above all limits here, which cover whole calls.
const NO_LIMIT_SECONDS: u64 = 600;
/// The engine answers `/version` from memory.
const HELLO: Duration = Duration::from_secs(5);

/// The way to one Docker engine. Holds no connection: every use connects anew, so that a restarted, updated or late
/// engine needs no care.
#[derive(Debug, Clone)]
pub struct Client {
    host: Host,
}

impl Client {
    pub fn new(config: &Config) -> Self {
        Self {
            host: config.host.clone(),
        }
    }

    /// Connects, checks that Docker answers, and chooses the highest API version that both sides know.
    pub(in crate::docker) async fn engine(&self) -> Result<Engine, Error> {
        let hello = self.open(API_DEFAULT_VERSION, None)?;
        let told = bounded(&self.host, "ask for the version", HELLO, hello.version()).await?;
        let version = told.version.unwrap_or_default();
        let highest = parse(told.api_version.as_deref())
            .ok_or_else(|| fault::not_docker(&self.host, "it names no API version"))?;
        // An engine without a minimum is older than the idea of one.
        let lowest = parse(told.min_api_version.as_deref()).unwrap_or(OLDEST);
        let chosen = choose(lowest, highest).map_err(|says| {
            unavailable(
                format!("Docker Engine {} at {}: {says}", fault::outside(&version), self.host),
                "update whichever of the two is older",
            )
        })?;
        let docker = self.open(&chosen, Some(format!("/v{chosen}")))?;
        Ok(Engine {
            docker,
            host: self.host.clone(),
            version: fault::outside(&version),
        })
    }

    fn open(&self, version: &ClientVersion, prefix: Option<String>) -> Result<Docker, Error> {
        let opened = match &self.host {
            Host::Socket(path) => Docker::connect_with_socket(path, NO_LIMIT_SECONDS, version),
            Host::Tcp(authority) => Docker::connect_with_http(&format!("tcp://{authority}"), NO_LIMIT_SECONDS, version),
        };
        let docker = opened.map_err(|error| fault::explain(&self.host, "connect", error))?;
        Ok(match prefix {
            Some(prefix) => docker.with_request_modifier(move |request| versioned(request, &prefix)),
            None => docker,
        })
    }
}

/// Puts the agreed version before the path, because bollard 0.21 leaves it out and the engine then answers in the
/// newest form that it knows.
fn versioned(mut request: BollardRequest, prefix: &str) -> BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    let with_version = parts
        .path_and_query
        .as_ref()
        .and_then(|path| format!("{prefix}{path}").parse().ok());
    if let Some(path) = with_version {
        parts.path_and_query = Some(path);
        if let Ok(uri) = http::Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn parse(text: Option<&str>) -> Option<ClientVersion> {
    let (major, minor) = text?.split_once('.')?;
    Some(ClientVersion {
        major_version: major.parse().ok()?,
        minor_version: minor.parse().ok()?,
    })
}

/// The highest version within both ranges, or who is too old.
fn choose(lowest: ClientVersion, highest: ClientVersion) -> Result<ClientVersion, String> {
    let newest = ClientVersion { ..*API_DEFAULT_VERSION };
    if highest < OLDEST {
        return Err(format!(
            "it speaks API {highest} at most, and Jarvis needs {OLDEST} or newer"
        ));
    }
    if lowest > newest {
        return Err(format!(
            "it needs API {lowest} or newer, and this Jarvis speaks {newest} at most"
        ));
    }
    Ok(if highest < newest { highest } else { newest })
}

/// A call to the engine that ends: with its answer, its error, or after `limit`.
pub(super) async fn bounded<T>(
    host: &Host,
    what: &str,
    limit: Duration,
    call: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| fault::explain(host, what, error)),
        Err(_) => Err(fault::too_slow(host, what, limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_that_both_know_is_chosen() {
        let check = |lowest: &str, highest: &str, expect: Result<&str, &str>| {
            let chosen = choose(parse(Some(lowest)).unwrap(), parse(Some(highest)).unwrap());
            match expect {
                Ok(version) => assert_eq!(chosen.unwrap().to_string(), version),
                Err(part) => {
                    let error = chosen.unwrap_err();
                    assert!(error.contains(part), "{error}");
                }
            }
        };
        check("1.12", "1.41", Ok("1.41"));
        check("1.44", "1.52", Ok("1.52"));
        check("1.44", "1.60", Ok("1.53"));
        check("1.0", "1.24", Err("it speaks API 1.24 at most"));
        check("1.54", "1.60", Err("it needs API 1.54 or newer"));
        check("2.0", "2.3", Err("it needs API 2.0 or newer"));
    }

    #[test]
    fn a_version_is_two_numbers() {
        let check = |given: Option<&str>, expect: Option<&str>| {
            assert_eq!(parse(given).map(|version| version.to_string()).as_deref(), expect);
        };
        check(Some("1.41"), Some("1.41"));
        check(Some("1"), None);
        check(Some("<html>"), None);
        check(None, None);
    }
}
