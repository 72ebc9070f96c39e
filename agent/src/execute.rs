//! Making one call: its intent is written, and its outcome afterwards, whatever happens to the turn in between.

use jarvis_gateway::chat::ToolResult;
use jarvis_gateway::trace;
use jarvis_memory::records::{AuditEvent, ToolCall};
use jarvis_tools::risk::Effect;
use jarvis_tools::{Context, Error, OnBehalf, Output, Prepared};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::approvals::grant;
use crate::big_result;
use crate::freeze;
use crate::guard::guarded;
use crate::instances::Insist;
use crate::memory;
use crate::parts::Parts;
use crate::policy::Decision;
use crate::spans;
use crate::turn::{ReadyCall, denied};

/// On whose behalf and from where, for the audit.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Origin {
    pub(crate) person_id: Option<String>,
    pub(crate) via: String,
    pub(crate) conversation_id: Option<String>,
    pub(crate) run_id: String,
    pub(crate) approval_id: Option<String>,
    /// Outside text is in the context.
    pub(crate) tainted: bool,
    /// The span of the turn, when traces are collected.
    pub(crate) trace: Option<trace::Context>,
}

impl Origin {
    fn on_behalf(&self) -> Option<OnBehalf> {
        Some(OnBehalf {
            person_id: self.person_id.clone()?,
            conversation_id: self.conversation_id.clone()?,
            approved: self.approval_id.is_some(),
            tainted: self.tainted,
        })
    }

    pub(crate) fn event(&self, kind: &str) -> AuditEvent {
        AuditEvent {
            kind: kind.to_owned(),
            person_id: self.person_id.clone(),
            via: self.via.clone(),
            conversation_id: self.conversation_id.clone(),
            run_id: Some(self.run_id.clone()).filter(|id| !id.is_empty()),
            approval_id: self.approval_id.clone(),
            ..AuditEvent::default()
        }
    }
}

/// A call that may be made.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    pub(crate) call_id: String,
    pub(crate) tool: String,
    pub(crate) prepared: Prepared,
    pub(crate) decision: Decision,
}

/// Makes the call. A read ends when `stop` is cancelled; an act that has begun is finished and recorded even when
/// nobody waits for the result any more.
pub(crate) async fn execute(parts: &Parts, origin: &Origin, allowed: Allowed, stop: &CancellationToken) -> ToolResult {
    if allowed.prepared.risk.effect == Effect::Read {
        return record_and_run(parts, origin, &allowed, stop).await;
    }
    let (done, wait) = oneshot::channel();
    let (parts_of_task, origin) = (parts.clone(), origin.clone());
    parts.tasks.spawn("act", async move {
        let never = CancellationToken::new();
        let result = record_and_run(&parts_of_task, &origin, &allowed, &never).await;
        // Nobody waiting is fine: the result is in the tables.
        drop(done.send(result));
    });
    wait.await.unwrap_or_else(|_| unknown("the act broke off"))
}

async fn record_and_run(parts: &Parts, origin: &Origin, allowed: &Allowed, stop: &CancellationToken) -> ToolResult {
    let risk = allowed.prepared.risk;
    // What reads in the house and tells nobody need not wait for its row: begun without one, it has done nothing.
    let order = if risk.effect == Effect::Read && !risk.egress {
        Order::SideBySide
    } else {
        Order::IntentFirst
    };
    recorded(parts, origin, allowed, order, run(parts, origin, allowed, stop)).await
}

/// When a call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// After its intent is written.
    IntentFirst,
    /// While it is written.
    SideBySide,
}

/// Makes a call that `call` carries out, with its intent before or beside it and its outcome after it.
pub(crate) async fn recorded(
    parts: &Parts,
    origin: &Origin,
    allowed: &Allowed,
    order: Order,
    call: impl Future<Output = ToolResult>,
) -> ToolResult {
    if let Some(refused) = refused(parts, origin, allowed).await {
        return refused;
    }
    let (started, began) = (parts.now(), Instant::now());
    let row_id = parts.fresh_id();
    let intent = async {
        let written = write_intent(parts, origin, allowed, &row_id).await;
        written.or_else(|error| without_intent(allowed, &error))
    };
    let called = match order {
        Order::IntentFirst => match intent.await {
            Ok(()) => call.await,
            Err(refused) => return refused,
        },
        Order::SideBySide => match tokio::join!(intent, call) {
            (Ok(()), result) => result,
            (Err(refused), _) => return refused,
        },
    };
    let result = without_secrets(parts, called);
    if let Some(turn) = origin.trace {
        parts
            .tracer
            .tell(spans::of_tool(turn, allowed, &result, started, began.elapsed()));
    }
    let took = i64::try_from(parts.now().since(started).as_millis()).unwrap_or(i64::MAX);
    if let Err(error) = write_outcome(parts, origin, allowed, &row_id, &result, took).await {
        tracing::error!(tool = allowed.tool, outcome = outcome(&result), %error, "the outcome of a call could not be written");
    }
    result
}

