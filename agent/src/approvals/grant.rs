//! "Yes, and for an hour": one person, one room, one tool, one target; never for what cannot be undone.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{Approval, AuditEvent, Grant, GrantedCall};
use jarvis_tools::Prepared;
use jarvis_tools::risk::{Effect, Trust};
use serde::Serialize;

use super::act;
use crate::agent::Agent;
use crate::error::Error;
use crate::execute::Origin;
use crate::parts::Parts;
use crate::principal::Principal;

/// How long a grant holds.
pub(crate) const TIME: Duration = Duration::from_hours(1);
/// How often it can be used in that time.
const USES: i64 = 20;
/// The rules that a grant satisfies. Above a room's ceiling, or over a budget, every single act is asked for.
const RULES: [&str; 2] = ["tainted", "rule_of_two"];
/// Grants that one list shows.
const LISTED: i64 = 100;

/// A grant as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantView {
    /// The id of the card that it came from.
    pub id: String,
    /// Who may act.
    pub person: String,
    pub tool: String,
    pub target: String,
    pub uses_left: i64,
    pub expires_at: Millis,
    pub granted_by: String,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id,
            person: grant.person_id,
            tool: grant.tool,
            target: grant.target,
            uses_left: grant.uses_left,
            expires_at: grant.expires_at,
            granted_by: grant.granted_by,
        }
    }
}

/// Whether a card can be allowed for an hour, by what is written on it.
pub(crate) fn is_possible(approval: &Approval) -> bool {
    approval.effect == Effect::Reversible.as_str() && RULES.contains(&approval.rule.as_str()) && approval.need == 1
}

/// The same, asked of the tool as it is now; the target that the grant is for.
fn target(parts: &Parts, approval: &Approval) -> Result<String, Error> {
    let not = |why: &str| Error::NotGrantable {
        id: approval.id.clone(),
        why: why.to_owned(),
    };
    if !is_possible(approval) {
        return Err(not(
            "only acts that can be undone, asked for because of what was read, are allowed for an hour",
        ));
    }
    let prepared = act::prepare(parts, approval).map_err(|_| not("its tool does not know it any more"))?;
    if prepared.risk.effect != Effect::Reversible || prepared.risk.egress {
        return Err(not("only acts that can be undone are allowed for an hour"));
    }
    prepared
        .target
        .ok_or_else(|| not("it has no target that a grant could be for"))
}

/// The grant of a card that is approved with one, and what the audit says of it. Nobody can use one whose conversation is
/// gone, so there is none then.
pub(super) async fn of_card(
    parts: &Parts,
    principal: &Principal,
    approval: &Approval,
) -> Result<Option<(Grant, AuditEvent)>, Error> {
    let target = target(parts, approval)?;
    let (Some(person_id), Some(conversation_id)) = (&approval.requester_id, &approval.conversation_id) else {
        return Ok(None);
    };
    let Some(conversation) = parts.store.conversation(conversation_id).await? else {
        return Ok(None);
    };
    let now = parts.now();
    let grant = Grant {
        id: approval.id.clone(),
        person_id: person_id.clone(),
        room_id: conversation.room_id,
        tool: approval.tool.clone(),
        target,
        uses_left: USES,
        created_at: now,
        expires_at: now.plus(TIME),
        granted_by: principal.name.clone(),
        approval_id: approval.id.clone(),
    };
    let event = AuditEvent {
        approval_id: Some(approval.id.clone()),
        tool: Some(grant.tool.clone()),
        detail: Some(serde_json::json!({ "target": grant.target, "for": person_id, "until": grant.expires_at })),
        ..event(principal, "grant")
    };
    Ok(Some((grant, event)))
}

fn event(principal: &Principal, kind: &str) -> AuditEvent {
    AuditEvent {
        kind: kind.to_owned(),
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        ..AuditEvent::default()
    }
}

fn call<'a>(origin: &'a Origin, tool: &'a str, prepared: &'a Prepared) -> Option<GrantedCall<'a>> {
    Some(GrantedCall {
        person_id: origin.person_id.as_deref()?,
        conversation_id: origin.conversation_id.as_deref()?,
        tool,
        target: prepared.target.as_deref()?,
    })
}

/// Whether a grant fits the call. When nobody can tell, none does.
pub(crate) async fn fits(parts: &Parts, origin: &Origin, tool: &str, prepared: &Prepared) -> bool {
    let Some(call) = call(origin, tool, prepared).filter(|_| prepared.risk.effect == Effect::Reversible) else {
        return false;
    };
    parts.store.is_granted(call, parts.now()).await.unwrap_or_else(|error| {
        tracing::warn!(tool, %error, "grants cannot be read, so none holds");
        false
    })
}

/// Uses the grant that freed the call. Of two calls at the last use, one is refused.
pub(crate) async fn used(parts: &Parts, origin: &Origin, tool: &str, prepared: &Prepared) -> bool {
    match call(origin, tool, prepared) {
        Some(call) => parts.store.use_grant(call, parts.now()).await.unwrap_or(false),
        None => false,
    }
}

impl Agent {
    /// What is allowed for a while, newest first.
    pub async fn grants(&self, principal: &Principal) -> Result<Vec<GrantView>, Error> {
        if principal.trust < Trust::Operator && !principal.may_approve {
            return Err(Error::Forbidden);
        }
        let grants = self.parts().store.grants(self.parts().now(), LISTED).await?;
        Ok(grants.into_iter().map(GrantView::from).collect())
    }

    /// Takes a grant back.
    pub async fn revoke_grant(&self, principal: &Principal, id: &str) -> Result<(), Error> {
        if principal.trust < Trust::Operator && !principal.may_approve {
            return Err(Error::Forbidden);
        }
        let (parts, id) = (self.parts().clone(), id.to_owned());
        let event = AuditEvent {
            detail: Some(serde_json::json!({ "grant": id.to_ascii_uppercase() })),
            ..event(principal, "grant.revoked")
        };
        self.to_its_end(async move {
            if !parts.store.revoke_grant(&id, parts.now()).await? {
                return Err(Error::NoGrant(id.chars().take(16).collect()));
            }
            parts.store.append_audit(&event, parts.now()).await?;
            Ok(())
        })
        .await
    }
}

/// Grants for people, one line each.
pub(crate) fn lines(grants: &[GrantView]) -> String {
    if grants.is_empty() {
        return "Nothing is allowed for a while.".to_owned();
    }
    let line = |grant: &GrantView| {
        let until = jiff::Timestamp::from_millisecond(grant.expires_at.0).unwrap_or_default();
        format!(
            "- **{}** `{}` on `{}` for {} until {until:.0}, {} more times, allowed by {}",
            grant.id, grant.tool, grant.target, grant.person, grant.uses_left, grant.granted_by
        )
    };
    let lines: Vec<String> = grants.iter().map(line).collect();
    format!("{}\n`/grants revoke ID` takes one back.", lines.join("\n"))
}
