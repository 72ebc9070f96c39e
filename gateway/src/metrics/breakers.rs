//! The state of every circuit breaker as a gauge.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::breaker::Shown;
use crate::registry::Registry;

/// Reads the breakers when somebody looks.
pub(super) struct Breakers {
    registry: Arc<Registry>,
}

impl Breakers {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakers").finish_non_exhaustive()
    }
}

impl Collector for Breakers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "jarvis_breaker_state",
            "0 closed, 1 half-open, 2 open, 3 hard down, 4 model missing; scope is a backend or backend/model",
            None,
            MetricType::Gauge,
        )?;
        for (scope, snapshot) in self.registry.breakers() {
            let gauge = ConstGauge::new(number(snapshot.state));
            gauge.encode(metric.encode_family(&[("scope", scope)])?)?;
        }
        Ok(())
    }
}

fn number(state: Shown) -> i64 {
    match state {
        Shown::Closed => 0,
        Shown::HalfOpen => 1,
        Shown::Open => 2,
        Shown::HardDown => 3,
        Shown::Missing => 4,
    }
}
