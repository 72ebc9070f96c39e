//! One look at Docker, for the start and for `jarvis doctor`.

use std::time::Duration;

use super::client::{Client, State};
use super::config::Config;
use crate::Error;
use crate::words::{count, span};

/// `Engine 20.10.24, 3 containers (2 running)`, or why not with what to do, within `limit`.
pub async fn probe(config: &Config, limit: Duration) -> Result<String, String> {
    let client = Client::new(config);
    let look = async {
        let engine = client.engine().await?;
        let containers = engine.list().await?;
        let running = containers
            .iter()
            .filter(|container| container.state == State::Running)
            .count();
        Ok(format!(
            "Engine {}, {} ({running} running)",
            engine.version,
            count(containers.len(), "container")
        ))
    };
    match tokio::time::timeout(limit, look).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(Error::Refused { message, hint } | Error::Unavailable { message, hint })) => Err(match hint {
            Some(hint) => format!("{message}; {hint}"),
            None => message,
        }),
        Ok(Err(Error::OutcomeUnknown { message })) => Err(message),
        Err(_) => Err(format!(
            "Docker at {} did not answer within {}",
            config.host,
            span(limit)
        )),
    }
}
