//! An answer that is passed on as it comes.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderValue;

use super::events::Events;
use crate::chat::Usage;
use crate::provider::Error;
use crate::upstream::Response;
use crate::usage::Pieces;

/// What the answer says of itself before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub media_type: HeaderValue,
    /// The name that the server gives to what it made.
    pub disposition: Option<HeaderValue>,
    /// Server-sent events, in which an error can be told; in anything else only a broken connection can.
    pub is_events: bool,
}

/// An answer that has begun: the beginning that was looked at, and the rest as the server sends it.
#[derive(Debug)]
pub struct Reply {
    pub head: Head,
    held: VecDeque<Bytes>,
    /// `None` when all of it is in `held`.
    rest: Option<Response>,
    events: Option<Events>,
    usage: Option<Usage>,
    made: Pieces,
}

impl Reply {
    /// An answer that is here to its end.
    pub fn whole(head: Head, held: Vec<Bytes>, usage: Option<Usage>, made: Pieces) -> Self {
        Self {
            head,
            held: held.into(),
            rest: None,
            events: None,
            usage,
            made,
        }
    }

    /// An answer of which the beginning is here.
    pub fn begun(head: Head, held: Vec<Bytes>, rest: Response) -> Self {
        let mut events = head.is_events.then(Events::default);
        if let Some(events) = &mut events {
            for bytes in &held {
                events.push(bytes);
            }
        }
        Self {
            head,
            held: held.into(),
            rest: Some(rest),
            events,
            usage: None,
            made: Pieces::default(),
        }
    }

    /// Whether nothing more will come from the server.
    pub fn is_whole(&self) -> bool {
        self.rest.is_none()
    }

    /// The next piece. A stream that ends before it said that it is over was cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(held) = self.held.pop_front() {
            return Ok(Some(held));
        }
        let Some(rest) = &mut self.rest else {
            return Ok(None);
        };
        let chunk = rest.chunk().await?;
        match (&chunk, &mut self.events) {
            (Some(bytes), Some(events)) => events.push(bytes),
            (None, Some(events)) => {
                self.usage = events.end()?;
                self.rest = None;
            }
            (None, None) => self.rest = None,
            (Some(_), None) => {}
        }
        Ok(chunk)
    }

    /// What the server says that it used; known at the end.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What was made beside tokens, where the server says so before the end.
    pub fn made(&self) -> Pieces {
        self.made
    }
}
