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
use crate::turn::{Brought, Outcome};
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
    pub(crate) brought: Brought,
}

/// The running conversations.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    open: Arc<Mutex<HashMap<String, Session>>>,
}

struct Session {
    queue: mpsc::Sender<Inbound>,
    /// One for each message that waits or runs, and who wrote it.
    stops: Vec<(String, CancellationToken)>,
}

/// A place in the queue of one conversation. Dropping it gives it back.
pub(crate) struct Place {
    permit: mpsc::OwnedPermit<Inbound>,
    sessions: Sessions,
}

impl Place {
    /// Hands the message to its conversation's task.
    pub(crate) fn fill(self, inbound: Inbound) {
        let mut open = self.sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(&inbound.message.conversation_id) {
            session.stops.retain(|(_, stop)| !stop.is_cancelled());
            session
                .stops
                .push((inbound.principal.person_id.clone(), inbound.stop.clone()));
        }
        // When the process is going down nobody takes it any more: its run is a row, and the next start tells of it.
        self.permit.send(inbound);
    }
}

impl Sessions {
    /// Takes a place in a conversation's queue, before anything is stored: what is stored will be answered.
    pub(crate) fn reserve(&self, parts: &Parts, conversation_id: &str) -> Result<Place, Error> {
        if parts.tasks.stopping().is_cancelled() {
            return Err(Error::Stopping);
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.entry(conversation_id.to_owned()).or_insert_with(|| {
            let (queue, inbox) = mpsc::channel(WAITING);
            let serving = self.clone().serve(parts.clone(), conversation_id.to_owned(), inbox);
            parts.tasks.spawn("conversation", serving);
            Session {
                queue,
                stops: Vec::new(),
            }
        });
        let permit = session.queue.clone().try_reserve_owned().map_err(|_| Error::Busy)?;
        let sessions = self.clone();
        Ok(Place { permit, sessions })
    }

    /// Stops the running turn and those that wait. Returns whether there were any.
    pub(crate) fn cancel(&self, conversation_id: &str) -> bool {
        self.cancel_those(conversation_id, |_| true)
    }

    /// Stops what this person asked for, and leaves what others did.
    pub(crate) fn cancel_of(&self, conversation_id: &str, person_id: &str) -> bool {
        self.cancel_those(conversation_id, |author| author == person_id)
    }

    fn cancel_those(&self, conversation_id: &str, fits: impl Fn(&str) -> bool) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = open.get_mut(conversation_id) else {
            return false;
        };
        let mut any = false;
        for (_, stop) in session.stops.extract_if(.., |(author, _)| fits(author)) {
            stop.cancel();
            any = true;
        }
        any
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
                    // Checked under the lock that `reserve` takes, so that no message falls between. A place that is
                    // taken counts, though its message has not come yet.
                    let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                    let all_free = |session: &Session| session.queue.capacity() == WAITING;
                    if open.get(&conversation_id).is_none_or(all_free) {
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
            session.stops.retain(|(_, stop)| !stop.is_cancelled());
        }
    }
}
