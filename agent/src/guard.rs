//! Faults of what is plugged in: a panic of a tool or a provider ends its own work and nothing else.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// The outcome of `work`, or `None` when it panicked. The panic itself is in the log by the hook of the process.
///
/// What the work left half done inside of itself is dropped with it, which is why only futures that own their state
/// belong in here.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}