/// What becomes of a call whose intent could not be written: a read goes on, an act is not made.
fn without_intent(allowed: &Allowed, error: &jarvis_memory::Error) -> Result<(), ToolResult> {
    if allowed.prepared.risk.effect == Effect::Read {
        tracing::warn!(tool = allowed.tool, %error, "a read is not in the audit because the database does not answer");
        return Ok(());
    }
    tracing::error!(tool = allowed.tool, %error, "an act was refused because its intent could not be written");
    Err(ToolResult::Error {
        error: "the audit could not be written, so nothing was done".into(),
        hint: Some("look at the database of Jarvis; `jarvis doctor` checks it".into()),
        retry: false,
    })
}

/// What can have changed since the call was decided, or approved: a freeze, and the last use of a grant.
async fn refused(parts: &Parts, origin: &Origin, allowed: &Allowed) -> Option<ToolResult> {
    let (tool, prepared) = (allowed.tool.as_str(), &allowed.prepared);
    let rule = if freeze::holds(parts, tool, prepared.risk.effect).await {
        "frozen"
    } else if allowed.decision == Decision::Allow("granted") && !grant::used(parts, origin, tool, prepared).await {
        "grant_used"
    } else {
        return None;
    };
    let event = AuditEvent {
        tool: Some(allowed.tool.clone()),
        arguments: Some(memory::for_audit(&allowed.tool, prepared.arguments.clone())),
        decision: Some("deny".to_owned()),
        rule: Some(rule.to_owned()),
        outcome: Some("denied".to_owned()),
        ..origin.event("decision")
    };
    if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
        tracing::warn!(tool, rule, %error, "a refused call is not in the audit");
    }
    Some(denied(rule, false))
}

async fn run(parts: &Parts, origin: &Origin, allowed: &Allowed, stop: &CancellationToken) -> ToolResult {
    if allowed.tool == big_result::READ_RESULT {
        return big_result::read(parts, origin, &allowed.prepared.arguments).await;
    }
    let Some(tool) = parts.catalog.get(&allowed.tool) else {
        return ToolResult::Error {
            error: format!("there is no tool `{}`", allowed.tool),
            hint: None,
            retry: false,
        };
    };
    let context = Context {
        stop: stop.clone(),
        on_behalf: origin.on_behalf(),
    };
    let limit = tool.time_limit();
    let acts = allowed.prepared.risk.effect > Effect::Read;
    let call = guarded(tool.run(&context, allowed.prepared.arguments.clone()));
    let call = tokio::time::timeout(limit, call);
    tokio::select! {
        () = stop.cancelled() => ToolResult::Interrupted { says: format!("`{}` was stopped", allowed.tool) },
        ended = call => match ended {
            Ok(Some(Ok(output))) => of_output(output),
            Ok(Some(Err(error))) => of_error(error),
            Ok(None) if acts => unknown(&format!("`{}` broke off by a fault of its own", allowed.tool)),
            Ok(None) => ToolResult::Error {
                error: format!("`{}` broke off by a fault of its own", allowed.tool),
                hint: None,
                retry: false,
            },
            Err(_) if acts => unknown(&format!("`{}` took longer than {limit:?}", allowed.tool)),
            Err(_) => ToolResult::Error {
                error: format!("`{}` gave no answer within {limit:?}", allowed.tool),
                hint: None,
                retry: true,
            },
        },
    }
}

/// A result is stored, sent to models and shown: none of them is told the secrets of this installation.
fn without_secrets(parts: &Parts, result: ToolResult) -> ToolResult {
    let hide = |text: String| parts.gate.hide(&text);
    match result {
        ToolResult::Ok { summary, data } => ToolResult::Ok {
            summary: hide(summary),
            data: parts.gate.hide_value(data),
        },
        ToolResult::Error { error, hint, retry } => ToolResult::Error {
            error: hide(error),
            hint: hint.map(hide),
            retry,
        },
        ToolResult::Interrupted { says } => ToolResult::Interrupted { says: hide(says) },
        // Made by code, without a word from outside.
        other @ (ToolResult::Denied { .. } | ToolResult::Pending { .. } | ToolResult::Skipped { .. }) => other,
    }
}

fn of_output(output: Output) -> ToolResult {
    let summary = if output.summary.trim().is_empty() {
        "(no output)".to_owned()
    } else {
        output.summary
    };
    ToolResult::Ok {
        summary,
        data: output.data,
    }
}

pub(crate) fn of_error(error: Error) -> ToolResult {
    match error {
        Error::Refused { message, hint } => ToolResult::Error {
            error: message,
            hint,
            retry: false,
        },
        Error::Unavailable { message, hint } => ToolResult::Error {
            error: message,
            hint,
            retry: true,
        },
        Error::OutcomeUnknown { message } => unknown(&message),
    }
}

fn unknown(what: &str) -> ToolResult {
    ToolResult::Interrupted {
        says: format!("Outcome unknown: {what}. Look at the state before you try again."),
    }
}

