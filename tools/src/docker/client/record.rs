//! What the engine tells about containers, reduced to what is used. Environment, command lines and labels of an
//! inspected container are left behind here, because they hold secrets.

use std::collections::HashMap;

use bollard::models::{
    ContainerCpuStats, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, ContainerStatsResponse,
    ContainerSummary, ContainerSummaryStateEnum, Health as EngineHealth, HealthStatusEnum, MountPoint, PortMap,
    PortSummary,
};
use jiff::Timestamp;

use super::fault::outside;
use crate::docker::name::Id;
use crate::docker::usage::{self, CpuSample};
use crate::outside_text::{clean_line, mask};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum State {
    Created,
    Running,
    Paused,
    Restarting,
    Stopping,
    Removing,
    Exited,
    Dead,
    Unknown,
}

impl State {
    pub(in crate::docker) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of the engine's list.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::docker) struct Listed {
    pub id: Id,
    /// Without the leading `/`. Names given by links are left out.
    pub names: Vec<String>,
    pub image: String,
    pub state: State,
    /// The engine's words: `Up 3 hours (healthy)`, `Exited (137) 2 minutes ago`.
    pub status: String,
    pub ports: Vec<String>,
    pub labels: HashMap<String, String>,
}

impl Listed {
    pub(super) fn from_engine(summary: ContainerSummary) -> Option<Self> {
        let names = summary.names.unwrap_or_default();
        Some(Self {
            id: Id::parse(summary.id.as_deref()?)?,
            names: names
                .iter()
                .filter_map(|name| name.strip_prefix('/'))
                .filter(|name| !name.contains('/'))
                .map(|name| clean_line(name, 128))
                .collect(),
            image: outside(&summary.image.unwrap_or_default()),
            state: listed_state(summary.state),
            status: clean_line(&summary.status.unwrap_or_default(), 100),
            ports: listed_ports(summary.ports.unwrap_or_default()),
            labels: summary.labels.unwrap_or_default(),
        })
    }

    /// The name to show; a container that is being made or removed may have none.
    pub(in crate::docker) fn name(&self) -> &str {
        self.names.first().map_or_else(|| self.id.short(), String::as_str)
    }
}

/// What `inspect` tells.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::docker) struct Details {
    pub image: String,
    pub state: State,
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// Why the engine could not start it, in the engine's words.
    pub error: Option<String>,
    /// Absent when it was never started.
    pub started_at: Option<Timestamp>,
    /// Absent when it has never ended.
    pub finished_at: Option<Timestamp>,
    /// How often the restart policy has restarted it.
    pub restart_count: i64,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart_policy: String,
    pub health: Option<Health>,
    pub ports: Vec<String>,
    pub mounts: Vec<Mount>,
    pub memory_limit: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::docker) struct Health {
    pub status: HealthStatus,
    pub failing_streak: i64,
    /// The last checks, oldest first.
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum HealthStatus {
    Starting,
    Healthy,
    Unhealthy,
}

impl HealthStatus {
    pub(in crate::docker) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One run of a health check.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::docker) struct Check {
    pub exit_code: i64,
    pub output: String,
}

/// Something mounted, without where it is on the host: a path there tells how the host is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::docker) struct Mount {
    /// `bind`, `volume`, `tmpfs`.
    pub kind: String,
    /// The name of a volume.
    pub volume: Option<String>,
    pub destination: String,
    pub read_only: bool,
}

impl Details {
    pub(super) fn from_engine(inspected: ContainerInspectResponse) -> Self {
        let state = inspected.state.unwrap_or_default();
        let host = inspected.host_config.unwrap_or_default();
        let policy = host.restart_policy.and_then(|policy| policy.name);
        let network = inspected.network_settings.unwrap_or_default();
        Self {
            image: outside(&inspected.config.and_then(|config| config.image).unwrap_or_default()),
            state: inspected_state(&state),
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            error: state.error.filter(|text| !text.is_empty()).map(|text| outside(&text)),
            started_at: instant(state.started_at.as_deref()),
            finished_at: instant(state.finished_at.as_deref()),
            restart_count: inspected.restart_count.unwrap_or_default(),
            restart_policy: policy
                .map(|name| name.to_string())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "no".into()),
            health: state.health.and_then(health),
            ports: inspected_ports(network.ports.unwrap_or_default()),
            mounts: inspected.mounts.unwrap_or_default().into_iter().map(mount).collect(),
            memory_limit: host
                .memory
                .and_then(|limit| u64::try_from(limit).ok())
                .filter(|limit| *limit > 0),
        }
    }
}

