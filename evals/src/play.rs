//! Plays a case from its first message to its last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use jarvis_agent::memory::with_memory;
use jarvis_agent::people::{CurrentDirectory, Heard};
use jarvis_agent::view::{ApprovalView, CardStatus, Happening, RunState};
use jarvis_agent::{Agent, ApprovalsConfig, Config, Parts, Principal, Published, Surface};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chain::Chain;
use jarvis_gateway::chat::{Event, Message, Request, Role};
use jarvis_gateway::clock::{Clock, Millis, System};
use jarvis_gateway::provider::{Call, Provider};
use jarvis_gateway::providers::command::Mode;
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use jarvis_memory::records::{AuditCheck, MessageRole, ToolCall};
use jarvis_tools::catalog::Catalog;
use tokio::sync::broadcast::Receiver;
use toml::Table;

use crate::case::{Case, Model};
use crate::hostile::Hostile;
use crate::player::Player;
use crate::recorder::{Recorder, Seen};
use crate::remembered::{index, remembered};
use crate::state::{State, world};
use crate::tools;
use crate::town::{Line, Town, leaks};
use crate::world::World;

/// A replay takes milliseconds; one that takes this long hangs.
const REPLAY_LIMIT: Duration = Duration::from_mins(2);
/// A real model may load first, and is asked several times.
const LIVE_LIMIT: Duration = Duration::from_mins(15);
/// A hostile model that a bound stopped is let go on, so that nothing it knows stays untried.
const GO_ON: usize = 4;
const MOMENT: Millis = Millis(1_795_168_000_000);

/// Who plays the model.
#[derive(Clone)]
pub enum Brain {
    /// The case's own trace, and its attack when it has one.
    Script,
    /// The trace, in a world from which the attack was taken.
    WithoutAttack,
    /// The trace, and a model that reads the attack and does not care for it.
    Unmoved,
    /// A real model, asked under this name.
    Live { chain: Arc<dyn Provider>, name: String },
}

/// Who decides the cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approver {
    /// Says yes to what the owner asked for, and no to the rest. Decides nothing in a case that names no cards.
    Attentive,
    /// Says no to everything.
    Refusing,
    /// Says yes to everything. Only ever a figure in a report.
    Careless,
}

/// What came of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Came {
    pub changed: BTreeMap<String, String>,
    pub acts: Vec<String>,
    pub left: Vec<String>,
    pub cards: Vec<String>,
    pub calls: Vec<String>,
    /// The arguments of the calls, by their order in `calls`.
    pub arguments: Vec<serde_json::Value>,
    /// What kind of effect each of them has: `read`, `reversible`, `destructive`.
    pub effects: Vec<String>,
    /// The last message of the conversation.
    pub said: String,
    /// All of them.
    pub all_said: Vec<String>,
    /// The model's last request, as text.
    pub model_read: String,
    pub model_calls: usize,
    /// The attack stood in a request.
    pub attack_read: bool,
    /// Why a request to the model failed.
    pub unanswered: Option<String>,
    /// What is wrong with the play itself.
    pub faults: Vec<String>,
}

impl Came {
    fn asked(&mut self, seen: Seen) {
        self.model_read = seen.last;
        self.model_calls = seen.requests;
        self.attack_read = seen.attack;
        self.unanswered = seen.unanswered;
    }
}

/// Plays the case once.
pub async fn play(case: &Case, worlds: &BTreeMap<String, Table>, brain: Brain, approver: Approver) -> Result<Came> {
    let limit = if matches!(brain, Brain::Live { .. }) {
        LIVE_LIMIT
    } else {
        REPLAY_LIMIT
    };
    let played = tokio::time::timeout(limit, played(case, worlds, brain, approver));
    played
        .await
        .with_context(|| format!("nothing more came within {} s", limit.as_secs()))?
}

/// One house with its agent, for one case.
struct House<'a> {
    case: &'a Case,
    agent: Agent,
    store: Store,
    owner: Principal,
    conversation: String,
    approver: Approver,
    town: Town,
    runs: Vec<String>,
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Millis {
        MOMENT
    }
}

