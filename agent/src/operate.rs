//! What an operator does outside of any conversation, and what the configuration changed: kept in the audit, told to
//! whoever watches.

use std::fmt::Display;

use jarvis_memory::records::AuditEvent;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::error::Error;
use crate::principal::Principal;
use crate::view::Happening;

impl Agent {
    /// Does what an operator asked for, with its intent in the audit before and its outcome after. `what` names it:
    /// `target` makes `target.intent` and `target.outcome`. `act` is told who does it, in words. When the intent cannot
    /// be written, nothing is done.
    pub async fn operate<T, E: Display>(
        &self,
        principal: &Principal,
        what: &str,
        arguments: Value,
        act: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        self.may_look(principal)?;
        let parts = self.parts();
        let event = |stage: &str| AuditEvent {
            kind: format!("{what}.{stage}"),
            person_id: Some(principal.person_id.clone()),
            via: principal.surface.as_str().to_owned(),
            ..AuditEvent::default()
        };
        let intent = AuditEvent {
            arguments: Some(arguments),
            decision: Some("allow".into()),
            rule: Some("operator".into()),
            ..event("intent")
        };
        parts.store.append_audit(&intent, parts.now()).await?;
        let result = act(&format!("{} via {}", principal.name, principal.surface.as_str()));
        let (word, says) = match &result {
            Ok(_) => ("ok", None),
            Err(error) => ("error", Some(json!({ "says": error.to_string() }))),
        };
        let outcome = AuditEvent {
            outcome: Some(word.into()),
            detail: says,
            ..event("outcome")
        };
        if let Err(error) = parts.store.append_audit(&outcome, parts.now()).await {
            tracing::error!(%error, "the end of {what} is not in the audit");
        }
        Ok(result)
    }

    /// The configuration could not be read anew, so that nothing changes.
    pub fn config_refused(&self, fault: String) {
        let happening = Happening::Config {
            changes: Vec::new(),
            fault: Some(fault),
        };
        self.parts().bus.publish(happening);
    }

    /// The configuration was read anew while the program runs; `changes` are lines for people.
    pub async fn config_changed(&self, changes: Vec<String>) {
        let parts = self.parts();
        let event = AuditEvent {
            kind: "config.changed".into(),
            via: "file".into(),
            detail: Some(json!({ "changes": changes })),
            ..AuditEvent::default()
        };
        if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
            tracing::error!(%error, "a change of the configuration is not in the audit");
        }
        parts.bus.publish(Happening::Config { changes, fault: None });
    }
}
