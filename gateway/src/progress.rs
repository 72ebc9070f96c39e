//! What is being loaded for a request, for a caller who wants to see it while nothing is said (`x-jarvis-progress`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Written by the chain, read by whoever writes the answer. Clones are the same.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Told as thinking too, for clients that show no comments.
    pub as_thinking: bool,
    loading: Arc<Mutex<Option<Loading>>>,
}

#[derive(Debug, Clone)]
struct Loading {
    target: String,
    since: Instant,
    /// As long as it took before.
    expected: Option<Duration>,
}

/// What is under way does not make two wishes different.
impl PartialEq for Progress {
    fn eq(&self, other: &Self) -> bool {
        self.as_thinking == other.as_thinking
    }
}

impl Eq for Progress {}

impl Progress {
    pub fn new(as_thinking: bool) -> Self {
        Self {
            as_thinking,
            loading: Arc::default(),
        }
    }

    pub(crate) fn loads(&self, target: &str, expected: Option<Duration>) {
        self.set(Some(Loading {
            target: target.to_owned(),
            since: Instant::now(),
            expected,
        }));
    }

    pub(crate) fn is_over(&self) {
        self.set(None);
    }

    /// `loading gpu/qwen3:14b: 12 s of about 40 s`, when something is being loaded.
    pub fn says(&self) -> Option<String> {
        let loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let Loading {
            target,
            since,
            expected,
        } = loading.as_ref()?;
        // The name is the configuration's, and a line break would end a comment.
        let target = target.replace(char::is_control, " ");
        let so_far = since.elapsed().as_secs();
        let of = expected.map_or(String::new(), |time| format!(" of about {} s", time.as_secs()));
        Some(format!("loading {target}: {so_far} s{of}"))
    }

    fn set(&self, loading: Option<Loading>) {
        *self.loading.lock().unwrap_or_else(PoisonError::into_inner) = loading;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_loaded_is_said_with_its_time() {
        let progress = Progress::new(false);
        assert_eq!(progress.says(), None);
        progress.loads("gpu/m", Some(Duration::from_secs(40)));
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(
            progress.clone().says().as_deref(),
            Some("loading gpu/m: 12 s of about 40 s")
        );
        progress.loads("a\nb", None);
        assert_eq!(progress.says().as_deref(), Some("loading a b: 0 s"));
        progress.is_over();
        assert_eq!(progress.says(), None);
    }
}
