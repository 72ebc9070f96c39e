//! One task per conversation puts its turns in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jarvis_memory::records::{Message, Run};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::error::Error;
use crate::guard::guarded;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::turn::Outcome;
use crate::watch::Watch;

/// Messages that may wait in one conversation while a turn runs.
const WAITING: usize = 16;
/// A conversation's task ends after this long without a message; the next message starts another.
const IDLE: Duration = Duration::from_mins(5);

/// A message on its way to its turn. Message and run are rows already.
pub(crate) struct Inbound {
    pub(crate) principal: Principal,
    pub(crate) message: Message,
    pub(crate) run: Run,
    pub(crate) stop: CancellationToken,
    /// The API request that waits for the answer, if one does. Without it everybody who watches is told.
    pub(crate) api: Option<Api>,
}

pub(crate) struct Api {
    pub(crate) watch: Watch,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// The running conversations.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    open: Arc<Mutex<HashMap<String, Session>>>,
}

struct Session {
    queue: mpsc::Sender<Inbound>,
    /// One for each message that waits or runs.
    stops: Vec<CancellationToken>,
}

impl Sessions {
    /// Refuses early when the conversation's queue is full, before anything is stored.
    pub(crate) fn has_room(&self, conversation_id: &str) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(conversation_id)
            .is_none_or(|session| session.queue.capacity() > 0)
    }

    /// Hands a message to its conversation's task.
    pub(crate) fn push(&self, parts: &Parts, inbound: Inbound) -> Result<(), Error> {
        if parts.tasks.stopping().is_cancelled() {
            return Err(Error::Stopping);
        }
        let id = inbound.message.conversation_id.clone();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.entry(id.clone()).or_insert_with(|| {
            let (queue, inbox) = mpsc::channel(WAITING);
            parts
                .tasks
                .spawn("conversation", self.clone().serve(parts.clone(), id, inbox));
            Session {
                queue,
                stops: Vec::new(),
            }
        });
        session.stops.retain(|stop| !stop.is_cancelled());
        session.stops.push(inbound.stop.clone());
        session.queue.try_send(inbound).map_err(|_| Error::Busy)
    }

    /// Stops the running turn and those that wait. Returns whether there were any.
    pub(crate) fn cancel(&self, conversation_id: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = open.get_mut(conversation_id) else {
            return false;
        };
        let stops = std::mem::take(&mut session.stops);
        for stop in &stops {
            stop.cancel();
        }
        !stops.is_empty()
    }

    async fn serve(self, parts: Parts, conversation_id: String, mut inbox: mpsc::Receiver<Inbound>) {
        loop {
            let stopping = parts.tasks.stopping().clone();
            let next = tokio::select! {
                next = tokio::time::timeout(IDLE, inbox.recv()) => next,
                // Messages that still wait keep their run rows; the next start tells their conversations.
                () = stopping.cancelled() => return,
            };
            match next {
                Ok(Some(inbound)) => {
                    let (done, run_id) = (inbound.stop.clone(), inbound.run.id.clone());
                    // A fault in one turn must not leave the conversation without its task.
                    if guarded(answer::answer(&parts, inbound)).await.is_none() {
                        tracing::error!(
                            run.id = run_id,
                            "a turn broke off by a fault; the next start tells its conversation"
                        );
                    }
                    self.forget(&conversation_id, &done);
                }
                Ok(None) => return,
                Err(_) => {
                    // Checked under the lock that `push` takes, so that no message falls between.
                    let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                    if inbox.is_empty() {
                        open.remove(&conversation_id);
                        return;
                    }
                }
            }
        }
    }

    /// A turn that is over can no longer be stopped: its token is cancelled, which is how it is told apart.
    fn forget(&self, conversation_id: &str, done: &CancellationToken) {
        done.cancel();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(conversation_id) {
            session.stops.retain(|stop| !stop.is_cancelled());
        }
    }
}
