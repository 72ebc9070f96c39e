//! Traces in OpenTelemetry's form: one through surface, turn, tool and attempt.

mod context;

pub use context::Context;
