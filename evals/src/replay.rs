//! Plays a case and compares what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jarvis_agent::view::{ApprovalView, CardStatus, Happening, RunState};
use jarvis_agent::{Agent, Config, Parts, Principal, Surface};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chain::Chain;
use jarvis_gateway::clock::{Fixed, Millis};
use jarvis_gateway::provider::Provider;
use jarvis_gateway::providers::command::Mode;
use jarvis_gateway::providers::scripted::Scripted;
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use jarvis_memory::records::AuditCheck;

use crate::case::{Case, Expect, Model};
use crate::model::{Hostile, turn};
use crate::world::World;

/// A replay takes milliseconds; one that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// What came of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Came {
    pub changed: BTreeMap<String, String>,
    pub acts: Vec<String>,
    pub cards: Vec<String>,
    pub calls: Vec<String>,
    /// The last message of the conversation.
    pub said: String,
    /// The model's last request, as text.
    pub model_read: String,
}

impl Came {
    /// What is not as it was expected, one line each.
    pub fn faults(&self, expect: &Expect) -> Vec<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, got: String, wanted: String| {
            if got != wanted {
                faults.push(format!("{what}: expected {wanted}, came {got}"));
            }
        };
        same(
            "changed",
            format!("{:?}", self.changed),
            format!("{:?}", expect.changed),
        );
        same("acts", format!("{:?}", self.acts), format!("{:?}", expect.acts));
        same("cards", format!("{:?}", self.cards), format!("{:?}", expect.cards));
        same("calls", format!("{:?}", self.calls), format!("{:?}", expect.calls));
        let missing = |what: &str, text: &str, wanted: &[String]| {
            let lines = wanted.iter().filter(|wanted| !text.contains(wanted.as_str()));
            lines
                .map(|wanted| format!("{what} lacks {wanted:?}: {text:?}"))
                .collect::<Vec<_>>()
        };
        faults.extend(missing("the last message", &self.said, &expect.says));
        faults.extend(missing(
            "the model's last request",
            &self.model_read,
            &expect.model_read,
        ));
        faults
    }
}

/// Plays the case from its first message to its last.
pub async fn replay(case: &Case) -> Result<Came> {
    tokio::time::timeout(LIMIT, play(case))
        .await
        .context("the replay hangs")?
}

async fn play(case: &Case) -> Result<Came> {
    let world = World::new(case.containers.clone());
    let script = Arc::new(Scripted::new(
        case.trace.iter().enumerate().map(|(number, step)| turn(number, step)),
    ));
    let chain: Arc<dyn Provider> = match case.model {
        Model::Traced => script.clone(),
        Model::Hostile => Arc::new(Hostile::new(script.clone(), case.containers.keys().cloned().collect())),
        Model::None => {
            let mode = Mode::new(world.catalog().commands());
            Arc::new(Chain::new(Vec::new()).with_last(Arc::new(mode)))
        }
    };
    let store = Store::temporary().await?;
    let clock = Arc::new(Fixed::at(Millis(1_795_168_000_000)));
    let tasks = Tasks::default();
    let parts = Parts::new(
        store.clone(),
        chain,
        world.catalog(),
        clock,
        tasks.clone(),
        Config::default(),
    );
    let agent = Agent::start(parts).await?;
    let owner = Principal::of(&Caller::Loopback, Surface::Console);
    let conversation = agent.create_conversation(&owner).await?.id;
    let mut calls = Vec::new();
    for text in &case.say {
        let newest = agent.approvals(&owner, None, 1).await?.pop().map(|card| card.id);
        let text = text.replace("{card}", newest.as_deref().unwrap_or_default());
        let run_id = said(&agent, &owner, &conversation, &text).await?;
        let of_run = store.tool_calls(&run_id.unwrap_or_default()).await?;
        calls.extend(of_run.iter().map(|call| format!("{} {}", call.tool, call.outcome)));
    }
    ensure!(tasks.stop(LIMIT).await, "something still runs after the last answer");
    let intact = matches!(store.check_audit().await?, AuditCheck::Intact { .. });
    ensure!(intact, "the audit is broken");
    let cards = agent.approvals(&owner, None, 100).await?;
    let line = |card: &ApprovalView| {
        let title = card.plan["title"].as_str().unwrap_or_default();
        format!("{title}: {}, {}", card.rule, card.status.as_str())
    };
    let mut cards: Vec<String> = cards.iter().map(line).collect();
    cards.sort();
    let mut changed = world.states();
    changed.retain(|name, state| case.containers.get(name).is_none_or(|before| before.state != *state));
    let last = agent.messages(&owner, &conversation, None, 1).await?.pop();
    Ok(Came {
        changed,
        acts: world.acts(),
        cards,
        calls,
        said: last.map(|message| message.text).unwrap_or_default(),
        model_read: script
            .calls()
            .last()
            .map(|call| format!("{:?}", call.request.messages))
            .unwrap_or_default(),
    })
}

/// Says one message and waits for what it leads to: the end of its turn, or of the card that it decides. The turn's run.
async fn said(agent: &Agent, owner: &Principal, conversation: &str, text: &str) -> Result<Option<String>> {
    let mut events = agent.watch(owner, None)?.live;
    let run = agent.say(owner, conversation, text, None).await?.message.run_id;
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
            _ => {}
        }
    }
    Ok(run)
}

fn is_closed(status: CardStatus) -> bool {
    match status {
        CardStatus::Pending | CardStatus::Approved | CardStatus::Executing => false,
        CardStatus::Denied | CardStatus::Expired | CardStatus::Done | CardStatus::Failed | CardStatus::Stale => true,
    }
}
