//! Questions that are being asked: who asks the same meanwhile waits for the answer instead of asking too.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::shelf::{Answer, Cache, Question};

/// Whoever asked first may be slow to read, so that others wait for so long at most and then ask by themselves.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// One of those who wait asks when the one before failed. After so many failures the rest do not wait in line.
const ROUNDS: usize = 3;

/// Each with something that ends when its asking does.
pub(super) type Asking = HashMap<Question, watch::Receiver<()>>;

/// The duty to ask a question for everybody. It ends when this is dropped, whether an answer was kept or not.
pub(super) struct Lead {
    cache: Arc<Cache>,
    question: Question,
    _ends: watch::Sender<()>,
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.cache.asking().remove(&self.question);
    }
}

/// What to do about a question.
pub(super) enum Turn {
    Kept(Answer),
    Lead(Lead),
    /// Somebody else asks it.
    Wait(watch::Receiver<()>),
}

/// How waiting ended.
pub(super) enum Waited {
    Kept(Answer),
    Lead(Lead),
    /// It takes too long, or fails again and again.
    Alone,
}

impl Cache {
    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turn(self: &Arc<Self>, question: Question) -> Turn {
        // Held while looking, because an answer is kept before its asking ends.
        let mut asking = self.asking();
        if let Some(answer) = self.find(&question) {
            return Turn::Kept(answer);
        }
        if let Some(ends) = asking.get(&question) {
            return Turn::Wait(ends.clone());
        }
        let (end, ends) = watch::channel(());
        asking.insert(question, ends);
        Turn::Lead(Lead {
            cache: Arc::clone(self),
            question,
            _ends: end,
        })
    }

    /// Waits for whoever asks the question; `until` is when the caller no longer does.
    pub(super) async fn wait(
        self: &Arc<Self>,
        question: Question,
        mut ends: watch::Receiver<()>,
        until: Option<Instant>,
    ) -> Waited {
        let longest = Instant::now() + LONGEST_WAIT;
        let until = until.map_or(longest, |until| until.min(longest));
        for _ in 0..ROUNDS {
            // Nothing is ever sent, so that a change is the end.
            if timeout_at(until, ends.changed()).await.is_err() {
                break;
            }
            match self.turn(question) {
                Turn::Kept(answer) => return Waited::Kept(answer),
                Turn::Lead(lead) => return Waited::Lead(lead),
                Turn::Wait(next) => ends = next,
            }
        }
        Waited::Alone
    }
}