async fn played(case: &Case, worlds: &BTreeMap<String, Table>, brain: Brain, approver: Approver) -> Result<Came> {
    let attack = if matches!(brain, Brain::WithoutAttack) {
        ""
    } else {
        case.attack_text()
    };
    let before = State::with(world(worlds, &case.world)?, &case.with, attack)?;
    let place = World::new(before.clone());
    let obeys = matches!(brain, Brain::Script).then(|| case.attack.clone()).flatten();
    let everything = case.model == Model::Hostile;
    let hostile = obeys.map(|attack| Hostile::new(attack, before.private.clone(), everything));
    let attacked = hostile.is_some();
    let player = Arc::new(Player::new(&case.trace, hostile));
    let live = matches!(brain, Brain::Live { .. });
    let catalog = tools::catalog(&place, case.tools().into_iter());
    let mut config = Config::default();
    config.limits = case.limits.unwrap_or(config.limits);
    config.history_messages = case.history.unwrap_or(config.history_messages);
    let (chain, clock): (Arc<dyn Provider>, Arc<dyn Clock>) = match brain {
        Brain::Live { chain, name } => {
            config.alias = name;
            (chain, Arc::new(System))
        }
        _ if case.model == Model::None => (without_model(&catalog), Arc::new(Standing)),
        _ => (player.clone(), Arc::new(Standing)),
    };
    let recorder = Arc::new(Recorder::new(chain, attack));
    let folder = tempfile::tempdir().context("make a folder for the database of a case")?;
    let store = Store::open(&format!("sqlite:{}/jarvis.db", folder.path().display())).await?;
    let tasks = Tasks::default();
    let directory = CurrentDirectory::from(Town::directory()?);
    let catalog = if case.memory {
        with_memory(catalog, &store, &directory, &clock, None)
    } else {
        catalog
    };
    let parts = Parts::new(store.clone(), recorder.clone(), catalog, clock, tasks.clone(), config);
    let town = Town::default();
    let approvals = ApprovalsConfig {
        follow_up: case.follow_up,
        ..ApprovalsConfig::default()
    };
    let agent = Agent::start(parts.with_approvals(approvals).with_directory(directory)).await?;
    agent.connect(Arc::new(town.clone()));
    let owner = Principal::of(&Caller::Loopback, Surface::Console);
    let conversation = agent.create_conversation(&owner).await?.id;
    let mut house = House {
        case,
        agent,
        store,
        owner,
        conversation,
        approver,
        town: town.clone(),
        runs: Vec::new(),
    };
    house.talks(&player).await?;
    let mut came = house.came().await?;
    let remembered = remembered(&house.store).await?;
    ensure!(
        tasks.stop(REPLAY_LIMIT).await,
        "something still runs after the last answer"
    );
    house.store.close().await;
    came.changed = place.state().changes_since(&before);
    came.changed.extend(remembered);
    came.acts = place.acts();
    came.left = place.left();
    came.asked(recorder.seen());
    if !live {
        came.faults = faults_of_play(case, &player, attacked);
    }
    came.left.extend(leaks(&town.public(), &before.private));
    Ok(came)
}

fn without_model(catalog: &Catalog) -> Arc<dyn Provider> {
    let mode = Mode::new(catalog.commands());
    Arc::new(Chain::new(Vec::new()).with_last(Arc::new(mode)))
}

/// A replay that did not go through what it was written for shows nothing.
fn faults_of_play(case: &Case, player: &Player, attacked: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if case.model == Model::None {
        return faults;
    }
    let (left, beyond) = player.left_and_beyond();
    if left > 0 {
        faults.push(format!("{left} moves of the trace were not played"));
    }
    if beyond > 0 {
        faults.push(format!(
            "the model was asked {beyond} times more than the trace has moves"
        ));
    }
    if attacked && !player.saw_attack() {
        faults.push("the attack never reached the model".into());
    }
    faults
}

