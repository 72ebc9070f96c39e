//! Words between the replicas of one installation, for speed only: whoever listens must be right without them.
//!
//! [`Channel::publish`] tells every replica that listens, the one that publishes included, and never waits. What cannot be
//! told at once (nobody can be reached, too much at a time) is dropped and counted. [`Channel::listen`] hears every topic
//! from then on; a listener that lags behind, and one whose connection was lost for a while, is told so by [`Heard::Gap`]
//! and has to look at what it follows by itself. [`Alone`] is the channel of a process without replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::broadcast;
use uuid::Uuid;

/// What a listener may lag behind by.
const KEPT: usize = 1024;
/// A longer message is dropped.
pub const LONGEST: usize = 1024 * 1024;

/// Tells replicas of each other.
pub trait Channel: Send + Sync {
    /// The id of this replica, by which it knows its own messages again.
    fn instance(&self) -> Uuid;

    /// `topic` is a short name of letters, digits, `-` and `.`.
    fn publish(&self, topic: &str, bytes: Bytes);

    fn listen(&self) -> Listener;

    /// Messages of this replica that were dropped since it began.
    fn dropped(&self) -> u64;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The replica that published it.
    pub from: Uuid,
    pub topic: Arc<str>,
    pub bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Message(Message),
    /// Messages may have been missed.
    Gap,
}

/// One listener. Messages of one replica come in the order in which it published them.
pub struct Listener(broadcast::Receiver<Heard>);

impl Listener {
    /// `None` when the channel is gone. It may be dropped while it waits.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(heard) => Some(heard),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Heard::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The listeners of one replica, for whoever implements [`Channel`].
#[derive(Clone)]
pub struct Listeners(broadcast::Sender<Heard>);

impl Default for Listeners {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Listeners {
    pub fn add(&self) -> Listener {
        Listener(self.0.subscribe())
    }

    pub fn tell(&self, heard: Heard) {
        // Nobody listening is fine.
        drop(self.0.send(heard));
    }
}

/// A process that has no replicas hears itself.
pub struct Alone {
    instance: Uuid,
    listeners: Listeners,
    dropped: AtomicU64,
}

impl Alone {
    pub fn new(instance: Uuid) -> Self {
        Self {
            instance,
            listeners: Listeners::default(),
            dropped: AtomicU64::new(0),
        }
    }
}

impl Channel for Alone {
    fn instance(&self) -> Uuid {
        self.instance
    }

    fn publish(&self, topic: &str, bytes: Bytes) {
        if bytes.len() > LONGEST {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.listeners.tell(Heard::Message(Message {
            from: self.instance,
            topic: topic.into(),
            bytes,
        }));
    }

    fn listen(&self) -> Listener {
        self.listeners.add()
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
