//! Carrying a plain command out: at once, also while a turn runs.

use jarvis_memory::records::{ApprovalStatus, Message};
use jarvis_tools::risk::Trust;
use serde_json::{Value, json};

use super::{Needs, Plain, help};
use crate::agent::Agent;
use crate::approvals::{self, Verdict, grant};
use crate::conversations;
use crate::error::Error;
use crate::freeze;
use crate::instances;
use crate::people::{link, rules, trust, whoami};
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
    /// It stays in the conversation. What is not kept is shown once, to the one who asks.
    pub(crate) kept: bool,
}

impl Reply {
    pub(crate) fn shown_once(text: String) -> Self {
        Self {
            kept: false,
            ..text.into()
        }
    }

    fn of_card(id: &str, text: String) -> Self {
        Self {
            text,
            detail: json!({ "approval": id }),
            kept: true,
        }
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self {
            text,
            detail: json!({}),
            kept: true,
        }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Agent {
    /// Carries out the command that is the message `id`, and answers it. What is said at once without being kept.
    pub(crate) async fn obey(
        &self,
        asked: Asked<'_>,
        id: &str,
        plain: Plain,
        needs: Needs,
    ) -> Result<Option<String>, Error> {
        let parts = self.parts();
        let (says, answer, failed) = match self.carry_out(asked, plain, needs).await {
            Ok(Some(Reply { text, kept: false, .. })) => (Some(text), None, None),
            Ok(Some(Reply { text, detail, .. })) => {
                let event = conversations::event(parts, asked.conversation_id, text);
                (None, Some(Message { detail, ..event }), None)
            }
            Ok(None) => (None, None, None),
            // Who asked is told of it at once.
            Err(error) => (None, None, Some(error)),
        };
        let answered = conversations::answer(parts, id, answer).await;
        match failed {
            Some(error) => Err(error),
            None => Ok(answered.map(|()| says)?),
        }
    }

    /// Does what the command says. `None` when the conversation is told by what was done.
    async fn carry_out(&self, asked: Asked<'_>, plain: Plain, needs: Needs) -> Result<Option<Reply>, Error> {
        if let Needs::Trust(least) = needs
            && asked.principal.trust < least
        {
            return Ok(Some(
                "You may not use this command here. `/help` lists those that you may use.".into(),
            ));
        }
        match plain {
            Plain::Approve(id) => self.decided(asked, id, Verdict::Yes).await,
            Plain::ApproveForAnHour(id) => self.decided(asked, id, Verdict::YesForAnHour).await,
            Plain::Deny(id) => self.decided(asked, id, Verdict::No).await,
            Plain::Grants => Ok(Some(
                said(self.grants(asked.principal).await, |grants| grant::lines(&grants))?.into(),
            )),
            Plain::Revoke(id) => {
                let done = self.revoke_grant(asked.principal, &id).await;
                Ok(Some(said(done, |()| format!("**{id}** is taken back."))?.into()))
            }
            Plain::Freeze(what, time) => {
                let frozen = self.freeze(asked.principal, &what, time).await;
                Ok(Some(said(frozen, |frozen| freeze::lines(&frozen))?.into()))
            }
            Plain::Unfreeze(what) => {
                let frozen = self.unfreeze(asked.principal, &what).await;
                Ok(Some(said(frozen, |frozen| freeze::lines(&frozen))?.into()))
            }
            Plain::Again(id) => self.asked_again(asked, id).await,
            Plain::Stop => Ok(Some(self.stopped(asked).await.into())),
            Plain::WhoAmI => Ok(Some(whoami::in_words(self.parts(), asked.principal).await?.into())),
            Plain::Rules => Ok(Some(rules::in_words(asked.principal).into())),
            Plain::Link(words) => Ok(Some(link::link(self.parts(), asked, &words).await?)),
            Plain::Unlink(words) => Ok(Some(link::unlink(self.parts(), asked.principal, &words).await?.into())),
            Plain::Trust(words) => Ok(Some(trust::grant(self.parts(), asked.principal, &words).await?.into())),
            Plain::Jobs(wish) => Ok(Some(self.listed_or_changed(asked, wish).await?.into())),
            Plain::Remind(text) => Ok(Some(self.remind(asked, &text).await?.into())),
            Plain::ForgetMe(wish) => Ok(Some(self.forget_me(asked, wish).await?)),
            Plain::Memory(wish) => Ok(Some(self.memory_command(asked, wish).await?)),
            Plain::Help => Ok(Some(help(asked.principal).into())),
        }
    }

    /// Where several people talk, only a moderator stops what somebody else asked for.
    async fn stopped(&self, asked: Asked<'_>) -> &'static str {
        let Asked {
            principal,
            conversation_id,
        } = asked;
        let everybodys = principal.room.is_own() || principal.trust >= Trust::Moderator;
        let of = (!everybodys).then_some(principal.person_id.as_str());
        if instances::stop(self.parts(), conversation_id, of).await {
            "Stopping."
        } else {
            "No answer is being written. `stop NAME` stops a container."
        }
    }

    async fn decided(&self, asked: Asked<'_>, id: String, verdict: Verdict) -> Result<Option<Reply>, Error> {
        let text = match approvals::decide(self.parts(), asked.principal, &id, verdict, None).await {
            // Others have to say yes too.
            Ok(row) if row.status == ApprovalStatus::Pending => {
                format!("**{id}** has your yes; it takes {} different persons.", row.need)
            }
            Ok(_) if verdict == Verdict::YesForAnHour => {
                format!("**{id}** is approved, and so are acts like it for an hour (`/grants`); doing it now.")
            }
            Ok(_) if verdict == Verdict::Yes => format!("**{id}** is approved; doing it now."),
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

/// A refusal is an answer too; that the database is away is not.
fn said<T>(done: Result<T, Error>, words: impl FnOnce(T) -> String) -> Result<String, Error> {
    match done {
        Ok(done) => Ok(words(done)),
        Err(Error::Store(error)) => Err(Error::Store(error)),
        Err(error) => Ok(format!("Not done: {error}.")),
    }
}
