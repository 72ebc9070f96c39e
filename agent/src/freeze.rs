//! Freezing: nothing acts, or one tool does not, until somebody takes it away or its time is over.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{AuditEvent, Switch};
use jarvis_tools::risk::Effect;
use serde::Serialize;
use serde_json::json;

use crate::agent::Agent;
use crate::error::Error;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::view::Happening;

const ALL: &str = "all";
const TOOL: &str = "tool:";
/// What should be frozen for longer is frozen without an end.
const LONGEST: Duration = Duration::from_hours(24 * 30);

/// What is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frozen {
    /// `all`, or the name of a tool.
    pub what: String,
    /// It ends by itself then; without it, somebody has to take it away.
    pub until: Option<Millis>,
    /// Who froze it, for people.
    pub by: String,
    pub at: Millis,
}

impl From<Switch> for Frozen {
    fn from(switch: Switch) -> Self {
        let what = switch.name.strip_prefix(TOOL).unwrap_or(&switch.name).to_owned();
        Self {
            what,
            until: switch.until,
            by: switch.by_name,
            at: switch.at,
        }
    }
}

impl Agent {
    /// What is frozen now, by name.
    pub async fn frozen(&self, principal: &Principal) -> Result<Vec<Frozen>, Error> {
        self.may_look(principal)?;
        Ok(list(self.parts()).await?)
    }

    /// Freezes everything (`all`) or one tool, for a time or until it is taken away. Reads go on.
    ///
    /// The freeze holds before the audit knows of it: to stop things must not wait for anything.
    pub async fn freeze(
        &self,
        principal: &Principal,
        what: &str,
        time: Option<Duration>,
    ) -> Result<Vec<Frozen>, Error> {
        self.may_look(principal)?;
        let parts = self.parts().clone();
        let name = name(&parts, what)?;
        let now = parts.now();
        let until = time.map(|time| now.plus(time.min(LONGEST)));
        let event = event(principal, "freeze", json!({ "what": name, "until": until }));
        let switch = Switch {
            name,
            until,
            by_name: principal.name.clone(),
            at: now,
        };
        self.to_its_end(async move {
            parts.store.freeze(&switch).await?;
            if let Err(error) = parts.store.append_audit(&event, now).await {
                tracing::error!(%error, "a freeze is not in the audit");
            }
            tracing::warn!(what = switch.name, by = switch.by_name, "acts are frozen");
            Ok(told(&parts).await?)
        })
        .await
    }

    /// Takes a freeze away. Written to the audit first: without that row, everything stays as it is.
    pub async fn unfreeze(&self, principal: &Principal, what: &str) -> Result<Vec<Frozen>, Error> {
        self.may_look(principal)?;
        let parts = self.parts();
        // A tool that is gone may still be frozen.
        let name = name(parts, what).unwrap_or_else(|_| format!("{TOOL}{what}"));
        let now = parts.now();
        if !parts
            .store
            .switches(now)
            .await?
            .iter()
            .any(|switch| switch.name == name)
        {
            return Err(Error::NotFrozen(what.chars().take(64).collect()));
        }
        let event = event(principal, "unfreeze", json!({ "what": name }));
        parts.store.append_audit(&event, now).await?;
        parts.store.unfreeze(&name, now).await?;
        tracing::warn!(what = name, by = principal.name, "acts are no longer frozen");
        Ok(told(parts).await?)
    }
}

fn event(principal: &Principal, kind: &str, detail: serde_json::Value) -> AuditEvent {
    AuditEvent {
        kind: kind.to_owned(),
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        detail: Some(detail),
        ..AuditEvent::default()
    }
}

/// The name of the switch.
fn name(parts: &Parts, what: &str) -> Result<String, Error> {
    if what.eq_ignore_ascii_case(ALL) {
        return Ok(ALL.to_owned());
    }
    let tool = parts.catalog.get(what).ok_or_else(|| {
        let names: Vec<String> = parts.catalog.iter().map(|tool| tool.name().to_owned()).collect();
        Error::NoTool {
            name: what.chars().take(64).collect(),
            tools: names.join(", "),
        }
    })?;
    Ok(format!("{TOOL}{}", tool.name()))
}

async fn list(parts: &Parts) -> Result<Vec<Frozen>, jarvis_memory::Error> {
    let switches = parts.store.switches(parts.now()).await?;
    Ok(switches.into_iter().map(Frozen::from).collect())
}

async fn told(parts: &Parts) -> Result<Vec<Frozen>, jarvis_memory::Error> {
    let frozen = list(parts).await?;
    parts.bus.publish(Happening::Frozen { frozen: frozen.clone() });
    Ok(frozen)
}

/// Whether calls of this tool may not act now. When nobody can tell, they may not.
pub(crate) async fn holds(parts: &Parts, tool: &str, effect: Effect) -> bool {
    if effect == Effect::Read {
        return false;
    }
    match parts.store.switches(parts.now()).await {
        Ok(switches) => switches
            .iter()
            .any(|switch| switch.name == ALL || switch.name.strip_prefix(TOOL) == Some(tool)),
        Err(error) => {
            tracing::error!(%error, "what is frozen cannot be read, so nothing acts");
            true
        }
    }
}

/// The freezes for people, one line each.
pub(crate) fn lines(frozen: &[Frozen]) -> String {
    if frozen.is_empty() {
        return "Nothing is frozen.".to_owned();
    }
    let line = |frozen: &Frozen| {
        let until = frozen.until.map_or_else(
            || "until somebody takes it away".to_owned(),
            |until| {
                let until = jiff::Timestamp::from_millisecond(until.0).unwrap_or_default();
                format!("until {until:.0}")
            },
        );
        let what = if frozen.what == ALL {
            "All acts are".to_owned()
        } else {
            format!("Acts of `{}` are", frozen.what)
        };
        format!("{what} frozen by {}, {until}.", frozen.by)
    };
    frozen.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// For the system prompt, so that a model does not promise what is refused.
pub(crate) async fn note(parts: &Parts) -> Option<String> {
    match list(parts).await {
        Ok(frozen) if frozen.is_empty() => None,
        Ok(frozen) => Some(lines(&frozen)),
        Err(_) => Some("Nothing can be acted on at the moment.".to_owned()),
    }
}