/// The word for a result in the tables.
pub(crate) fn outcome(result: &ToolResult) -> &'static str {
    match result {
        ToolResult::Ok { .. } => "ok",
        ToolResult::Error { .. } => "error",
        ToolResult::Denied { .. } => "denied",
        ToolResult::Pending { .. } => "pending",
        ToolResult::Interrupted { .. } => "interrupted",
        ToolResult::Skipped { .. } => "skipped",
    }
}

async fn write_intent(
    parts: &Parts,
    origin: &Origin,
    allowed: &Allowed,
    row_id: &str,
) -> Result<(), jarvis_memory::Error> {
    let now = parts.now();
    let event = AuditEvent {
        tool: Some(allowed.tool.clone()),
        arguments: Some(memory::for_audit(&allowed.tool, allowed.prepared.arguments.clone())),
        decision: Some(allowed.decision.as_str().to_owned()),
        rule: Some(allowed.decision.rule().to_owned()),
        ..origin.event("tool.intent")
    };
    // An approved act of a conversation that is gone belongs to no run; its record is the approval itself.
    if origin.run_id.is_empty() {
        return parts.store.append_audit(&event, now).await.map(drop);
    }
    let row = ToolCall {
        id: row_id.to_owned(),
        run_id: origin.run_id.clone(),
        call_id: allowed.call_id.clone(),
        tool: allowed.tool.clone(),
        arguments: allowed.prepared.arguments.clone(),
        effect: allowed.prepared.risk.effect.as_str().to_owned(),
        outcome: "started".to_owned(),
        result: None,
        at: now,
        took_ms: None,
    };
    parts.store.start_tool_call(&row, Some(&event)).await
}

async fn write_outcome(
    parts: &Parts,
    origin: &Origin,
    allowed: &Allowed,
    row_id: &str,
    result: &ToolResult,
    took_ms: i64,
) -> Result<(), jarvis_memory::Error> {
    // The words of a read stay out of the audit: they can be private and are kept with the call.
    let acted = allowed.prepared.risk.effect > Effect::Read;
    let event = AuditEvent {
        tool: Some(allowed.tool.clone()),
        outcome: Some(outcome(result).to_owned()),
        detail: Some(serde_json::json!({ "says": acted.then(|| says(result)), "took_ms": took_ms })),
        ..origin.event("tool.outcome")
    };
    if origin.run_id.is_empty() {
        return parts.store.append_audit(&event, parts.now()).await.map(drop);
    }
    let value = serde_json::to_value(result).unwrap_or_default();
    let mut insist = Insist::on(parts, "the outcome of a call");
    loop {
        let came_to = (outcome(result), &value);
        let written = parts
            .store
            .finish_tool_call(row_id, came_to, took_ms, &event, parts.now())
            .await;
        if !insist.again(written.as_ref().err()).await {
            break written;
        }
    }
}

/// Writes down a call that is not made: refused by policy, unknown, malformed, or skipped.
pub(crate) async fn write_note(
    parts: &Parts,
    origin: &Origin,
    ready: &ReadyCall,
    decision: Option<Decision>,
    result: &ToolResult,
) -> Result<(), jarvis_memory::Error> {
    let now = parts.now();
    let prepared = ready.prepared.as_ref().ok();
    let arguments = prepared.map_or_else(
        // What a model wrote that could not be read is kept as text, bounded.
        || serde_json::Value::String(ready.call.arguments.chars().take(2_000).collect()),
        |prepared| prepared.arguments.clone(),
    );
    let row = ToolCall {
        id: parts.fresh_id(),
        run_id: origin.run_id.clone(),
        call_id: ready.call.id.clone(),
        tool: ready.call.name.chars().take(80).collect(),
        arguments: arguments.clone(),
        effect: prepared
            .map_or("unknown", |prepared| prepared.risk.effect.as_str())
            .to_owned(),
        outcome: outcome(result).to_owned(),
        result: serde_json::to_value(result).ok(),
        at: now,
        took_ms: Some(0),
    };
    let event = AuditEvent {
        tool: Some(row.tool.clone()),
        arguments: Some(memory::for_audit(&row.tool, arguments)),
        decision: decision.map(|decision| decision.as_str().to_owned()),
        rule: decision.map(|decision| decision.rule().to_owned()),
        outcome: Some(row.outcome.clone()),
        detail: Some(serde_json::json!({ "says": says(result) })),
        ..origin.event("decision")
    };
    parts.store.start_tool_call(&row, Some(&event)).await
}

/// What an audit row keeps of a result: its words, bounded; the whole result is in its own table.
pub(crate) fn says(result: &ToolResult) -> String {
    let text = match result {
        ToolResult::Ok { summary, .. } => summary,
        ToolResult::Error { error, .. } => error,
        ToolResult::Denied { reason } => reason,
        ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } | ToolResult::Skipped { says } => says,
    };
    text.chars().take(500).collect()
}
