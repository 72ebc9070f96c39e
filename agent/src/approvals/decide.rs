//! Deciding a card, and letting it expire.

use jarvis_memory::records::{Approval, ApprovalStatus, AuditEvent, Vote, VoteOutcome};
use jarvis_tools::risk::Effect;

use super::{act, ended, grant, is_open, publish};
use crate::error::Error;
use crate::freeze;
use crate::parts::Parts;
use crate::principal::Principal;

/// What somebody says to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Yes,
    /// And acts of this kind on this target for an hour, without another card.
    YesForAnHour,
    No,
}

/// Counts the vote of `principal`. Returns the card as it is afterwards; an approved act runs in the background and the
/// conversation is told of its outcome.
pub(crate) async fn decide(
    parts: &Parts,
    principal: &Principal,
    id: &str,
    verdict: Verdict,
    note: Option<String>,
) -> Result<Approval, Error> {
    let yes = verdict != Verdict::No;
    let found = parts.store.approval(id).await?;
    if !principal.may_approve {
        // Who may not decide is not told which cards there are.
        if let Some(approval) = &found {
            refused(parts, principal, approval, yes).await?;
        }
        return Err(Error::MayNotApprove);
    }
    let Some(approval) = found else {
        return Err(Error::NoApproval(id.chars().take(16).collect()));
    };
    let granted = match verdict {
        Verdict::YesForAnHour => grant::of_card(parts, principal, &approval).await?,
        Verdict::Yes | Verdict::No => None,
    };
    // The card stays open: what was approved before the freeze and not begun is refused when it begins.
    if yes && is_open(&approval) && freeze::holds(parts, &approval.tool, Effect::Destructive).await {
        return Err(Error::Frozen(approval.tool));
    }
    // The vote statement reads the trust from the table, so the row has to be there and right before it.
    let person = principal.person();
    parts.store.put_person(&person).await?;
    let vote = Vote {
        approval_id: approval.id.clone(),
        person_id: person.id,
        yes,
        trust: principal.vote_trust().level(),
        via: principal.surface.as_str().to_owned(),
        note: note.map(|text| text.chars().take(500).collect()),
    };
    let event = event(principal, &approval, yes, if yes { "yes" } else { "no" });
    let granted = granted.as_ref().map(|(grant, event)| (grant, event));
    let outcome = parts.store.vote(&vote, &event, granted, parts.now()).await?;
    match outcome {
        VoteOutcome::Decided(_) | VoteOutcome::Waiting => {}
        VoteOutcome::Unknown => return Err(Error::NoApproval(id.to_owned())),
        VoteOutcome::NotAllowed => {
            refused(parts, principal, &approval, yes).await?;
            return Err(Error::MayNotApprove);
        }
        VoteOutcome::Expired => {
            expire(parts).await?;
            return Err(Error::ApprovalExpired(approval.id));
        }
        VoteOutcome::Already(ApprovalStatus::Expired) => return Err(Error::ApprovalExpired(approval.id)),
        VoteOutcome::Already(status) => {
            // Who was faster is known since then.
            let now = parts.store.approval(&approval.id).await?;
            return Err(Error::AlreadyDecided {
                id: approval.id,
                status,
                by: now.and_then(|card| card.decided_by),
            });
        }
    }
    let decided = parts.store.approval(&approval.id).await;
    if let Ok(Some(decided)) = &decided {
        publish(parts, decided.clone());
    }
    if outcome == VoteOutcome::Decided(ApprovalStatus::Approved) {
        // Also when the card cannot be read just now: it is approved.
        let (parts, id, tasks) = (parts.clone(), approval.id.clone(), parts.tasks.clone());
        tasks.spawn("approved act", async move { act::carry_out(&parts, &id).await });
    }
    let decided = decided?.ok_or_else(|| Error::NoApproval(id.to_owned()))?;
    match outcome {
        VoteOutcome::Decided(ApprovalStatus::Approved) => {}
        VoteOutcome::Decided(_) => {
            ended::tell(parts, &decided, None).await;
        }
        _ => {}
    }
    Ok(decided)
}

/// Somebody tried to vote who may not.
async fn refused(
    parts: &Parts,
    principal: &Principal,
    approval: &Approval,
    yes: bool,
) -> Result<(), jarvis_memory::Error> {
    let event = event(principal, approval, yes, "refused");
    parts.store.append_audit(&event, parts.now()).await.map(drop)
}

fn event(principal: &Principal, approval: &Approval, yes: bool, outcome: &str) -> AuditEvent {
    AuditEvent {
        kind: "approval.vote".to_owned(),
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        conversation_id: approval.conversation_id.clone(),
        run_id: approval.run_id.clone(),
        approval_id: Some(approval.id.clone()),
        tool: Some(approval.tool.clone()),
        outcome: Some(outcome.to_owned()),
        detail: Some(serde_json::json!({ "yes": yes, "by": principal.name })),
        ..AuditEvent::default()
    }
}

/// Ends the cards whose time is over, and tells their conversations.
pub(crate) async fn expire(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    let event = |approval: &Approval| AuditEvent {
        kind: "approval.expired".to_owned(),
        via: "jarvis".to_owned(),
        conversation_id: approval.conversation_id.clone(),
        run_id: approval.run_id.clone(),
        approval_id: Some(approval.id.clone()),
        tool: Some(approval.tool.clone()),
        ..AuditEvent::default()
    };
    for approval in parts.store.expire_approvals(parts.now(), event).await? {
        ended::tell(parts, &approval, None).await;
        publish(parts, approval);
    }
    Ok(())
}
