//! Traces in OpenTelemetry's form: one through surface, turn, tool and attempt. Spans are made when what they tell of is
//! over, so that nothing is kept open across streams and tasks, and go to a collector over OTLP.

mod attempt;
mod context;
mod export;
mod span;
mod tracer;

#[cfg(test)]
mod tests;

pub use context::Context;
pub use span::{Attribute, Kind, Span};
pub use tracer::Tracer;
