use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::control::{State, lock};

/// How many requests are remembered.
const ENTRIES: usize = 2000;

/// One request, as `GET /log` tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Milliseconds since the stand-in started.
    pub ms: u64,
    /// Which connection it came on, counted from 0.
    pub connection: u64,
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    /// As JSON, or as a string when it is none.
    pub body: Value,
    /// `answered` when the whole answer was handed over, `left` when the client went away before; not there while it
    /// is being answered.
    pub end: Option<&'static str>,
    /// When that was.
    pub end_ms: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The number of the first entry in `entries`.
    first: u64,
    entries: VecDeque<Raw>,
}

/// An entry whose body was not looked into, so that keeping it costs next to nothing.
#[derive(Debug)]
struct Raw {
    at: Instant,
    connection: u64,
    method: http::Method,
    path: String,
    authorization: Option<String>,
    body: Bytes,
    end: Option<(&'static str, Instant)>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            kept: Mutex::default(),
        }
    }
}

impl Log {
    pub(crate) fn clear(&self) {
        let mut kept = lock(&self.kept);
        kept.first += kept.entries.len() as u64;
        kept.entries.clear();
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let since_start = |at: Instant| u64::try_from((at - self.started).as_millis()).unwrap_or(u64::MAX);
        let kept = lock(&self.kept);
        let entries = kept.entries.iter().map(|raw| Entry {
            ms: since_start(raw.at),
            connection: raw.connection,
            method: raw.method.to_string(),
            path: raw.path.clone(),
            authorization: raw.authorization.clone(),
            body: serde_json::from_slice(&raw.body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&raw.body).into_owned().into()),
            end: raw.end.map(|(end, _)| end),
            end_ms: raw.end.map(|(_, at)| since_start(at)),
        });
        entries.collect()
    }

    fn end(&self, number: u64, end: &'static str) {
        let mut kept = lock(&self.kept);
        let at = number.checked_sub(kept.first).and_then(|at| usize::try_from(at).ok());
        if let Some(raw) = at.and_then(|at| kept.entries.get_mut(at)) {
            raw.end = Some((end, Instant::now()));
        }
    }
}

/// A request that is being answered. Dropped without [`Watch::answered`], it says that the client left.
#[derive(Debug)]
pub(crate) struct Watch {
    state: Arc<State>,
    number: u64,
    answered: bool,
}

impl Watch {
    pub(crate) fn new(state: &Arc<State>, connection: u64, head: &http::request::Parts, body: &Bytes) -> Self {
        let authorization = head.headers.get(http::header::AUTHORIZATION);
        let raw = Raw {
            at: Instant::now(),
            connection,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            authorization: authorization.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: body.clone(),
            end: None,
        };
        let mut kept = lock(&state.log.kept);
        if kept.entries.len() == ENTRIES {
            kept.entries.pop_front();
            kept.first += 1;
        }
        kept.entries.push_back(raw);
        let number = kept.first + kept.entries.len() as u64 - 1;
        drop(kept);
        Self {
            state: Arc::clone(state),
            number,
            answered: false,
        }
    }

    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let end = if self.answered { "answered" } else { "left" };
        self.state.log.end(self.number, end);
    }
}
