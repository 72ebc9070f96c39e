//! One task per conversation puts its turns in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jarvis_memory::records::{Message, Run};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::context;
use crate::error::Error;
use crate::guard::guarded;
use crate::instances;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::schedule::Errand;
use crate::turn::{Brought, More, Outcome};
use crate::watch::Watch;

/// Messages that may wait in one conversation while a turn runs.
const WAITING: usize = 16;
/// Those, and the one whose turn runs.
const PLACES: usize = WAITING + 1;
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
    /// What its author writes while its turn runs. Made when the turn begins.
    pub(crate) steer: Option<mpsc::Receiver<More>>,
    /// Set when nobody asks just now, but somebody did earlier.
    pub(crate) errand: Option<Errand>,
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
    queue: mpsc::Sender<Placed>,
    /// Free places. A message has its own until it is answered.
    places: Arc<Semaphore>,
    /// One for each message that waits or runs.
    stops: Vec<Stop>,
    /// Who is answered just now, unless that is a program.
    author: Option<Principal>,
}

/// How a message is stopped.
struct Stop {
    person_id: String,
    run_id: String,
    token: CancellationToken,
}

/// A message that has its place.
struct Placed {
    inbound: Inbound,
    _counted: OwnedSemaphorePermit,
}

/// A place in the queue of one conversation. Dropping it gives it back.
pub(crate) struct Place {
    permit: mpsc::OwnedPermit<Placed>,
    counted: OwnedSemaphorePermit,
    sessions: Sessions,
}

impl Place {
    /// Hands the message to its conversation's task.
    pub(crate) fn fill(self, inbound: Inbound) {
        let mut open = self.sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(&inbound.message.conversation_id) {
            session.stops.retain(|stop| !stop.token.is_cancelled());
            session.stops.push(Stop {
                person_id: inbound.principal.person_id.clone(),
                run_id: inbound.run.id.clone(),
                token: inbound.stop.clone(),
            });
        }
        // When the process is going down nobody takes it any more: its run is a row, and the next start tells of it.
        self.permit.send(Placed {
            inbound,
            _counted: self.counted,
        });
    }
}

impl Sessions {
    /// Takes a place in a conversation's queue, before anything is stored: what is stored will be answered.
    pub(crate) fn reserve(&self, parts: &Parts, conversation_id: &str) -> Result<Place, Error> {
        if parts.tasks.stopping().is_cancelled() {
            return Err(Error::Stopping);
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Its task was ended by a fault.
        open.retain(|id, session| id != conversation_id || !session.queue.is_closed());
        let session = open.entry(conversation_id.to_owned()).or_insert_with(|| {
            let (queue, inbox) = mpsc::channel(PLACES);
            let serving = self.clone().serve(parts.clone(), conversation_id.to_owned(), inbox);
            parts.tasks.spawn("conversation", serving);
            Session {
                queue,
                places: Arc::new(Semaphore::new(PLACES)),
                stops: Vec::new(),
                author: None,
            }
        });
        let counted = Arc::clone(&session.places)
            .try_acquire_owned()
            .map_err(|_| Error::Busy)?;
        let permit = session.queue.clone().try_reserve_owned().map_err(|_| Error::Busy)?;
        let sessions = self.clone();
        Ok(Place {
            permit,
            counted,
            sessions,
        })
    }

    /// Stops the running turn and those that wait. Returns whether there were any.
    pub(crate) fn cancel(&self, conversation_id: &str) -> bool {
        self.cancel_those(conversation_id, |_| true)
    }

    /// Stops what this person asked for, and leaves what others did.
    pub(crate) fn cancel_of(&self, conversation_id: &str, person_id: &str) -> bool {
        self.cancel_those(conversation_id, |stop| stop.person_id == person_id)
    }

    /// Stops one turn, or what waits for one.
    pub(crate) fn cancel_run(&self, run_id: &str) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = open.values().flat_map(|session| &session.stops);
        for stop in stops.filter(|stop| stop.run_id == run_id) {
            stop.token.cancel();
        }
    }

    /// Stops all turns and all that wait, everywhere in this process.
    pub(crate) fn cancel_everything(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stop in open.values().flat_map(|session| &session.stops) {
            stop.token.cancel();
        }
    }

