//! The seam to answers that are kept for all replicas.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Keeps what is written of answers, by the digest of the question and of who may have them.
#[async_trait]
pub trait Shared: Send + Sync {
    /// What is kept, and for how much longer. A request waits for it.
    async fn find(&self, question: &[u8; 32]) -> Option<(Bytes, Duration)>;

    /// Keeps an answer for a time, in `most` bytes for all of them: those that were unused for longest go first. Must not
    /// wait.
    fn keep(&self, question: &[u8; 32], written: Vec<u8>, time: Duration, most: usize);
}
