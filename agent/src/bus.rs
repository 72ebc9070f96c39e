//! Everything that happens, to everyone who watches: numbered, kept for a while, resumable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::output_gate::OutputGate;
use crate::view::Happening;

/// Events kept for clients that reconnect. A turn has some hundred; 8 MiB hold several.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// What a kept event takes beside its JSON: its place in the list, its counters, what the allocator adds.
const KEPT_BESIDE: usize = 64;
/// How far a slow client may fall behind before it has to fetch everything anew.
const LIVE_EVENTS: usize = 4096;

/// Where a client has got to: `EPOCH-SEQ`. The epoch is one life of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub epoch: String,
    pub seq: u64,
}

impl Position {
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.rsplit_once('-')?;
        Some(Self {
            epoch: epoch.to_owned(),
            seq: seq.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.epoch, self.seq)
    }
}

/// An event as it was published, with its JSON made once for all watchers.
#[derive(Debug)]
pub struct Published {
    pub seq: u64,
    pub happening: Happening,
    pub json: Arc<str>,
}

/// What a watcher gets: what it missed, then what comes.
pub struct Subscription {
    pub epoch: String,
    /// The gap cannot be filled: the client has to fetch what it shows.
    pub reload: bool,
    /// Numbers and JSON.
    pub missed: Vec<(u64, Arc<str>)>,
    pub live: broadcast::Receiver<Arc<Published>>,
}

pub struct Bus {
    epoch: String,
    /// For what nobody looked through before: cards, targets, what a user pasted.
    gate: Arc<OutputGate>,
    live: broadcast::Sender<Arc<Published>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<(u64, Arc<str>)>,
    bytes: usize,
    last_seq: u64,
}

impl Bus {
    pub(crate) fn new(gate: Arc<OutputGate>) -> Self {
        let epoch = uuid::Uuid::now_v7().simple().to_string();
        Self {
            epoch,
            gate,
            live: broadcast::channel(LIVE_EVENTS).0,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn publish(&self, happening: Happening) {
        let json: Arc<str> = self.gate.hide(&happening.to_json()).into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last_seq += 1;
        let seq = kept.last_seq;
        kept.bytes += json.len() + KEPT_BESIDE;
        kept.events.push_back((seq, Arc::clone(&json)));
        while kept.bytes > KEPT_BYTES {
            let Some((_, oldest)) = kept.events.pop_front() else {
                break;
            };
            kept.bytes -= oldest.len() + KEPT_BESIDE;
        }
        let published = Published { seq, happening, json };
        // Sent under the lock, so that the order of the channel is the order of the numbers. No watcher is no error.
        drop(self.live.send(Arc::new(published)));
    }

    /// Starts to watch, after `after` when the client was here before.
    pub(crate) fn subscribe(&self, after: Option<&Position>) -> Subscription {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.live.subscribe();
        let mut missed = Vec::new();
        let mut reload = false;
        if let Some(after) = after {
            let oldest = kept.events.front().map_or(kept.last_seq + 1, |(seq, _)| *seq);
            reload = after.epoch != self.epoch || after.seq < oldest - 1 || after.seq > kept.last_seq;
            if !reload {
                missed = kept
                    .events
                    .iter()
                    .filter(|(seq, _)| *seq > after.seq)
                    .cloned()
                    .collect();
            }
        }
        Subscription {
            epoch: self.epoch.clone(),
            reload,
            missed,
            live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(text: &str) -> Happening {
        Happening::Delta {
            conversation_id: "c".into(),
            run_id: "r".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_reconnecting_client_gets_what_it_missed_and_nothing_twice() {
        let bus = Bus::new(Arc::default());
        for text in ["a", "b", "c"] {
            bus.publish(delta(text));
        }
        let seqs = |after: Option<Position>| {
            let subscription = bus.subscribe(after.as_ref());
            (
                subscription.reload,
                subscription.missed.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
            )
        };
        let at = |seq| {
            Some(Position {
                epoch: bus.epoch.clone(),
                seq,
            })
        };
        assert_eq!(seqs(None), (false, vec![]));
        assert_eq!(seqs(at(1)), (false, vec![2, 3]));
        assert_eq!(seqs(at(3)), (false, vec![]));
        assert_eq!(seqs(at(9)), (true, vec![]));
        assert_eq!(seqs(at(u64::MAX)), (true, vec![]));
        assert_eq!(
            seqs(Some(Position {
                epoch: "other".into(),
                seq: 1
            })),
            (true, vec![])
        );
    }

    #[test]
    fn a_gap_that_is_gone_asks_for_a_reload() {
        let bus = Bus::new(Arc::default());
        let long = "x".repeat(KEPT_BYTES / 3);
        for _ in 0..5 {
            bus.publish(delta(&long));
        }
        assert!(
            bus.subscribe(Some(&Position {
                epoch: bus.epoch.clone(),
                seq: 1
            }))
            .reload
        );
        assert!(
            !bus.subscribe(Some(&Position {
                epoch: bus.epoch.clone(),
                seq: 4
            }))
            .reload
        );
    }

    /// What is small is not free, and of a conversation in short words there is much.
    #[test]
    fn small_events_count_for_what_they_take() {
        let bus = Bus::new(Arc::default());
        for _ in 0..KEPT_BYTES / 64 {
            bus.publish(delta("x"));
        }
        let kept = bus.kept.lock().unwrap();
        let per_event = delta("x").to_json().len() + size_of::<(u64, Arc<str>)>() + 2 * size_of::<usize>();
        assert!(
            kept.events.len() * per_event <= KEPT_BYTES,
            "{} events",
            kept.events.len()
        );
    }

    #[test]
    fn a_position_survives_its_text() {
        let position = Position {
            epoch: "0199-ab".into(),
            seq: 7,
        };
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        assert_eq!(Position::parse("no"), None);
        assert_eq!(Position::parse("a-x"), None);
    }
}
