//! Takes spans from wherever work is done and has them sent in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::export;
use super::span::Span;
use crate::tasks::Tasks;
use crate::upstream::Upstream;

/// Spans that wait to be sent. When a collector is away longer than this lasts, spans are dropped and counted: traces
/// must never hold up the work that they tell of.
const WAITING: usize = 4096;

/// Cheap to clone. One that is off costs a look at an option.
#[derive(Clone, Default)]
pub struct Tracer {
    sink: Option<Arc<Sink>>,
}

struct Sink {
    spans: mpsc::Sender<Span>,
    dropped: AtomicU64,
}

impl Tracer {
    /// Tells nobody.
    pub fn off() -> Self {
        Self::default()
    }

    /// Sends to the collector at `upstream`, whose base URL is that of OTLP over HTTP (`http://127.0.0.1:4318`), until
    /// the process stops. `version` is the program's.
    pub fn to(upstream: Upstream, version: &'static str, tasks: &Tasks) -> Self {
        let (spans, waiting) = mpsc::channel(WAITING);
        let sink = Arc::new(Sink {
            spans,
            dropped: AtomicU64::new(0),
        });
        let stopping = tasks.stopping().clone();
        tasks.spawn("send traces", export::run(upstream, version, waiting, stopping));
        Self { sink: Some(sink) }
    }

    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Takes a span. Never waits.
    pub fn tell(&self, span: Span) {
        let Some(sink) = &self.sink else {
            return;
        };
        if sink.spans.try_send(span).is_err() {
            let dropped = sink.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(
                    dropped,
                    "spans are dropped because the collector of traces does not keep up"
                );
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn into_channel() -> (Self, mpsc::Receiver<Span>) {
        let (spans, waiting) = mpsc::channel(WAITING);
        let sink = Arc::new(Sink {
            spans,
            dropped: AtomicU64::new(0),
        });
        (Self { sink: Some(sink) }, waiting)
    }
}
