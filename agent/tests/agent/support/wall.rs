//! A platform: what was shown in its rooms, and how it takes the next message.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jarvis_agent::platform::{Adapter, Caps, Delivered, Outgoing, RoomId, SendError};
use tokio::sync::Semaphore;

/// How the platform takes a message.
#[derive(Debug, Clone)]
pub(crate) enum Takes {
    Refuses,
    Later,
    /// Shows it, and the connection breaks before it says so.
    BreaksAfter,
    /// Shows nothing, and the connection breaks.
    BreaksBefore,
    Panics,
    /// Shows it and never answers.
    Hangs,
}

#[derive(Debug, Default)]
struct State {
    /// `room: text`, as it stands now.
    shown: Vec<(String, Outgoing)>,
    next: VecDeque<Takes>,
    sends: usize,
}

/// Clones are the same platform, so that it survives an agent.
#[derive(Clone)]
pub(crate) struct Wall {
    state: Arc<Mutex<State>>,
    knows_repeats: bool,
    never: Arc<Semaphore>,
}

impl Wall {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::default(),
            knows_repeats: false,
            never: Arc::new(Semaphore::new(0)),
        }
    }

    pub(crate) fn knowing_repeats() -> Self {
        Self {
            knows_repeats: true,
            ..Self::new()
        }
    }

    pub(crate) fn adapter(&self) -> Arc<dyn Adapter> {
        Arc::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next(&self, takes: impl IntoIterator<Item = Takes>) {
        self.state().next.extend(takes);
    }

    /// What its rooms show, one line each: `room: text`.
    pub(crate) fn shows(&self) -> Vec<String> {
        let state = self.state();
        let line = |(room, what): &(String, Outgoing)| format!("{room}: {}", what.text);
        state.shown.iter().map(line).collect()
    }

    /// The buttons that are shown: `Approve: approve K7QX`.
    pub(crate) fn buttons(&self) -> Vec<String> {
        let state = self.state();
        let buttons = state.shown.iter().flat_map(|(_, what)| &what.buttons);
        buttons
            .map(|button| format!("{}: {}", button.label, button.says))
            .collect()
    }

    pub(crate) fn sends(&self) -> usize {
        self.state().sends
    }
}

#[async_trait]
impl Adapter for Wall {
    fn platform(&self) -> &'static str {
        "wall"
    }

    fn caps(&self) -> Caps {
        Caps {
            max_chars: 2_000,
            edits: true,
            buttons: true,
            knows_repeats: self.knows_repeats,
        }
    }

    async fn send(&self, room: &RoomId, what: &Outgoing) -> Result<Delivered, SendError> {
        let takes = {
            let mut state = self.state();
            state.sends += 1;
            state.next.pop_front()
        };
        let show = || {
            let mut state = self.state();
            let known = state.shown.iter().position(|(_, shown)| shown.key == what.key);
            let at = known.filter(|_| self.knows_repeats).unwrap_or(state.shown.len());
            if at == state.shown.len() {
                state.shown.push((room.room.clone(), what.clone()));
            }
            Delivered {
                room: room.clone(),
                message: format!("m{at}"),
            }
        };
        let broken = || SendError::Unknown("connection reset".into());
        match takes {
            None => Ok(show()),
            Some(Takes::Refuses) => Err(SendError::Refused("missing access".into())),
            Some(Takes::Later) => Err(SendError::Later {
                says: "too fast".into(),
                after: None,
            }),
            Some(Takes::BreaksAfter) => {
                show();
                Err(broken())
            }
            Some(Takes::BreaksBefore) => Err(broken()),
            Some(Takes::Panics) => panic!("the adapter has a fault"),
            Some(Takes::Hangs) => {
                show();
                drop(self.never.acquire().await);
                Err(broken())
            }
        }
    }

    async fn edit(&self, shown: &Delivered, what: &Outgoing) -> Result<(), SendError> {
        let at: usize = shown.message.trim_start_matches('m').parse().expect("one of ours");
        self.state().shown[at].1 = what.clone();
        Ok(())
    }

    async fn direct(&self, account: &str) -> Result<RoomId, SendError> {
        Ok(RoomId {
            platform: "wall".into(),
            room: format!("dm-{account}"),
            server: None,
            direct: true,
        })
    }
}
