//! One turn, step by step, from what was written down of it.

use std::collections::VecDeque;

use jarvis_gateway::chat::ToolResult;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;
use jarvis_memory::Store;
use jarvis_memory::records::{
    Approval, ApprovalStatus, AuditEntry, CastVote, Message, MessageRole, ModelCall, Run, RunStatus, Shown, ToolCall,
};
use serde::Serialize;
use serde_json::Value;

use crate::agent::Agent;
use crate::approvals;
use crate::error::Error;
use crate::execute::says;
use crate::principal::Principal;

/// Stands for the id of the turn that began last.
const LATEST: &str = "last";
const LONGEST_ID: usize = 36;
/// Characters of a text. The conversation has the rest.
const LONGEST_TEXT: usize = 2_000;
/// Runs that are named when a beginning fits several.
const NAMED: i64 = 5;

/// A turn: who asked, what it came to, and what happened in the order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    pub id: String,
    pub conversation_id: String,
    /// The person's name as last seen; none when the person was forgotten.
    pub asked_by: Option<String>,
    /// `console`, `terminal`, `api`, or a platform.
    pub via: Option<String>,
    /// The platform of the room and its own id of it.
    pub room: Option<Room>,
    pub status: RunStatus,
    /// `answered`, or the bound that ended it; none while it runs.
    pub ended_by: Option<String>,
    pub started_at: Millis,
    pub ended_at: Option<Millis>,
    pub model_calls: i64,
    pub tool_calls: i64,
    /// With those of the specialists who were asked.
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Of every target that was asked, by specialists too, in millionths of a US dollar.
    pub cost: MicroUsd,
    /// How many of them are not in it.
    pub cost_unknown: usize,
    pub tainted: bool,
    pub saw_private: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Room {
    pub platform: String,
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub at: Millis,
    #[serde(flatten)]
    pub what: What,
}

/// What a specialist did who was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Consulted {
    /// Its name.
    pub agent: String,
    pub run_id: String,
    pub status: RunStatus,
    pub ended_by: Option<String>,
    /// `backend/model` of its last model call.
    pub target: Option<String>,
    pub model_calls: i64,
    pub tool_calls: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
    pub cost: MicroUsd,
    pub cost_unknown: usize,
    pub tainted: bool,
    pub saw_private: bool,
    pub steps: Vec<Step>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Asked {
        name: Option<String>,
        text: String,
    },
    /// A target was asked.
    Model {
        alias: String,
        target: String,
        attempt: i64,
        outcome: String,
        /// Why it was left.
        fault: Option<String>,
        reason: Option<String>,
        tokens_in: i64,
        tokens_out: i64,
        estimated: bool,
        cost: Option<MicroUsd>,
        took_ms: i64,
    },
    Tool {
        tool: String,
        arguments: Option<Value>,
        effect: Option<String>,
        /// `allow`, `ask` or `deny`, and by which rule.
        decision: Option<String>,
        rule: Option<String>,
        /// The card that allowed it.
        approval: Option<String>,
        outcome: String,
        says: Option<String>,
        took_ms: Option<i64>,
        /// Set when the call asked a specialist who began.
        #[serde(skip_serializing_if = "Option::is_none")]
        consulted: Option<Box<Consulted>>,
    },
    Card {
        id: String,
        tool: String,
        title: String,
        rule: String,
        need: i64,
        status: ApprovalStatus,
        decided_by: Option<String>,
    },
    Vote {
        approval: String,
        by: String,
        yes: bool,
        via: String,
        note: Option<String>,
    },
    /// Something that was told in the conversation, such as what came of a card.
    Event {
        text: String,
    },
    Answer {
        text: String,
    },
    /// A platform shows it, or is to show it. The time is that of the showing, or when it was put into the outbox.
    Delivery {
        shows: String,
        platform: String,
        room: String,
        state: String,
        attempts: i64,
        fault: Option<String>,
    },
}

impl Agent {
    /// A turn by its id, by the beginning of it, or the latest (`last`).
    pub async fn trace(&self, principal: &Principal, id: &str) -> Result<Trace, Error> {
        self.may_look(principal)?;
        read(&self.parts().store, id).await
    }
}

