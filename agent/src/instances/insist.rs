//! Writing the end of something that is a row already, when the database is away for a while.

use std::time::Duration;

use jarvis_memory::Error;

use crate::parts::Parts;

const PAUSE: Duration = Duration::from_millis(500);

/// For a write that is tried until the database answers, or the process stops. Alone on the database the next start closes
/// what has no end; beside others this instance lives on, so that nobody would.
pub(crate) struct Insist<'a> {
    parts: &'a Parts,
    what: &'static str,
    is_told: bool,
}

impl<'a> Insist<'a> {
    pub(crate) fn on(parts: &'a Parts, what: &'static str) -> Self {
        Self {
            parts,
            what,
            is_told: false,
        }
    }

    /// Whether to write again, after a pause. `error` is what the last try came to.
    pub(crate) async fn again(&mut self, error: Option<&Error>) -> bool {
        let Some(error @ Error::Unavailable { .. }) = error.filter(|_| self.parts.shared.is_some()) else {
            return false;
        };
        if !self.is_told {
            self.is_told = true;
            tracing::warn!(%error, "{} is written down when the database answers again", self.what);
        }
        let pause = tokio::time::sleep(PAUSE);
        self.parts.tasks.stopping().run_until_cancelled(pause).await.is_some()
    }
}