/// What a container uses right now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::docker) struct Usage {
    /// 100 is one CPU kept busy. `None` when it could not be told.
    pub cpu_percent: Option<f64>,
    pub memory_used: u64,
    /// The machine's memory when the container has no limit of its own.
    pub memory_limit: Option<u64>,
    pub processes: Option<u64>,
}

impl Usage {
    pub(super) fn from_engine(stats: ContainerStatsResponse) -> Self {
        let sample = |cpu: Option<ContainerCpuStats>| {
            let cpu = cpu.unwrap_or_default();
            CpuSample {
                container: cpu.cpu_usage.and_then(|usage| usage.total_usage).unwrap_or_default(),
                machine: cpu.system_cpu_usage,
                online_cpus: cpu.online_cpus.unwrap_or_default(),
            }
        };
        let memory = stats.memory_stats.unwrap_or_default();
        let counters = memory.stats.unwrap_or_default();
        Self {
            cpu_percent: usage::cpu_percent(sample(stats.precpu_stats), sample(stats.cpu_stats)),
            memory_used: usage::memory_used(memory.usage.unwrap_or_default(), |name| counters.get(name).copied()),
            memory_limit: memory.limit,
            processes: stats.pids_stats.and_then(|pids| pids.current),
        }
    }
}

fn listed_state(state: Option<ContainerSummaryStateEnum>) -> State {
    use ContainerSummaryStateEnum as Engine;
    match state {
        Some(Engine::CREATED) => State::Created,
        Some(Engine::RUNNING) => State::Running,
        Some(Engine::PAUSED) => State::Paused,
        Some(Engine::RESTARTING) => State::Restarting,
        Some(Engine::STOPPING) => State::Stopping,
        Some(Engine::REMOVING) => State::Removing,
        Some(Engine::EXITED) => State::Exited,
        Some(Engine::DEAD) => State::Dead,
        Some(Engine::EMPTY) | None => State::Unknown,
    }
}

fn inspected_state(state: &ContainerState) -> State {
    use ContainerStateStatusEnum as Engine;
    match state.status {
        Some(Engine::CREATED) => State::Created,
        Some(Engine::RUNNING) => State::Running,
        Some(Engine::PAUSED) => State::Paused,
        Some(Engine::RESTARTING) => State::Restarting,
        Some(Engine::STOPPING) => State::Stopping,
        Some(Engine::REMOVING) => State::Removing,
        Some(Engine::EXITED) => State::Exited,
        Some(Engine::DEAD) => State::Dead,
        Some(Engine::EMPTY) | None => State::Unknown,
    }
}

