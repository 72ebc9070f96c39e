//! Counts what a model is asked, and keeps the last of it.

use std::sync::{Arc, Mutex, PoisonError};

use jarvis_gateway::provider::{Call, Events, Provider};

use crate::player::shown;

pub(crate) struct Recorder {
    chain: Arc<dyn Provider>,
    seen: Mutex<(usize, String)>,
}

impl Recorder {
    pub(crate) fn new(chain: Arc<dyn Provider>) -> Self {
        Self {
            chain,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// The messages of the last request, as text.
    pub(crate) fn read_last(&self) -> String {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

impl Provider for Recorder {
    fn stream(&self, call: Call) -> Events {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0 += 1;
            seen.1 = shown(&call.request);
        }
        self.chain.stream(call)
    }
}
