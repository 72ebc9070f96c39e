//! Questions that are being asked: who asks the same meanwhile waits for the answer instead of asking too.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::shelf::{Answer, Cache, Question};

/// Whoever asked first may be slow to read, so that from so long after it on nobody waits for them.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// One of those who wait asks when the one before gave nothing to keep. A second time the rest do not wait in line.
const ROUNDS: usize = 2;

/// Each with its end.
pub(super) type Asking = HashMap<Question, End>;

/// The end of an asking.
#[derive(Clone)]
pub(super) struct End {
    /// Nothing is ever sent, so that a change is the end.
    ended: watch::Receiver<()>,
    /// When waiting for it ends.
    until: Instant,
}

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
    Wait(End),
}

/// How waiting ended.
pub(super) enum Waited {
    Kept(Answer),
    Lead(Lead),
    /// It takes too long, or gives nothing to keep again and again.
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
        if let Some(end) = asking.get(&question) {
            return Turn::Wait(end.clone());
        }
        let (ends, ended) = watch::channel(());
        let until = Instant::now() + LONGEST_WAIT;
        asking.insert(question, End { ended, until });
        Turn::Lead(Lead {
            cache: Arc::clone(self),
            question,
            _ends: ends,
        })
    }

    /// Waits for whoever asks the question; `until` is when the caller no longer does.
    pub(super) async fn wait(self: &Arc<Self>, question: Question, mut end: End, until: Option<Instant>) -> Waited {
        for _ in 0..ROUNDS {
            let until = until.map_or(end.until, |until| until.min(end.until));
            if timeout_at(until, end.ended.changed()).await.is_err() {
                break;
            }
            match self.turn(question) {
                Turn::Kept(answer) => return Waited::Kept(answer),
                Turn::Lead(lead) => return Waited::Lead(lead),
                Turn::Wait(next) => end = next,
            }
        }
        Waited::Alone
    }
}
