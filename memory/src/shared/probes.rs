//! Who asks a backend about itself, and what it said.

use std::sync::LazyLock;

use async_trait::async_trait;
use jarvis_gateway::health::{Report, Together};
use redis::Script;

use super::link::Redis;

/// Milliseconds after which somebody else asks. An asking that is due again before keeps it.
const LEADS_FOR: u32 = 8_000;
/// Milliseconds that a report is worth reading.
const KEPT: u32 = 120_000;

static LEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lead.lua")));

#[async_trait]
impl Together for Redis {
    async fn leads(&self, backend: &str) -> bool {
        let mut invocation = LEAD.key(self.key(&format!("probe:{backend}")));
        invocation.arg(self.0.instance.as_bytes().as_slice()).arg(LEADS_FOR);
        self.run(&invocation).await.unwrap_or(true)
    }

    async fn report(&self, backend: &str, report: &Report) {
        let Ok(report) = serde_json::to_vec(report) else {
            return;
        };
        let mut command = redis::cmd("SET");
        command
            .arg(self.key(&format!("probed:{backend}")))
            .arg(report)
            .arg("PX")
            .arg(KEPT);
        self.post(command);
    }

    async fn reported(&self, backend: &str) -> Option<Report> {
        let mut command = redis::cmd("GET");
        command.arg(self.key(&format!("probed:{backend}")));
        let report: Option<Vec<u8>> = self.ask(&command).await.ok()?;
        serde_json::from_slice(&report?).ok()
    }
}
