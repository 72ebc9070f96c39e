//! Raising a card.

use std::time::Duration;

use jarvis_gateway::chat::ToolResult;
use jarvis_memory::records::{Approval, ApprovalStatus, AuditEvent, ToolCall};
use jarvis_tools::{Context, Plan, Prepared};
use rand::RngExt;

use super::routes::{self, Asking};
use super::{args_hash, publish, title};
use crate::execute::{Origin, of_error, write_note};
use crate::guard::guarded;
use crate::parts::Parts;
use crate::policy::Decision;
use crate::turn::ReadyCall;

/// Letters and digits that are not taken for one another when read aloud or typed from a screen.
const ALPHABET: &[u8] = b"ACDEFGHJKMNPQRTUVWXYZ34679";
/// Planning reads the world; it must not hold a turn for long.
const PLAN_LIMIT: Duration = Duration::from_secs(20);
/// With 26^4 ids and a handful of open cards a collision is rare, and several in a row are a fault.
const ID_TRIES: usize = 5;

/// Makes the plan and writes the card. What the model gets back is never an approval: only `pending`, or why there is no
/// card. An open card for the same act in the same conversation is returned instead of a second one.
pub(crate) async fn raise(parts: &Parts, origin: &Origin, ready: &ReadyCall, decision: Decision) -> ToolResult {
    let result = match raised(parts, origin, ready, decision).await {
        Ok(approval) => {
            let result = pending(parts, &approval).await;
            publish(parts, approval);
            return result;
        }
        Err(result) => result,
    };
    // A card writes its call down itself; a call without a card of its own is a row too.
    if let Err(error) = write_note(parts, origin, ready, Some(decision), &result).await {
        tracing::warn!(tool = ready.call.name, %error, "a call that raised no card is not in the audit");
    }
    result
}

/// The new card, or what is said without one.
pub(super) async fn raised(
    parts: &Parts,
    origin: &Origin,
    ready: &ReadyCall,
    decision: Decision,
) -> Result<Approval, ToolResult> {
    let prepared = ready.prepared.as_ref().map_err(Clone::clone)?;
    let tool = ready.call.name.as_str();
    let hash = args_hash(tool, &prepared.arguments);
    waits(parts, origin, tool, &hash).await?;
    let plan = plan(parts, tool, prepared).await?;
    match write(parts, origin, ready, prepared, decision, &hash, plan).await {
        Ok(Some(approval)) => Ok(approval),
        // Somebody asked for the same while it was planned.
        Ok(None) => {
            waits(parts, origin, tool, &hash).await?;
            Err(failed("the same act was asked for at the same time; ask again"))
        }
        Err(error) => Err(unwritten(tool, &error)),
    }
}

/// An error that is the card for the same act in the same conversation, when one waits.
async fn waits(parts: &Parts, origin: &Origin, tool: &str, hash: &str) -> Result<(), ToolResult> {
    let conversation = origin.conversation_id.as_deref().unwrap_or_default();
    match parts.store.open_approval(conversation, tool, hash, parts.now()).await {
        Ok(Some(open)) => Err(pending(parts, &open).await),
        Ok(None) => Ok(()),
        Err(error) => Err(unwritten(tool, &error)),
    }
}

pub(super) async fn plan(parts: &Parts, tool: &str, prepared: &Prepared) -> Result<Plan, ToolResult> {
    let Some(tool) = parts.catalog.get(tool) else {
        return Err(failed(&format!("there is no tool `{tool}`")));
    };
    let context = Context::default();
    let planning = guarded(tool.plan(&context, &prepared.arguments));
    match tokio::time::timeout(PLAN_LIMIT, planning).await {
        Ok(Some(Ok(plan))) => Ok(plan),
        Ok(Some(Err(error))) => Err(of_error(error)),
        Ok(None) => Err(failed(&format!(
            "the plan of `{}` broke off by a fault of its own",
            tool.name()
        ))),
        Err(_) => Err(failed(&format!(
            "the plan was not ready within {} s; nothing was done",
            PLAN_LIMIT.as_secs()
        ))),
    }
}