/// Reads a turn. The ledger of a running Jarvis is written a moment later than everything else.
pub async fn read(store: &Store, id: &str) -> Result<Trace, Error> {
    let run = find(store, id).await?;
    let asked_in = store.asked_in(&run).await?;
    let (name, room) = asked_in.map_or((None, None), |asked| {
        let room = Room {
            platform: asked.platform,
            id: asked.room,
        };
        (asked.name, Some(room))
    });
    let audit = store.audit_of_run(&run.id).await?;
    let messages = store.messages_of_run(&run.id).await?;
    let models = store.model_calls_of_run(&run).await?;
    let consulted = consulted(store, &run.id).await?;
    let question = messages.iter().find(|message| message.role == MessageRole::User);
    let via = question
        .and_then(|message| message.detail.get("via")?.as_str().map(str::to_owned))
        .or_else(|| audit.first().map(|entry| entry.via.clone()));
    let (own, own_unknown) = cost_of(&models);
    let costs = consulted.iter().map(|(_, one)| one.cost.0).chain([own.0]);
    let cost = MicroUsd(costs.fold(0, i64::saturating_add));
    let unknown: usize = consulted.iter().map(|(_, one)| one.cost_unknown).sum();
    let cost_unknown = own_unknown + unknown;
    let mut steps: Vec<Step> = messages.iter().map(|message| said(message, name.as_deref())).collect();
    steps.extend(models.into_iter().map(model));
    steps.extend(tools(store.tool_calls(&run.id).await?, audit, consulted));
    steps.extend(store.approvals_of_run(&run.id).await?.into_iter().map(card));
    steps.extend(store.votes_of_run(&run.id).await?.into_iter().map(vote));
    steps.extend(store.shown_of_run(&run.id).await?.into_iter().map(delivery));
    steps.sort_by_key(|step| (step.at, step.what.rank()));
    Ok(Trace {
        id: run.id,
        conversation_id: run.conversation_id,
        asked_by: name,
        via,
        room,
        status: run.status,
        ended_by: run.stop_reason,
        started_at: run.started_at,
        ended_at: run.ended_at,
        model_calls: run.model_calls,
        tool_calls: run.tool_calls,
        tokens_in: run.tokens_in,
        tokens_out: run.tokens_out,
        cost,
        cost_unknown,
        tainted: run.tainted,
        saw_private: run.saw_private,
        steps,
    })
}

/// The turns of the specialists that were asked in a turn, each with the id of the call that asked.
async fn consulted(store: &Store, run_id: &str) -> Result<Vec<(String, Consulted)>, Error> {
    let mut all = Vec::new();
    for run in store.nested_runs(run_id).await? {
        let models = store.model_calls_of_run(&run).await?;
        let (cost, cost_unknown) = cost_of(&models);
        let Some(nested_in) = run.nested_in else { continue };
        let mut steps: Vec<Step> = models.into_iter().map(model).collect();
        let calls = store.tool_calls(&run.id).await?;
        steps.extend(tools(calls, store.audit_of_run(&run.id).await?, Vec::new()));
        steps.sort_by_key(|step| (step.at, step.what.rank()));
        let one = Consulted {
            agent: nested_in.agent,
            run_id: run.id,
            status: run.status,
            ended_by: run.stop_reason,
            target: run.target,
            model_calls: run.model_calls,
            tool_calls: run.tool_calls,
            tokens_in: run.tokens_in,
            tokens_out: run.tokens_out,
            cost,
            cost_unknown,
            tainted: run.tainted,
            saw_private: run.saw_private,
            steps,
        };
        all.push((nested_in.call_id, one));
    }
    Ok(all)
}

/// What model calls cost together, and of how many nobody knows.
fn cost_of(models: &[ModelCall]) -> (MicroUsd, usize) {
    let known = models.iter().filter_map(|call| call.cost).map(|cost| cost.0);
    let unknown = models.iter().filter(|call| call.cost.is_none()).count();
    (MicroUsd(known.fold(0, i64::saturating_add)), unknown)
}

async fn find(store: &Store, id: &str) -> Result<Run, Error> {
    let missing = || Error::NoRun(id.chars().take(LONGEST_ID).collect());
    let wanted = id.trim().to_lowercase();
    let ids = if wanted == LATEST {
        store.latest_run().await?.into_iter().collect()
    } else if !is_beginning(&wanted) {
        return Err(missing());
    } else {
        store.run_ids(&wanted, NAMED).await?
    };
    match ids.as_slice() {
        [one] => store.run(one).await?.ok_or_else(missing),
        [] => Err(missing()),
        several => Err(Error::ManyRuns {
            id: wanted,
            ids: several.join(", "),
        }),
    }
}

