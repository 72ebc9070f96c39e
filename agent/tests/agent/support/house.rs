//! One agent over a real store, a scripted model and a world.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jarvis_agent::people::CurrentDirectory;
use jarvis_agent::view::{ApprovalView, CardStatus, Happening, RunState};
use jarvis_agent::{Agent, ApprovalsConfig, Config, Error, Parts, Principal, Published, Said, Subscription, Surface};
use jarvis_gateway::caller::{Caller, Key, Scope};
use jarvis_gateway::clock::{Clock, Fixed, Millis};
use jarvis_gateway::provider::Provider;
use jarvis_gateway::providers::scripted::{Scripted, Turn};
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use jarvis_memory::records::{AuditCheck, Message, Run, ToolCall};
use jiff::tz::TimeZone;

use super::short;
use super::world::World;

pub(crate) const NOW: Millis = Millis(1_795_168_000_000);
/// What a test waits for at most; nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) agent: Agent,
    pub(crate) store: Store,
    pub(crate) world: World,
    pub(crate) model: Arc<Scripted>,
    pub(crate) clock: Fixed,
    pub(crate) tasks: Tasks,
    /// The conversation of the owner.
    pub(crate) conversation: String,
    pub(crate) approvals: ApprovalsConfig,
}

pub(crate) fn owner() -> Principal {
    Principal::of(&Caller::Loopback, Surface::Console)
}

pub(crate) fn key(name: &str, scopes: &[Scope]) -> Caller {
    Caller::from(Key {
        id: format!("id-{name}"),
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        ..Key::default()
    })
}

/// Waits for something that has to happen soon.
pub(crate) async fn until<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wanted)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

