//! The state of every circuit breaker as a gauge.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as Prometheus;

use crate::breaker::Shown;
use crate::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Scope {
    scope: String,
}

/// The breakers as they are now.
pub(super) fn breakers(registry: &Registry) -> Prometheus {
    let states = Family::<Scope, Gauge>::default();
    for (scope, snapshot) in registry.breakers() {
        states.get_or_create(&Scope { scope }).set(number(snapshot.state));
    }
    let mut exposed = Prometheus::default();
    exposed.register(
        "jarvis_breaker_state",
        "0 closed, 1 half-open, 2 open, 3 hard down, 4 model missing; scope is a backend or backend/model",
        states,
    );
    if let Some(is_shared) = registry.is_shared() {
        let shared = Gauge::<i64>::default();
        shared.set(is_shared.into());
        let says = "1 while breakers are shared with other replicas, 0 while this one goes by what it knows itself";
        exposed.register("jarvis_breaker_shared", says, shared);
    }
    exposed
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
