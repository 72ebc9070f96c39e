//! Tells other replicas what becomes of the breakers here, and takes over what they tell.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::board::Board;
use super::guarded::Guarded;
use super::replicas::{Answer, Change, Replicas};
use crate::tasks::Tasks;

/// How often a breaker that is not closed is looked at, because what others told of it may have been missed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Until the process stops.
pub(super) fn spawn(board: &Arc<Board>, replicas: Arc<dyn Replicas>, tasks: &Tasks) {
    let (board, stopping) = (Arc::clone(board), tasks.stopping().clone());
    // Listening starts before the first look, so that nothing falls in between.
    let changes = replicas.changes();
    tasks.spawn("breakers of other replicas", async move {
        let following = Following { board, replicas };
        stopping.run_until_cancelled(following.run(changes)).await;
    });
}

struct Following {
    board: Arc<Board>,
    replicas: Arc<dyn Replicas>,
}

impl Following {
    async fn run(&self, mut changes: futures_util::stream::BoxStream<'static, Change>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.heard(change).await,
                    None => return,
                },
                () = self.board.untold() => self.tell().await,
                _ = look.tick() => {
                    self.look(|guarded| guarded.pass().is_none()).await;
                    self.tell().await;
                }
            }
        }
    }

    async fn heard(&self, change: Change) {
        match change {
            Change::Record(scope, record) => {
                if let Some(guarded) = self.one(&scope) {
                    guarded.adopt(&record);
                }
            }
            Change::Failures(scope, failures) => {
                if let Some(guarded) = self.one(&scope) {
                    guarded.counted(failures);
                }
            }
            Change::Gap => self.look(|_| true).await,
        }
    }

    /// Asks for what others know of breakers.
    async fn look(&self, at: impl Fn(&Guarded) -> bool) {
        for guarded in self.board.all().into_iter().filter(|guarded| at(guarded)) {
            let Ok(found) = self.replicas.look(&guarded.scope()).await else {
                return;
            };
            let known = guarded.machine().sharing.epoch;
            match found {
                Some(record) if record.epoch >= known => guarded.adopt(&record),
                Some(_) | None => guarded.machine().is_forgotten(),
            }
        }
    }

    /// Tells all that is to be told. What cannot be told now is told at the next round.
    async fn tell(&self) {
        self.look(|guarded| !guarded.machine().sharing.is_known).await;
        for guarded in self.board.all() {
            if self.tell_of(&guarded).await.is_none() {
                return;
            }
        }
    }

    /// `None` when nobody can be told.
    async fn tell_of(&self, guarded: &Guarded) -> Option<()> {
        if !self.replicas.is_reachable() {
            return None;
        }
        let failures = guarded.machine().uncounted();
        if let Some(failures) = failures {
            let together = self.replicas.count(&guarded.scope(), failures).await.ok()?;
            guarded.counted(together);
        }
        let untold = guarded.machine().untold(guarded.clock.now());
        if let Some((record, revision, over)) = untold {
            match self.replicas.tell(&guarded.scope(), &record, over).await.ok()? {
                Answer::Taken(epoch) => guarded.machine().was_told(revision, epoch),
                Answer::Refused(newer) => guarded.adopt(&newer),
            }
        }
        Some(())
    }

    fn one(&self, scope: &str) -> Option<Arc<Guarded>> {
        self.board.all().into_iter().find(|guarded| guarded.scope() == scope)
    }
}
