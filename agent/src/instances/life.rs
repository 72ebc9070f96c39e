//! The life of this instance beside others.

use std::time::Duration;

use jarvis_memory::Others;
use tokio::time::Instant;

use super::elsewhere;
use super::watcher::Watcher;
use crate::agent::Agent;
use crate::parts::Parts;
use crate::recovery;

/// How often it says that it lives, and looks at others.
const BEAT: Duration = Duration::from_secs(2);
/// How often it looks at what others have for it.
const LOOK: Duration = Duration::from_secs(1);
/// Looks until what the dead have left is looked for without a sign of them, and at the first: an instance may have come and
/// gone unseen.
const LOOKS: u32 = 15;
/// How soon it notices that everything else has ended.
const ENDED: Duration = Duration::from_millis(20);

/// Begins to write as an instance of its own. What the former instance of its name left is everybody's then, or, where
/// there can be no others, what all have left.
pub(crate) async fn begin(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    let (name, others) = match &parts.shared {
        Some(name) => (&**name, Others::GoneOfThisName),
        None => ("alone", Others::Gone),
    };
    parts.store.join(&parts.fresh_id(), name, others, parts.now()).await
}

/// Lives beside others until everything else in this process has ended, and then leaves them.
pub(crate) fn live(agent: &Agent) {
    let parts = agent.parts().clone();
    if parts.shared.is_none() {
        return;
    }
    let tasks = parts.tasks.clone();
    let looking = parts.clone();
    tasks.spawn("other instances", async move {
        let stopping = looking.tasks.stopping().clone();
        while tokio::time::timeout(LOOK, stopping.cancelled()).await.is_err() {
            elsewhere::look(&looking).await;
        }
    });
    tasks.spawn("instance", async move {
        let mut life = Life {
            watcher: Watcher::default(),
            looks: LOOKS,
            is_down: false,
        };
        let stopping = parts.tasks.stopping().clone();
        while tokio::time::timeout(BEAT, stopping.cancelled()).await.is_err() {
            life.beat(&parts).await;
        }
        // What runs is finished as this instance, so others must not take it for dead meanwhile.
        let mut beat_at = Instant::now();
        while parts.tasks.running() > 1 {
            tokio::time::sleep(ENDED).await;
            if beat_at.elapsed() >= BEAT {
                beat_at = Instant::now();
                drop(parts.store.beat().await);
            }
        }
        if let Err(error) = parts.store.leave().await {
            tracing::warn!(%error, "other instances notice in a while that this one has ended");
        }
    });
}

struct Life {
    watcher: Watcher,
    looks: u32,
    is_down: bool,
}

impl Life {
    async fn beat(&mut self, parts: &Parts) {
        match self.beat_and_look(parts).await {
            Ok(()) => self.is_down = false,
            Err(error) if !self.is_down => {
                self.is_down = true;
                tracing::warn!(%error, "this instance cannot say that it lives; others may take over what it does");
            }
            Err(_) => {}
        }
    }

    async fn beat_and_look(&mut self, parts: &Parts) -> Result<(), jarvis_memory::Error> {
        if !parts.store.beat().await? {
            tracing::error!(
                instance.id = &*parts.store.me(),
                "another instance took this one for dead: its turns are ended here and it begins anew"
            );
            // Whatever they would still write is refused: the rows are of the id that is dead.
            parts.sessions.cancel_everything();
            begin(parts).await?;
            self.looks = LOOKS;
        }
        let beats = parts.store.instances().await?;
        let found = self.watcher.look(&parts.store.me(), beats, Instant::now());
        let mut left = found.any_gone;
        for still in &found.still {
            if parts.store.declare_dead(still).await? {
                tracing::warn!(
                    instance.id = still.id,
                    "an instance gives no sign of life; what it was doing is taken over"
                );
                left = true;
            }
        }
        self.looks += 1;
        if left || self.looks >= LOOKS {
            // Set back when it is done, so that what failed is tried at the next look.
            self.looks = LOOKS;
            recovery::recover(parts).await?;
            self.looks = 0;
        }
        Ok(())
    }
}
