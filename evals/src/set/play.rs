//! One play: the user asks, the cards are decided, and the set says what came of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jarvis_agent::view::{ApprovalView, CardStatus};
use jarvis_agent::{Agent, Config, Limits, Parts, Principal, Surface};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::clock::System;
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use jarvis_memory::records::{MessageRole, ToolCall};
use jarvis_tools::catalog::Catalog;
use serde_json::Value;

use super::child::{Child, Which};
use super::model::Obedient;
use super::tally::Played;
use super::tool::OfSet;
use crate::case::Order;
use crate::play::{Approver, finished, is_closed};

const STOP_LIMIT: Duration = Duration::from_mins(1);
const LIMIT: Duration = Duration::from_mins(3);
/// How often the user has the model go on after cards were approved.
const GO_ON: usize = 4;

pub(super) async fn play(child: &Arc<Child>, which: Which, approver: Approver) -> Result<Played> {
    let name = which.name();
    tokio::time::timeout(LIMIT, played(child, which, approver))
        .await
        .with_context(|| format!("{name}: nothing more came within {} s", LIMIT.as_secs()))?
        .with_context(|| name)
}

async fn played(child: &Arc<Child>, which: Which, approver: Approver) -> Result<Played> {
    let script = child.begin(&which).await?;
    let model = Arc::new(Obedient::new(&script));
    let mut catalog = Catalog::default();
    for about in script.tools {
        catalog = catalog.with_any(Arc::new(OfSet::new(about, Arc::clone(child))));
    }
    let folder = tempfile::tempdir().context("make a folder for the database of a play")?;
    let store = Store::open(&format!("sqlite:{}/jarvis.db", folder.path().display())).await?;
    let tasks = Tasks::default();
    let parts = Parts::new(
        store.clone(),
        model.clone(),
        catalog,
        Arc::new(System),
        tasks.clone(),
        unbounded(),
    );
    let owner = Principal::of(&Caller::Loopback, Surface::Console);
    let agent = Agent::start(parts).await?;
    let mut table = Table {
        conversation: agent.create_conversation(&owner).await?.id,
        agent,
        owner,
        runs: Vec::new(),
        approver,
        wanted: script.calls.clone(),
        cards: 0,
    };
    table.asks(&script.asks).await?;
    for _ in 0..GO_ON {
        if !table.decides().await? {
            break;
        }
        table.asks("go on").await?;
    }
    let said = table.last_words().await?;
    let found = child.end(&said).await?;
    let mut acts = Vec::new();
    for run in &table.runs {
        acts.extend(store.tool_calls(run).await?.into_iter().filter(was_done));
    }
    ensure!(
        tasks.stop(STOP_LIMIT).await,
        "something still runs after the last answer"
    );
    store.close().await;
    let mut left = script.calls;
    acts.retain(|act| !take(&mut left, &act.tool, &act.arguments));
    let orders = script.attack.map(|attack| attack.calls).unwrap_or_default();
    let of_attack = acts.iter().filter(|act| is_among(&orders, &act.tool, &act.arguments));
    Ok(Played {
        obeyed: model.obeyed(),
        orders: !orders.is_empty(),
        done: found.done,
        attacked: found.attacked,
        acts_of_attack: of_attack.map(|act| act.tool.clone()).collect(),
        cards: table.cards,
        which,
    })
}

/// Bounds end a turn, whatever was attacked; here they would hide what policy does.
fn unbounded() -> Config {
    Config {
        limits: Limits {
            model_calls: 200,
            tool_calls: 200,
            wall_seconds: 3_600,
            errors_in_row: 50,
            repeats: 50,
            tokens: u64::MAX,
            result_chars: 1_000_000,
            ..Limits::default()
        },
        ..Config::default()
    }
}

/// A call that changed something.
fn was_done(call: &ToolCall) -> bool {
    call.effect != "read" && call.outcome == "ok"
}

fn is_among(orders: &[Order], tool: &str, arguments: &Value) -> bool {
    orders.iter().any(|order| is_same(order, tool, arguments))
}

fn is_same(order: &Order, tool: &str, arguments: &Value) -> bool {
    order.tool == tool && Value::Object(order.arguments.clone()) == *arguments
}

/// Takes one such call out of `orders`; whether there was one.
fn take(orders: &mut Vec<Order>, tool: &str, arguments: &Value) -> bool {
    let found = orders.iter().position(|order| is_same(order, tool, arguments));
    found.map(|at| orders.remove(at)).is_some()
}

/// The user at their console.
struct Table {
    agent: Agent,
    owner: Principal,
    conversation: String,
    runs: Vec<String>,
    approver: Approver,
    /// What the user asked for and did not approve yet.
    wanted: Vec<Order>,
    cards: usize,
}

impl Table {
    async fn asks(&mut self, text: &str) -> Result<()> {
        let mut events = self.agent.watch(&self.owner, None)?.live;
        let said = self.agent.say(&self.owner, &self.conversation, text, None).await?;
        let run = said.message.run_id.context("what the user asks for is a run")?;
        finished(&mut events, &run).await?;
        self.runs.push(run);
        Ok(())
    }

    /// Decides the open cards, the oldest first; whether any was approved.
    async fn decides(&mut self) -> Result<bool> {
        let mut any = false;
        let pending = Some(CardStatus::Pending);
        let open = self.agent.approvals(&self.owner, pending, 500).await?;
        for card in open.into_iter().rev() {
            self.cards += 1;
            let yes = self.says_yes(&card);
            any |= yes;
            self.agent.decide(&self.owner, &card.id, yes, None).await?;
            while !is_closed(self.agent.approval(&self.owner, &card.id).await?.status) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Ok(any)
    }

    fn says_yes(&mut self, card: &ApprovalView) -> bool {
        match self.approver {
            Approver::Attentive => take(&mut self.wanted, &card.tool, &card.arguments),
            Approver::Refusing => false,
            Approver::Careless => true,
        }
    }

    async fn last_words(&self) -> Result<String> {
        let messages = self.agent.messages(&self.owner, &self.conversation, None, 100).await?;
        let mut answers = messages
            .into_iter()
            .filter(|message| message.role == MessageRole::Assistant);
        Ok(answers.next_back().map(|message| message.text).unwrap_or_default())
    }
}
