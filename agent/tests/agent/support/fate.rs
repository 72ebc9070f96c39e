//! When a process ends: at one of its writes, or at one of its effects outside.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use jarvis_agent::platform::{Adapter, Caps, Delivered, Outgoing, RoomId, SendError};
use jarvis_gateway::chat::Event;
use jarvis_gateway::provider::{Call, Events, Provider};
use jarvis_gateway::providers::scripted::Scripted;
use jarvis_memory::Store;
use tokio_util::sync::CancellationToken;

use super::wall::Wall;

/// Counts the steps of one process, of which the last is never taken: whoever comes to it, or to any other afterwards,
/// stands still for ever. Clones are the same fate. Without a last step it only counts.
#[derive(Clone, Default)]
pub(crate) struct Fate {
    last: Option<usize>,
    taken: Arc<Mutex<Vec<&'static str>>>,
    died: CancellationToken,
    /// Nobody writes any more.
    quiet: CancellationToken,
}

impl Fate {
    /// Ends before the step of this number.
    pub(crate) fn before(last: usize) -> Self {
        Self {
            last: Some(last),
            ..Self::default()
        }
    }

    /// An effect that is about to happen, or that happened just now and is not known to anybody.
    pub(crate) async fn effect(&self, name: &'static str) {
        if !self.goes_on(name) {
            std::future::pending::<()>().await;
        }
    }

    async fn write(self) {
        if !self.goes_on("a write") {
            self.quiet.cancel();
            std::future::pending::<()>().await;
        }
    }

    fn goes_on(&self, name: &'static str) -> bool {
        let mut taken = self.taken();
        if self.last.is_some_and(|last| taken.len() >= last) {
            self.died.cancel();
            return false;
        }
        taken.push(name);
        true
    }

    fn taken(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The effects so far.
    pub(crate) fn effects(&self) -> Vec<&'static str> {
        let mut taken = self.taken().clone();
        taken.retain(|step| *step != "a write");
        taken
    }

    /// A store whose writes are steps.
    pub(crate) async fn store(&self, url: &str) -> Store {
        let fate = self.clone();
        let gate = move || -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(fate.clone().write()) };
        Store::open_behind(url, Arc::new(gate)).await.expect("a store")
    }

    /// Until the end has come, and the write that was under way then is over.
    pub(crate) async fn comes(&self, store: &Store) {
        self.died.cancelled().await;
        tokio::select! {
            () = self.quiet.cancelled() => {}
            written = store.execute_raw("SELECT 1") => written.expect("nothing is under way"),
        }
    }
}

/// A script that is played as steps.
pub(crate) struct FatedModel(pub(crate) Scripted, pub(crate) Fate);

impl Provider for FatedModel {
    fn stream(&self, call: Call) -> Events {
        let (asked, answers) = (self.1.clone(), self.1.clone());
        let begin = stream::once(async move { asked.effect("the model is asked").await }).filter_map(async |()| None);
        let rest = self.0.stream(call).then(move |event| {
            let fate = answers.clone();
            async move {
                if matches!(event, Ok(Event::Finish(_))) {
                    fate.effect("the model has answered").await;
                }
                event
            }
        });
        Box::pin(begin.chain(rest))
    }
}

/// A wall on which things are shown and changed as steps.
pub(crate) struct FatedWall(pub(crate) Wall, pub(crate) Fate);

#[async_trait]
impl Adapter for FatedWall {
    fn platform(&self) -> &'static str {
        "wall"
    }

    fn caps(&self) -> Caps {
        self.0.adapter().caps()
    }

    async fn send(&self, room: &RoomId, what: &Outgoing) -> Result<Delivered, SendError> {
        self.1.effect("something is to be shown").await;
        let sent = self.0.adapter().send(room, what).await;
        self.1.effect("something is shown").await;
        sent
    }

    async fn edit(&self, shown: &Delivered, what: &Outgoing) -> Result<(), SendError> {
        self.1.effect("a card is to be changed").await;
        let edited = self.0.adapter().edit(shown, what).await;
        self.1.effect("a card is changed").await;
        edited
    }

    async fn direct(&self, account: &str) -> Result<RoomId, SendError> {
        self.0.adapter().direct(account).await
    }
}
