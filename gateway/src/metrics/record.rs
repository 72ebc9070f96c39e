//! Counters and histograms, fed with attempts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry as Prometheus, Unit};

use super::breakers::breakers;
use super::labels::{Attempted, Ended, Fallback, Name, OfTarget, Operation, Tokens};
use crate::registry::Registry;
use crate::usage::{Attempt, Observer, Outcome};

// The buckets are those that OpenTelemetry's conventions advise for each of the four.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const DURATION: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const FIRST_TOKEN: [f64; 16] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
const PER_TOKEN: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
const OVERHEAD: [f64; 10] = [
    0.000_02, 0.000_05, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1,
];
const LOAD: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 45.0, 120.0];

type Histograms<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// Everything that is counted since the start of the process.
pub struct Metrics {
    exposed: Prometheus,
    tokens: Histograms<Tokens>,
    duration: Histograms<Ended>,
    first_token: Histograms<Operation>,
    per_token: Histograms<Operation>,
    attempts: Family<Attempted, Counter>,
    fallbacks: Family<Fallback, Counter>,
    truncated: Family<OfTarget, Counter>,
    load: Histograms<OfTarget>,
    overhead: Histogram,
    usage_lost: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// `version` is the program's own.
    pub fn new(version: &'static str) -> Self {
        let mut metrics = Self {
            exposed: Prometheus::default(),
            tokens: Family::new_with_constructor(|| Histogram::new(TOKENS)),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION)),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN)),
            per_token: Family::new_with_constructor(|| Histogram::new(PER_TOKEN)),
            attempts: Family::default(),
            fallbacks: Family::default(),
            truncated: Family::default(),
            load: Family::new_with_constructor(|| Histogram::new(LOAD)),
            overhead: Histogram::new(OVERHEAD),
            usage_lost: Counter::default(),
        };
        metrics.expose_conventions();
        metrics.expose_own(version);
        metrics
    }

    /// The text that Prometheus reads, in the `OpenMetrics` form, with the state of the breakers of `registry`.
    pub fn text(&self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.exposed)?;
        encode_registry(&mut text, &breakers(registry))?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    /// Entries of the ledger could not be written.
    pub fn usage_was_lost(&self, entries: u64) {
        self.usage_lost.inc_by(entries);
    }

    fn expose_conventions(&mut self) {
        self.exposed.register(
            "gen_ai_client_token_usage",
            "Tokens of a request and of its answer",
            self.tokens.clone(),
        );
        self.exposed.register_with_unit(
            "gen_ai_server_request_duration",
            "From asking a model server to the end of its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        self.exposed.register_with_unit(
            "gen_ai_server_time_to_first_token",
            "From asking a model server to its first word, thought or tool call",
            Unit::Seconds,
            self.first_token.clone(),
        );
        self.exposed.register_with_unit(
            "gen_ai_server_time_per_output_token",
            "Time per token after the first one",
            Unit::Seconds,
            self.per_token.clone(),
        );
    }

    fn expose_own(&mut self, version: &'static str) {
        let build = Info::new([("version", version)]);
        self.exposed.register("jarvis_build", "The running program", build);
        self.exposed.register(
            "jarvis_attempts",
            "Targets asked, and what came of it",
            self.attempts.clone(),
        );
        self.exposed.register(
            "jarvis_fallback",
            "Answers that came from another target than the first of the chain",
            self.fallbacks.clone(),
        );
        self.exposed.register(
            "jarvis_truncated",
            "Answers whose server had dropped a part of the conversation",
            self.truncated.clone(),
        );
        self.exposed.register(
            "jarvis_usage_lost",
            "Attempts that are not in the ledger, because the database could not be written",
            self.usage_lost.clone(),
        );
        self.exposed.register_with_unit(
            "jarvis_cold_load",
            "Loading a model into memory",
            Unit::Seconds,
            self.load.clone(),
        );
        self.exposed.register_with_unit(
            "jarvis_gateway_overhead",
            "From the arrival of a request to asking its first target",
            Unit::Seconds,
            self.overhead.clone(),
        );
    }

    fn record_answer(&self, attempt: &Attempt, operation: &Operation) {
        for (kind, tokens) in [
            ("input", attempt.usage.prompt_tokens),
            ("output", attempt.usage.completion_tokens),
        ] {
            if tokens > 0 {
                let labels = Tokens {
                    operation: operation.clone(),
                    gen_ai_token_type: kind,
                };
                self.tokens.get_or_create(&labels).observe(number(tokens));
            }
        }
        let Some(first) = attempt.first_token else {
            return;
        };
        let written = attempt.usage.completion_tokens.saturating_sub(1);
        if attempt.outcome == Outcome::Answered && written > 0 {
            let rest = attempt.took.saturating_sub(first).as_secs_f64();
            self.per_token.get_or_create(operation).observe(rest / number(written));
        }
        self.first_token.get_or_create(operation).observe(first.as_secs_f64());
    }
}

impl Observer for Metrics {
    fn attempt(&self, attempt: &Attempt) {
        let target = format!("{}/{}", attempt.backend, attempt.model);
        let (class, error_type) = match &attempt.outcome {
            Outcome::Answered => ("answered", ""),
            Outcome::Cached => ("cached", ""),
            Outcome::Cancelled => ("cancelled", "cancelled"),
            Outcome::Left { class, .. } => (class.as_str(), class.as_str()),
        };
        let attempted = Attempted {
            target: target.clone(),
            class,
        };
        self.attempts.get_or_create(&attempted).inc();
        if attempt.outcome == Outcome::Cached {
            return;
        }
        let operation = Operation {
            gen_ai_operation_name: attempt.origin.endpoint.as_str(),
            gen_ai_provider_name: attempt.kind,
            gen_ai_request_model: attempt.origin.model.clone(),
            gen_ai_response_model: Name(Arc::clone(&attempt.model)),
        };
        let ended = Ended {
            operation: operation.clone(),
            error_type,
        };
        self.duration.get_or_create(&ended).observe(attempt.took.as_secs_f64());
        self.record_answer(attempt, &operation);
        if let (Outcome::Answered, Some(first)) = (&attempt.outcome, attempt.left.first()) {
            let fallback = Fallback {
                from: first.target.clone(),
                to: target.clone(),
                class: first.class.as_str(),
            };
            self.fallbacks.get_or_create(&fallback).inc();
        }
        if let (1, true, Some(waited)) = (attempt.number, attempt.left.is_empty(), attempt.waited) {
            self.overhead.observe(waited.as_secs_f64());
        }
        let of_target = OfTarget { target };
        if attempt.truncated {
            self.truncated.get_or_create(&of_target).inc();
        }
        // An Ollama reports some milliseconds for a model that was loaded already.
        if let Some(load) = attempt.timings.load.filter(|load| load.as_millis() >= 500) {
            self.load.get_or_create(&of_target).observe(load.as_secs_f64());
        }
    }
}

/// Counts of tokens are far below the 2^53 from which a float loses the last digit.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn number(count: u64) -> f64 {
    count as f64
}