impl House<'_> {
    /// All that the case says.
    async fn talks(&mut self, player: &Player) -> Result<()> {
        for text in &self.case.say {
            self.says(text).await?;
            index(&self.store).await?;
        }
        for line in &self.case.talk {
            self.hears(line).await?;
            index(&self.store).await?;
        }
        for _ in 0..GO_ON {
            if player.is_not_done() {
                self.goes_on().await?;
            }
        }
        Ok(())
    }

    /// Says one message, waits for what it leads to, and decides the cards.
    async fn says(&mut self, text: &str) -> Result<()> {
        let newest = self
            .agent
            .approvals(&self.owner, None, 1)
            .await?
            .pop()
            .map(|card| card.id);
        let text = text.replace("{card}", newest.as_deref().unwrap_or_default());
        match &self.case.client {
            Some(history) => self.asks_as_client(history, &text).await?,
            None => self.asks(&text).await?,
        }
        self.decides().await
    }

    async fn goes_on(&mut self) -> Result<()> {
        match self.case.talk.last() {
            None => self.says("go on").await,
            Some(line) => {
                let line = Line {
                    say: "go on".into(),
                    overheard: false,
                    ..line.clone()
                };
                self.hears(&line).await
            }
        }
    }

    /// A line on the platform, and what it leads to, until its room was shown the answer.
    async fn hears(&mut self, line: &Line) -> Result<()> {
        let filled = |text: &str| text.replace("{attack}", self.case.attack_text());
        let line = Line {
            handle: line.handle.as_deref().map(filled),
            ..line.clone()
        };
        let event = self.town.event(&line, filled(&line.say), MOMENT);
        let room = event.room.room.clone();
        let before = self.town.lines(&room).len();
        let mut events = self.agent.watch(&self.owner, None)?.live;
        match self.agent.hear(event).await? {
            Heard::Ignored(_) | Heard::Kept => return Ok(()),
            Heard::Says(words) => self.town.show(&room, words),
            Heard::Taken(said) => {
                self.conversation = said.message.conversation_id;
                if let Some(run) = said.message.run_id {
                    finished(&mut events, &run).await?;
                    self.runs.push(run);
                }
                while self.town.lines(&room).len() == before {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
        self.decides().await
    }

    async fn asks(&mut self, text: &str) -> Result<()> {
        let mut events = self.agent.watch(&self.owner, None)?.live;
        let said = self.agent.say(&self.owner, &self.conversation, text, None).await?;
        let run = said.message.run_id;
        self.runs.extend(run.clone());
        let approves = text.trim_start_matches('/').to_lowercase().starts_with("approve ");
        loop {
            match (&events.recv().await?.happening, &run) {
                (
                    Happening::Run {
                        run_id,
                        state: RunState::Finished,
                        ..
                    },
                    Some(run),
                ) if run_id == run => break,
                (Happening::Approval { approval }, None) if is_closed(approval.status) => break,
                (Happening::Message { message }, None) if !approves && message.role == MessageRole::Event => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Over the API, as the model `jarvis`.
    async fn asks_as_client(&mut self, history: &[(String, String)], text: &str) -> Result<()> {
        let of_line = |(role, text): &(String, String)| {
            let role = match role.as_str() {
                "assistant" => Role::Assistant,
                "system" => Role::System,
                _ => Role::User,
            };
            Message::text(role, text)
        };
        let mut messages: Vec<Message> = history.iter().map(of_line).collect();
        messages.push(Message::text(Role::User, text));
        let request = Request {
            messages,
            caller: Caller::Loopback,
            ..Request::default()
        };
        let call = Call {
            request: Arc::new(request),
            model: "jarvis".into(),
            left: Vec::new(),
        };
        let events: Vec<Result<Event, _>> = self.agent.stream(call).collect().await;
        if let Some(Err(error)) = events.into_iter().find(Result::is_err) {
            anyhow::bail!("the API answers: {error}");
        }
        let told = self.agent.conversations(&self.owner, 10).await?;
        let api = told
            .into_iter()
            .find(|conversation| conversation.id.starts_with("api-"));
        self.conversation = api.context("an API request has a conversation")?.id;
        let last = self
            .agent
            .messages(&self.owner, &self.conversation, None, 1)
            .await?
            .pop();
        self.runs.extend(last.and_then(|message| message.run_id));
        Ok(())
    }

    async fn decides(&mut self) -> Result<()> {
        if self.case.approve.is_none() && self.approver == Approver::Attentive {
            return Ok(());
        }
        let wanted = self.case.approve.as_deref().unwrap_or_default();
        let open = self
            .agent
            .approvals(&self.owner, Some(CardStatus::Pending), 100)
            .await?;
        for card in open.into_iter().rev() {
            let yes = match self.approver {
                Approver::Attentive => wanted.iter().any(|title| *title == card.plan["title"]),
                Approver::Refusing => false,
                Approver::Careless => true,
            };
            let mut events = self.agent.watch(&self.owner, None)?.live;
            self.agent.decide(&self.owner, &card.id, yes, None).await?;
            while !is_closed(self.agent.approval(&self.owner, &card.id).await?.status) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if self.case.follow_up && yes {
                self.runs.push(next_finished(&mut events).await?);
            }
        }
        Ok(())
    }

    async fn came(&self) -> Result<Came> {
        let intact = matches!(self.store.check_audit().await?, AuditCheck::Intact { .. });
        ensure!(intact, "the audit is broken");
        let mut calls: Vec<ToolCall> = Vec::new();
        for run in &self.runs {
            calls.extend(self.store.tool_calls(run).await?);
            for nested in self.store.nested_runs(run).await? {
                let agent = nested.nested_in.map(|nested| nested.agent).unwrap_or_default();
                let of_specialist = self.store.tool_calls(&nested.id).await?.into_iter();
                calls.extend(of_specialist.map(|call| ToolCall {
                    tool: format!("{agent}: {}", call.tool),
                    ..call
                }));
            }
        }
        let line = |card: &ApprovalView| {
            let title = card.plan["title"].as_str().unwrap_or_default();
            format!("{title}: {}, {}", card.rule, card.status.as_str())
        };
        let cards = self.agent.approvals(&self.owner, None, 500).await?;
        let mut cards: Vec<String> = cards.iter().map(line).collect();
        cards.sort();
        let messages = self.store.messages(&self.conversation, None, 500).await?;
        let jarvis = messages.into_iter().filter(|message| message.role != MessageRole::User);
        let all_said: Vec<String> = jarvis.map(|message| message.text).collect();
        Ok(Came {
            cards,
            calls: calls
                .iter()
                .map(|call| format!("{} {}", call.tool, call.outcome))
                .collect(),
            effects: calls.iter().map(|call| call.effect.clone()).collect(),
            arguments: calls.into_iter().map(|call| call.arguments).collect(),
            said: all_said.last().cloned().unwrap_or_default(),
            all_said,
            ..Came::default()
        })
    }
}

/// Waits for the end of the run that begins by itself.
async fn next_finished(events: &mut Receiver<Arc<Published>>) -> Result<String> {
    loop {
        if let Happening::Run {
            run_id,
            state: RunState::Finished,
            ..
        } = &events.recv().await?.happening
        {
            return Ok(run_id.clone());
        }
    }
}

/// Waits for the end of a run.
pub(crate) async fn finished(events: &mut Receiver<Arc<Published>>, run: &str) -> Result<()> {
    loop {
        if let Happening::Run {
            run_id,
            state: RunState::Finished,
            ..
        } = &events.recv().await?.happening
            && run_id == run
        {
            return Ok(());
        }
    }
}

pub(crate) fn is_closed(status: CardStatus) -> bool {
    match status {
        CardStatus::Pending | CardStatus::Approved | CardStatus::Executing => false,
        CardStatus::Denied | CardStatus::Expired | CardStatus::Done | CardStatus::Failed | CardStatus::Stale => true,
    }
}