/// The engine writes the year 1 for «never».
fn instant(text: Option<&str>) -> Option<Timestamp> {
    let at: Timestamp = text?.parse().ok()?;
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

fn health(health: EngineHealth) -> Option<Health> {
    let status = match health.status? {
        HealthStatusEnum::STARTING => HealthStatus::Starting,
        HealthStatusEnum::HEALTHY => HealthStatus::Healthy,
        HealthStatusEnum::UNHEALTHY => HealthStatus::Unhealthy,
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => return None,
    };
    let checks = health.log.unwrap_or_default().into_iter().map(|check| Check {
        exit_code: check.exit_code.unwrap_or_default(),
        output: mask(&clean_line(&check.output.unwrap_or_default().replace('\n', " "), 300)),
    });
    Some(Health {
        status,
        failing_streak: health.failing_streak.unwrap_or_default(),
        checks: checks.collect(),
    })
}

fn mount(point: MountPoint) -> Mount {
    Mount {
        kind: point
            .typ
            .filter(|kind| !kind.is_empty())
            .unwrap_or_else(|| "mount".into()),
        volume: point.name.map(|name| outside(&name)).filter(|name| !name.is_empty()),
        destination: outside(&point.destination.unwrap_or_default()),
        read_only: !point.rw.unwrap_or(true),
    }
}

/// `127.0.0.1:8080 -> 80/tcp`, `80/tcp`; the same port on IPv4 and IPv6 is shown once.
fn listed_ports(ports: Vec<PortSummary>) -> Vec<String> {
    let shown = ports.into_iter().map(|port| {
        let inside = format!(
            "{}/{}",
            port.private_port,
            port.typ.map(|kind| kind.to_string()).unwrap_or_default()
        );
        let outside_port = port.public_port.map(|public| public.to_string());
        port_words(port.ip.as_deref(), outside_port.as_deref(), &inside)
    });
    unique(shown.collect())
}

fn inspected_ports(ports: PortMap) -> Vec<String> {
    let shown = ports.into_iter().flat_map(|(inside, bindings)| match bindings {
        None => vec![port_words(None, None, &inside)],
        Some(bindings) => bindings
            .iter()
            .map(|binding| port_words(binding.host_ip.as_deref(), binding.host_port.as_deref(), &inside))
            .collect(),
    });
    unique(shown.collect())
}

fn port_words(ip: Option<&str>, public: Option<&str>, inside: &str) -> String {
    let words = match (ip, public) {
        (_, None) => inside.to_owned(),
        (None | Some("" | "0.0.0.0" | "::"), Some(public)) => format!("{public} -> {inside}"),
        (Some(ip), Some(public)) if ip.contains(':') => format!("[{ip}]:{public} -> {inside}"),
        (Some(ip), Some(public)) => format!("{ip}:{public} -> {inside}"),
    };
    clean_line(&words, 80)
}

fn unique(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_say_where_they_are_reachable() {
        let check = |ip, public, expect: &str| assert_eq!(port_words(ip, public, "80/tcp"), expect);
        check(None, None, "80/tcp");
        check(Some("127.0.0.1"), Some("8080"), "127.0.0.1:8080 -> 80/tcp");
        check(Some("0.0.0.0"), Some("8080"), "8080 -> 80/tcp");
        check(Some("::"), Some("8080"), "8080 -> 80/tcp");
        check(Some("::1"), Some("8080"), "[::1]:8080 -> 80/tcp");
    }

    #[test]
    fn the_year_one_means_never() {
        assert_eq!(instant(Some("0001-01-01T00:00:00Z")), None);
        assert_eq!(
            instant(Some("2026-11-20T10:22:12.031466670Z")).map(Timestamp::as_second),
            Some(1_795_170_132)
        );
        assert_eq!(instant(Some("yesterday")), None);
    }

    #[test]
    fn an_inspected_container_keeps_no_environment_command_or_host_path() {
        let inspected = serde_json::json!({
            "Id": "a".repeat(64), "Name": "/web", "Path": "canary-path", "Args": ["--password", "canary-arg"],
            "State": {"Status": "exited", "ExitCode": 3, "Error": "exec: token=canary-error", "OOMKilled": true},
            "Config": {"Image": "nginx:1", "Env": ["TOKEN=canary-env"], "Cmd": ["canary-cmd"],
                       "Labels": {"a": "canary-label"}},
            "HostConfig": {"RestartPolicy": {"Name": ""}, "Binds": ["/canary/bind:/x"]},
            "Mounts": [{"Type": "bind", "Source": "/canary/source", "Destination": "/config", "RW": false}]
        });
        let details = Details::from_engine(serde_json::from_value(inspected).unwrap());
        assert!(!format!("{details:?}").contains("canary"), "{details:?}");
        assert_eq!(details.restart_policy, "no");
        assert_eq!(
            details.mounts,
            [Mount {
                kind: "bind".into(),
                volume: None,
                destination: "/config".into(),
                read_only: true
            }]
        );
    }
}
