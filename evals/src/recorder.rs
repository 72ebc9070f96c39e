//! Counts what a model is asked, and keeps what is wanted of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use jarvis_gateway::provider::{Call, Class, Events, Provider};

use crate::hostile::stands_in;
use crate::player::shown;

pub(crate) struct Recorder {
    chain: Arc<dyn Provider>,
    attack: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    /// The messages of the last request, as text.
    pub(crate) last: String,
    /// The attack stood in a request.
    pub(crate) attack: bool,
    /// Why a request got no answer, the last one that got none.
    pub(crate) unanswered: Option<String>,
}

impl Recorder {
    pub(crate) fn new(chain: Arc<dyn Provider>, attack: &str) -> Self {
        Self {
            chain,
            attack: attack.to_owned(),
            seen: Arc::default(),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider for Recorder {
    fn stream(&self, call: Call) -> Events {
        {
            let mut seen = lock(&self.seen);
            seen.requests += 1;
            seen.last = shown(&call.request);
            seen.attack |= stands_in(&self.attack, &seen.last);
        }
        let seen = Arc::clone(&self.seen);
        let events = self.chain.stream(call).inspect(move |event| {
            // A request that is too long is shortened and asked again.
            if let Err(error) = event
                && error.class != Class::ContextLength
            {
                lock(&seen).unanswered = Some(error.message.clone());
            }
        });
        Box::pin(events)
    }
}