async fn write(
    parts: &Parts,
    origin: &Origin,
    ready: &ReadyCall,
    prepared: &Prepared,
    decision: Decision,
    hash: &str,
    plan: Plan,
) -> Result<Option<Approval>, jarvis_memory::Error> {
    let now = parts.now();
    let approval = Approval {
        id: free_id(parts).await?,
        tool: ready.call.name.clone(),
        arguments: prepared.arguments.clone(),
        args_hash: hash.to_owned(),
        effect: prepared.risk.effect.as_str().to_owned(),
        rule: decision.rule().to_owned(),
        state_hash: plan.state_hash.clone(),
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        requester_id: origin.person_id.clone(),
        conversation_id: origin.conversation_id.clone(),
        run_id: Some(origin.run_id.clone()).filter(|id| !id.is_empty()),
        min_trust: prepared.risk.min_trust.level(),
        need: parts.approvals.need(&ready.call.name, &prepared.arguments),
        status: ApprovalStatus::Pending,
        created_at: now,
        expires_at: now.plus(Duration::from_secs(u64::from(parts.config.approval_minutes) * 60)),
        decided_at: None,
        decided_by: None,
        executed_at: None,
        result: None,
    };
    let event = AuditEvent {
        approval_id: Some(approval.id.clone()),
        tool: Some(approval.tool.clone()),
        arguments: Some(approval.arguments.clone()),
        decision: Some(decision.as_str().to_owned()),
        rule: Some(decision.rule().to_owned()),
        detail: Some(serde_json::json!({ "title": title(&approval), "expires_at": approval.expires_at })),
        ..origin.event("approval.created")
    };
    let copies = routes::copies(parts, &approval, now).await?;
    if !parts.store.create_approval(&approval, &copies, &event).await? {
        return Ok(None);
    }
    if !origin.run_id.is_empty() {
        let row = row(parts, origin, ready, prepared, &approval);
        if let Err(error) = parts.store.start_tool_call(&row, None).await {
            tracing::error!(approval.id = approval.id, %error, "the call behind a card is not among the calls of its run");
        }
    }
    Ok(Some(approval))
}

/// An id that no card has yet.
async fn free_id(parts: &Parts) -> Result<String, jarvis_memory::Error> {
    let mut id = short_id();
    for _ in 1..ID_TRIES {
        if parts.store.approval(&id).await?.is_none() {
            break;
        }
        id = short_id();
    }
    Ok(id)
}

fn row(parts: &Parts, origin: &Origin, ready: &ReadyCall, prepared: &Prepared, approval: &Approval) -> ToolCall {
    ToolCall {
        id: parts.fresh_id(),
        run_id: origin.run_id.clone(),
        call_id: ready.call.id.clone(),
        tool: ready.call.name.clone(),
        arguments: prepared.arguments.clone(),
        effect: prepared.risk.effect.as_str().to_owned(),
        outcome: "pending".to_owned(),
        result: Some(serde_json::json!({ "approval": approval.id })),
        at: approval.created_at,
        took_ms: Some(0),
    }
}

fn short_id() -> String {
    let mut rng = rand::rng();
    (0..4)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

/// What the model is told: the truth, and not to try again.
async fn pending(parts: &Parts, approval: &Approval) -> ToolResult {
    let asking = routes::asking(parts, approval).await;
    let minutes = approval.expires_at.since(parts.now()).as_secs().div_ceil(60);
    let plan = |key: &str| {
        approval
            .plan
            .get(key)
            .and_then(serde_json::Value::as_str)
            .unwrap_or("unknown")
            .to_owned()
    };
    let mut says = format!(
        "NOT done yet: **{title}** needs approval **{id}** first.\n\nNow: {before}. Afterwards: {after}.\n\n\
         Approve it on its card, or say `approve {id}` (or `deny {id}`) within {minutes} min.",
        title = title(approval),
        id = approval.id,
        before = plan("before"),
        after = plan("after"),
    );
    let reached = match asking {
        Asking::Home => true,
        Asking::Platform { reached } => reached,
        Asking::Public { reached } => {
            says = format!(
                "NOT done yet: this needs approval **{}** from an operator.",
                approval.id
            );
            reached
        }
    };
    if !reached {
        says += " Nobody who may decide is reached on a platform; it is shown in the console alone.";
    }
    ToolResult::Pending {
        approval: approval.id.clone(),
        says,
    }
}

fn failed(error: &str) -> ToolResult {
    ToolResult::Error {
        error: error.to_owned(),
        hint: None,
        retry: false,
    }
}

fn unwritten(tool: &str, error: &jarvis_memory::Error) -> ToolResult {
    tracing::error!(tool, %error, "a card could not be written");
    failed("the approval could not be written to the database, so nothing is queued and nothing was done")
}