impl House {
    pub(crate) async fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        let model = Arc::new(Scripted::new(turns));
        Self::over(
            Store::temporary().await.expect("a store"),
            World::new(),
            model.clone(),
            model,
        )
        .await
    }

    /// With the section `[approvals]`.
    pub(crate) async fn with_approvals(approvals: ApprovalsConfig, turns: impl IntoIterator<Item = Turn>) -> Self {
        let house = Self::new([]).await;
        let house = Self { approvals, ..house };
        house.restarted(turns).await
    }

    /// With the tools of the schedule.
    pub(crate) async fn with_jobs(turns: impl IntoIterator<Item = Turn>) -> Self {
        let model = Arc::new(Scripted::new(turns));
        let mut world = World::new();
        world.has_jobs = true;
        Self::over(Store::temporary().await.expect("a store"), world, model.clone(), model).await
    }

    /// With the tools of memory.
    pub(crate) async fn with_memory(turns: impl IntoIterator<Item = Turn>) -> Self {
        let model = Arc::new(Scripted::new(turns));
        let mut world = World::new();
        world.has_memory = true;
        Self::over(Store::temporary().await.expect("a store"), world, model.clone(), model).await
    }

    /// With something else in front of the model: a chain, command mode.
    pub(crate) async fn with_chain(chain: Arc<dyn Provider>, world: World) -> Self {
        let store = Store::temporary().await.expect("a store");
        Self::over(store, world, chain, Arc::new(Scripted::default())).await
    }

    /// A process over what is there already.
    pub(crate) async fn at(
        store: Store,
        world: World,
        chain: Arc<dyn Provider>,
        clock: Fixed,
        approvals: ApprovalsConfig,
        conversation: &str,
    ) -> Self {
        let tasks = Tasks::default();
        Self {
            agent: start(parts(&store, &world, chain, &clock, &tasks, &approvals)).await,
            store,
            world,
            model: Arc::default(),
            clock,
            tasks,
            conversation: conversation.to_owned(),
            approvals,
        }
    }

    /// A process beside others. Without a conversation it makes one.
    pub(crate) async fn beside_others(
        name: &str,
        store: Store,
        world: World,
        model: Arc<Scripted>,
        conversation: &str,
    ) -> Self {
        let (clock, tasks, approvals) = (Fixed::at(NOW), Tasks::default(), ApprovalsConfig::default());
        let parts = parts(&store, &world, model.clone(), &clock, &tasks, &approvals).with_others(name);
        let agent = start(parts).await;
        let conversation = match conversation {
            "" => agent.create_conversation(&owner()).await.expect("a conversation").id,
            known => known.to_owned(),
        };
        Self {
            agent,
            store,
            world,
            model,
            clock,
            tasks,
            conversation,
            approvals,
        }
    }

    async fn over(store: Store, world: World, chain: Arc<dyn Provider>, model: Arc<Scripted>) -> Self {
        let clock = Fixed::at(NOW);
        let tasks = Tasks::default();
        let approvals = ApprovalsConfig::default();
        let agent = start(parts(&store, &world, chain, &clock, &tasks, &approvals)).await;
        let conversation = agent.create_conversation(&owner()).await.expect("a conversation").id;
        Self {
            agent,
            store,
            world,
            model,
            clock,
            tasks,
            conversation,
            approvals,
        }
    }

    /// A new process over the same database and the same world. What the old one was doing stands still where it was, as
    /// after a crash.
    pub(crate) async fn restarted(self, turns: impl IntoIterator<Item = Turn>) -> Self {
        let store = self.store.another().await.expect("the same database");
        let model = Arc::new(Scripted::new(turns));
        let tasks = Tasks::default();
        let agent = start(parts(
            &store,
            &self.world,
            model.clone(),
            &self.clock,
            &tasks,
            &self.approvals,
        ))
        .await;
        Self {
            agent,
            store,
            model,
            tasks,
            ..self
        }
    }

    pub(crate) fn watch(&self) -> Seen {
        Seen {
            subscription: self.agent.watch(&owner(), None).expect("the owner may watch"),
            all: Vec::new(),
        }
    }

    pub(crate) async fn say(&self, text: &str) -> Result<Said, Error> {
        self.agent.say(&owner(), &self.conversation, text, None).await
    }

    /// Says something and waits for the end of its turn; the answer.
    pub(crate) async fn ask(&self, text: &str) -> Message {
        let mut seen = self.watch();
        let said = self.say(text).await.expect("the message is taken");
        let run_id = said.message.run_id.expect("a message for a model has a run");
        seen.finished(&run_id).await;
        let messages = self.messages().await;
        let answer = messages
            .into_iter()
            .find(|message| short::is_answer(message) && message.run_id.as_deref() == Some(run_id.as_str()));
        answer.expect("the turn has an answer")
    }

    pub(crate) async fn messages(&self) -> Vec<Message> {
        self.agent
            .messages(&owner(), &self.conversation, None, 200)
            .await
            .expect("the owner may read")
    }

    /// The conversation, one line a message.
    pub(crate) async fn talk(&self) -> Vec<String> {
        self.messages().await.iter().map(short::message).collect()
    }

    pub(crate) async fn run_of(&self, message: &Message) -> Run {
        let id = message.run_id.as_deref().expect("the message has a run");
        self.store.run(id).await.expect("a store").expect("the run is a row")
    }

    pub(crate) async fn calls_of(&self, message: &Message) -> Vec<ToolCall> {
        let id = message.run_id.as_deref().expect("the message has a run");
        self.store.tool_calls(id).await.expect("a store")
    }

    pub(crate) async fn calls(&self, message: &Message) -> Vec<String> {
        self.calls_of(message).await.iter().map(short::tool_call).collect()
    }

    /// The audit, oldest first, one line an entry. The chain must be intact whenever anybody looks.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let (mut entries, check) = self.agent.audit(&owner(), None, 500).await.expect("the owner may read");
        let count = i64::try_from(entries.len()).expect("a few");
        assert_eq!(check, Some(AuditCheck::Intact { entries: count }));
        entries.reverse();
        entries.iter().map(short::audit).collect()
    }

    pub(crate) async fn cards(&self) -> Vec<ApprovalView> {
        self.agent
            .approvals(&owner(), None, 100)
            .await
            .expect("the owner may read")
    }

    /// The only card there is.
    pub(crate) async fn card(&self) -> ApprovalView {
        let mut cards = self.cards().await;
        assert_eq!(cards.len(), 1, "{cards:?}");
        cards.remove(0)
    }

    pub(crate) async fn decide(&self, id: &str, yes: bool) -> Result<ApprovalView, Error> {
        self.agent.decide(&owner(), id, yes, None).await
    }

    /// Approves and waits until the card is closed.
    pub(crate) async fn approve(&self, id: &str) -> ApprovalView {
        let mut seen = self.watch();
        self.decide(id, true).await.expect("the owner may approve");
        seen.closed(id).await
    }
}