fn is_beginning(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

impl What {
    /// The order of steps of the same time.
    fn rank(&self) -> u8 {
        match self {
            Self::Asked { .. } => 0,
            // What it allows follows at once.
            Self::Vote { .. } => 1,
            Self::Model { .. } => 2,
            Self::Tool { .. } => 3,
            Self::Card { .. } => 4,
            Self::Event { .. } => 5,
            Self::Answer { .. } => 6,
            Self::Delivery { .. } => 7,
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

fn said(message: &Message, name: Option<&str>) -> Step {
    let text = short(&message.text);
    let what = match message.role {
        MessageRole::User => What::Asked {
            name: name.map(str::to_owned),
            text,
        },
        MessageRole::Assistant => What::Answer { text },
        MessageRole::Event => What::Event { text },
    };
    Step {
        at: message.created_at,
        what,
    }
}

fn model(call: ModelCall) -> Step {
    Step {
        at: call.at,
        what: What::Model {
            alias: call.alias,
            target: call.target,
            attempt: call.attempt,
            outcome: call.outcome,
            fault: call.fault,
            reason: call.reason,
            tokens_in: call.tokens_in,
            tokens_out: call.tokens_out,
            estimated: call.estimated,
            cost: call.cost,
            took_ms: call.took_ms,
        },
    }
}

/// Calls with what was decided about them, which the audit says in the same order; and those that were refused when they
/// were to begin, which only the audit knows.
fn tools(calls: Vec<ToolCall>, audit: Vec<AuditEntry>, mut consulted: Vec<(String, Consulted)>) -> Vec<Step> {
    let decided = |entry: &AuditEntry| entry.tool.is_some() && entry.decision.is_some();
    let mut decisions: VecDeque<AuditEntry> = audit.into_iter().filter(decided).collect();
    let mut steps: Vec<Step> = Vec::new();
    for call in calls {
        let same = |entry: &AuditEntry| {
            entry.tool.as_deref() == Some(call.tool.as_str()) && entry.arguments.as_ref() == Some(&call.arguments)
        };
        let place = decisions.iter().position(same);
        let decision = place.and_then(|place| decisions.remove(place));
        let asked = consulted.iter().position(|(id, _)| *id == call.call_id);
        let asked = asked.map(|place| consulted.swap_remove(place).1);
        steps.push(tool(call, decision, asked));
    }
    steps.extend(decisions.into_iter().map(refused));
    steps
}

fn tool(call: ToolCall, decision: Option<AuditEntry>, consulted: Option<Consulted>) -> Step {
    let result = call
        .result
        .and_then(|result| serde_json::from_value::<ToolResult>(result).ok());
    let (decision, rule, approval) = decision.map_or((None, None, None), |entry| {
        (entry.decision, entry.rule, entry.approval_id)
    });
    Step {
        at: call.at,
        what: What::Tool {
            tool: call.tool,
            arguments: Some(call.arguments),
            effect: Some(call.effect),
            decision,
            rule,
            approval,
            outcome: call.outcome,
            says: result.as_ref().map(says),
            took_ms: call.took_ms,
            consulted: consulted.map(Box::new),
        },
    }
}

fn refused(entry: AuditEntry) -> Step {
    Step {
        at: entry.at,
        what: What::Tool {
            tool: entry.tool.unwrap_or_default(),
            arguments: entry.arguments,
            effect: None,
            decision: entry.decision,
            rule: entry.rule,
            approval: entry.approval_id,
            outcome: entry.outcome.unwrap_or_else(|| "not begun".to_owned()),
            says: None,
            took_ms: None,
            consulted: None,
        },
    }
}

fn card(card: Approval) -> Step {
    Step {
        at: card.created_at,
        what: What::Card {
            title: approvals::title(&card).to_owned(),
            id: card.id,
            tool: card.tool,
            rule: card.rule,
            need: card.need,
            status: card.status,
            decided_by: card.decided_by,
        },
    }
}

fn vote(vote: CastVote) -> Step {
    Step {
        at: vote.at,
        what: What::Vote {
            approval: vote.approval_id,
            by: vote.name.unwrap_or(vote.person_id),
            yes: vote.yes,
            via: vote.via,
            note: vote.note,
        },
    }
}

fn delivery(shown: Shown) -> Step {
    Step {
        at: shown.sent_at.unwrap_or(shown.created_at),
        what: What::Delivery {
            shows: shown.kind,
            platform: shown.platform,
            room: shown.room,
            state: shown.state,
            attempts: shown.attempts,
            fault: shown.fault,
        },
    }
}
