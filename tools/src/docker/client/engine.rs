//! The calls to the engine. Every container is named by its [`Id`], and every call ends within its limit.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, RestartContainerOptions, StatsOptions, StopContainerOptions};
use futures_util::StreamExt;

use super::connect::bounded;
use super::fault;
use super::record::{Details, Listed, Usage};
use crate::Error;
use crate::docker::config::Host;
use crate::docker::name::{self, Id, Name};

pub(super) const READ: Duration = Duration::from_secs(10);
/// Starting may have to set up networks and mounts, and stopping to write them back, beyond the container's own time.
const ACT: Duration = Duration::from_secs(20);

/// An engine that has answered and agreed on a version.
pub(in crate::docker) struct Engine {
    pub(super) docker: Docker,
    pub(super) host: Host,
    /// The engine's own version: `20.10.24`.
    pub(in crate::docker) version: String,
}

/// Why an act has no plain result.
#[derive(Debug)]
pub(in crate::docker) enum Unsettled {
    /// Nothing was done.
    Refused(Error),
    /// It was sent, and what came of it must be read back.
    Unclear(String),
}

impl Engine {
    /// All containers, also those that do not run.
    pub(in crate::docker) async fn list(&self) -> Result<Vec<Listed>, Error> {
        let options = ListContainersOptions {
            all: true,
            ..ListContainersOptions::default()
        };
        let call = self.docker.list_containers(Some(options));
        let listed = bounded(&self.host, "list the containers", READ, call).await?;
        Ok(listed.into_iter().filter_map(Listed::from_engine).collect())
    }

    pub(in crate::docker) async fn find(&self, name: &Name) -> Result<Listed, Error> {
        let containers = self.list().await?;
        name::resolve(&containers, name).cloned()
    }

    pub(in crate::docker) async fn inspect(&self, id: &Id) -> Result<Details, Error> {
        let what = format!("inspect container {}", id.short());
        let call = self.docker.inspect_container(id.as_str(), None);
        bounded(&self.host, &what, READ, call).await.map(Details::from_engine)
    }

    /// Takes one to two seconds: the engine waits for a second sample.
    pub(in crate::docker) async fn usage(&self, id: &Id) -> Result<Usage, Error> {
        let what = format!("read the statistics of container {}", id.short());
        let options = StatsOptions {
            stream: false,
            one_shot: false,
        };
        let mut samples = self.docker.stats(id.as_str(), Some(options));
        let sample = bounded(&self.host, &what, READ, async { samples.next().await.transpose() }).await?;
        sample
            .map(Usage::from_engine)
            .ok_or_else(|| Error::refused(format!("{what}: the engine has none, it may just have ended")))
    }

    pub(in crate::docker) async fn start(&self, id: &Id) -> Result<(), Unsettled> {
        self.act("start", ACT, self.docker.start_container(id.as_str(), None))
            .await
    }

    /// `grace` is what the container gets to end by itself before it is killed.
    pub(in crate::docker) async fn stop(&self, id: &Id, grace: Duration) -> Result<(), Unsettled> {
        let options = StopContainerOptions {
            t: Some(seconds(grace)),
            ..StopContainerOptions::default()
        };
        let call = self.docker.stop_container(id.as_str(), Some(options));
        self.act("stop", grace + ACT, call).await
    }

    pub(in crate::docker) async fn restart(&self, id: &Id, grace: Duration) -> Result<(), Unsettled> {
        let options = RestartContainerOptions {
            t: Some(seconds(grace)),
            ..RestartContainerOptions::default()
        };
        let call = self.docker.restart_container(id.as_str(), Some(options));
        self.act("restart", grace + ACT, call).await
    }

    async fn act(
        &self,
        what: &str,
        limit: Duration,
        call: impl Future<Output = Result<(), bollard::errors::Error>>,
    ) -> Result<(), Unsettled> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if fault::is_settled(&error) => {
                Err(Unsettled::Refused(fault::explain(&self.host, what, error)))
            }
            Ok(Err(error)) => Err(Unsettled::Unclear(fault::explain(&self.host, what, error).to_string())),
            Err(_) => Err(Unsettled::Unclear(fault::too_slow(&self.host, what, limit).to_string())),
        }
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