async fn start(parts: Parts) -> Agent {
    Agent::start(parts).await.expect("the agent starts")
}

fn parts(
    store: &Store,
    world: &World,
    chain: Arc<dyn Provider>,
    clock: &Fixed,
    tasks: &Tasks,
    approvals: &ApprovalsConfig,
) -> Parts {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut catalog = world.catalog();
    let directory = CurrentDirectory::default();
    if world.has_jobs {
        catalog = jarvis_agent::schedule::with_jobs(catalog, store, &directory, &clock, &TimeZone::UTC);
    }
    if world.has_memory {
        catalog = jarvis_agent::memory::with_memory(catalog, store, &directory, &clock, None);
    }
    Parts::new(store.clone(), chain, catalog, clock, tasks.clone(), Config::default())
        .with_directory(directory)
        .with_approvals(approvals.clone())
}

/// Everything that was published since it was made.
pub(crate) struct Seen {
    subscription: Subscription,
    all: Vec<Arc<Published>>,
}

impl Seen {
    /// Waits for the first event, among those already seen too, that `fits`.
    pub(crate) async fn first(&mut self, what: &str, fits: impl Fn(&Happening) -> bool) -> Happening {
        let mut looked_at = 0;
        loop {
            while let Some(published) = self.all.get(looked_at) {
                looked_at += 1;
                if fits(&published.happening) {
                    return published.happening.clone();
                }
            }
            let next = until(what, self.subscription.live.recv()).await;
            self.all.push(next.expect("the bus keeps up"));
        }
    }

    pub(crate) async fn finished(&mut self, id: &str) {
        self.first(
            "the end of a run",
            |happening| matches!(happening, Happening::Run { run_id, state: RunState::Finished, .. } if run_id == id),
        )
        .await;
    }

    /// Waits until a card has come to its end, whichever that is.
    pub(crate) async fn closed(&mut self, id: &str) -> ApprovalView {
        let is_closed = |status: CardStatus| match status {
            CardStatus::Pending | CardStatus::Approved | CardStatus::Executing => false,
            CardStatus::Denied | CardStatus::Expired | CardStatus::Done | CardStatus::Failed | CardStatus::Stale => {
                true
            }
        };
        let happening = self
            .first("the end of a card", |happening| {
                matches!(happening, Happening::Approval { approval } if approval.id == id && is_closed(approval.status))
            })
            .await;
        match happening {
            Happening::Approval { approval } => *approval,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn text(&mut self, wanted: &str) {
        self.first(
            wanted,
            |happening| matches!(happening, Happening::Delta { text, .. } if text.contains(wanted)),
        )
        .await;
    }

    /// Waits for a message in any conversation that holds `wanted`.
    pub(crate) async fn told(&mut self, wanted: &str) -> Message {
        let happening = self
            .first(
                wanted,
                |happening| matches!(happening, Happening::Message { message } if message.text.contains(wanted)),
            )
            .await;
        match happening {
            Happening::Message { message } => message,
            other => panic!("{other:?}"),
        }
    }

    /// What was published so far, one line each.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        while let Ok(next) = self.subscription.live.try_recv() {
            self.all.push(next);
        }
        self.all
            .iter()
            .map(|published| short::happening(&published.happening))
            .collect()
    }
}
