//! What Prometheus reads at `/metrics`. The names of OpenTelemetry's conventions for generative AI are used where they
//! exist, with `_` for `.`; what is Jarvis' own begins with `jarvis_`.

mod breakers;
mod labels;
mod record;

#[cfg(test)]
mod tests;

pub use record::Metrics;
