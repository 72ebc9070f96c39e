//! Carrying a plain command out: at once, also while a turn runs.

use serde_json::{Value, json};

use super::{Needs, Plain, help};
use crate::agent::Agent;
use crate::approvals;
use crate::error::Error;
use crate::principal::Principal;

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) conversation_id: &'a str,
}

/// What a command says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) detail: Value,
}

impl Reply {
    fn of_card(id: &str, text: String) -> Self {
        Self {
            text,
            detail: json!({ "approval": id }),
        }
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self {
            text,
            detail: json!({}),
        }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Agent {
    /// Does what the command says. `None` when the conversation is told by what was done.
    pub(crate) async fn carry_out(&self, asked: Asked<'_>, plain: Plain, needs: Needs) -> Result<Option<Reply>, Error> {
        if let Needs::Trust(least) = needs
            && asked.principal.trust < least
        {
            return Ok(Some(
                "You may not use this command here. `/help` lists those that you may use.".into(),
            ));
        }
        match plain {
            Plain::Approve(id) => self.decided(asked, id, true).await,
            Plain::Deny(id) => self.decided(asked, id, false).await,
            Plain::Again(id) => self.asked_again(asked, id).await,
            Plain::Stop => Ok(Some(self.stopped(asked).into())),
            Plain::Help => Ok(Some(help(asked.principal).into())),
        }
    }

    fn stopped(&self, asked: Asked<'_>) -> &'static str {
        if self.sessions().cancel(asked.conversation_id) {
            "Stopping."
        } else {
            "No answer is being written. `stop NAME` stops a container."
        }
    }

    async fn decided(&self, asked: Asked<'_>, id: String, yes: bool) -> Result<Option<Reply>, Error> {
        let text = match approvals::decide(self.parts(), asked.principal, &id, yes, None).await {
            Ok(_) if yes => format!("**{id}** is approved; doing it now."),
            // The card's own conversation is told of a denial; this one may be another.
            Ok(row) if row.conversation_id.as_deref() == Some(asked.conversation_id) => return Ok(None),
            Ok(_) => format!("**{id}** is denied."),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => format!("Not decided: {error}."),
        };
        Ok(Some(Reply::of_card(&id, text)))
    }

    async fn asked_again(&self, asked: Asked<'_>, id: String) -> Result<Option<Reply>, Error> {
        let text = match approvals::ask_again(self.parts(), asked.principal, &id).await {
            // The card's own conversation is told of it; this one may be another.
            Ok(new) if new.conversation_id.as_deref() == Some(asked.conversation_id) => return Ok(None),
            Ok(new) => format!("**{id}** was asked for again as **{}**.", new.id),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => format!("Not asked again: {error}."),
        };
        Ok(Some(Reply::of_card(&id, text)))
    }
}