    /// No turn runs and none waits.
    pub(crate) fn are_quiet(&self) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().all(|session| session.stops.is_empty())
    }

    /// Whose turn runs in the conversation: what they write meanwhile joins it.
    pub(crate) fn author(&self, conversation_id: &str) -> Option<Principal> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(conversation_id)?.author.clone()
    }

    fn answers(&self, conversation_id: &str, author: Option<Principal>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(conversation_id) {
            session.author = author;
        }
    }

    fn cancel_those(&self, conversation_id: &str, fits: impl Fn(&Stop) -> bool) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = open.get_mut(conversation_id) else {
            return false;
        };
        let mut any = false;
        for stop in session.stops.extract_if(.., |stop| fits(stop)) {
            stop.token.cancel();
            any = true;
        }
        any
    }

    async fn serve(self, parts: Parts, conversation_id: String, mut inbox: mpsc::Receiver<Placed>) {
        let mut waiting = VecDeque::new();
        loop {
            let stopping = parts.tasks.stopping().clone();
            let next = tokio::select! {
                biased;
                // Messages that still wait keep their run rows; the next start tells their conversations.
                () = stopping.cancelled() => return,
                Some(next) = std::future::ready(waiting.pop_front()) => Ok(Some(next)),
                next = tokio::time::timeout(IDLE, inbox.recv()) => next,
            };
            match next {
                Ok(Some(placed)) if placed.inbound.run.waits && !instances::comes(&parts, &placed.inbound).await => {
                    self.forget(&conversation_id, &placed.inbound.stop);
                }
                Ok(Some(placed)) => Box::pin(self.serve_one(&parts, placed, &mut inbox, &mut waiting)).await,
                Ok(None) => return,
                Err(_) => {
                    // Checked under the lock that `reserve` takes, so that no message falls between. A place that is
                    // taken counts, though its message has not come yet.
                    let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                    let all_free = |session: &Session| session.places.available_permits() == PLACES;
                    if open.get(&conversation_id).is_none_or(all_free) {
                        open.remove(&conversation_id);
                        return;
                    }
                }
            }
        }
    }

    /// Runs one turn. What its author writes meanwhile joins it; what others write waits.
    async fn serve_one(
        &self,
        parts: &Parts,
        Placed { mut inbound, _counted }: Placed,
        inbox: &mut mpsc::Receiver<Placed>,
        waiting: &mut VecDeque<Placed>,
    ) {
        let (done, run) = (inbound.stop.clone(), inbound.run.clone());
        // An API request is one message and one answer.
        let author = inbound.api.is_none().then(|| inbound.principal.clone());
        self.answers(&run.conversation_id, author.clone());
        let (more, steer) = mpsc::channel(PLACES);
        inbound.steer = Some(steer);
        let mut joined: VecDeque<Placed> = VecDeque::new();
        // A fault in one turn must not leave the conversation without its task.
        let mut turn = std::pin::pin!(guarded(answer::answer(parts, inbound)));
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut turn => break ended,
                Some(next) = inbox.recv() => {
                    let joins = next.inbound.api.is_none()
                        && !next.inbound.stop.is_cancelled()
                        && author.as_ref().is_some_and(|author| is_same(author, &next.inbound.principal));
                    let written = || More {
                        words: next.inbound.message.text.clone(),
                        shown: context::said(parts, &next.inbound.principal, &next.inbound.message),
                    };
                    if joins && more.try_send(written()).is_ok() {
                        joined.push_back(next);
                    } else {
                        waiting.push_back(next);
                    }
                }
            }
        };
        self.answers(&run.conversation_id, None);
        if ended.is_none() {
            tracing::error!(
                run.id = run.id,
                "a turn broke off by a fault; the next start tells its conversation"
            );
        }
        if let Some(ended) = ended.flatten() {
            let answered: Vec<Placed> = joined.drain(..ended.taken().min(joined.len())).collect();
            let runs = answered.iter().map(|placed| placed.inbound.run.clone()).collect();
            answer::end(parts, ended, runs).await;
            for placed in &answered {
                self.forget(&run.conversation_id, &placed.inbound.stop);
            }
        }
        self.forget(&run.conversation_id, &done);
        // The turn was over before a model was shown these.
        while let Some(next) = joined.pop_back() {
            waiting.push_front(next);
        }
    }

    /// A turn that is over can no longer be stopped: its token is cancelled, which is how it is told apart.
    fn forget(&self, conversation_id: &str, done: &CancellationToken) {
        done.cancel();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(conversation_id) {
            session.stops.retain(|stop| !stop.token.is_cancelled());
        }
    }
}

/// The same person with the same rights, wherever they write from.
fn is_same(one: &Principal, other: &Principal) -> bool {
    one.person_id == other.person_id && one.trust == other.trust
}
