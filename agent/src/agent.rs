//! The agent's front door: what surfaces and the API call.

use std::sync::Arc;

use jarvis_memory::records::{ApprovalStatus, AuditCheck, AuditEntry, Conversation, Message, MessageRole, Run};
use jarvis_tools::risk::Trust;
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::approvals::{self, Verdict};
use crate::bus::{Position, Subscription};
use crate::conversations;
use crate::error::Error;
use crate::instances;
use crate::outbox;
use crate::parts::Parts;
use crate::plain::{self, Asked, Needs, Plain};
use crate::platform::Adapter;
use crate::principal::Principal;
use crate::recovery;
use crate::schedule;
use crate::session::{Inbound, Place, Sessions};
use crate::view::{ApprovalView, Happening};

/// How often open cards are looked at for expiry.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(20);
/// Rows that one request may ask for.
const MAX_ROWS: i64 = 500;

/// Jarvis. Cheap to clone.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub message: Message,
    /// `false` when the same message had been sent before; nothing was started then.
    pub is_new: bool,
}

/// A message that was taken, and what is said to it at once without being kept.
pub(crate) struct Taken {
    pub(crate) said: Said,
    pub(crate) says: Option<String>,
}

impl Taken {
    fn before(message: Message) -> Self {
        let said = Said { message, is_new: false };
        Self { said, says: None }
    }
}

/// What became of a message that came in.
enum Stored {
    /// It is new. A message that is a plain command takes no place.
    New(Option<Place>),
    /// The same delivery was stored before.
    Before(Box<Message>),
}

impl Agent {
    /// Starts the agent: first closes what processes left open that are gone, then takes messages.
    pub async fn start(parts: Parts) -> Result<Self, Error> {
        instances::begin(&parts).await?;
        Box::pin(recovery::recover(&parts)).await?;
        let agent = Self {
            inner: Arc::new(Inner { parts: parts.clone() }),
        };
        let stopping = parts.tasks.stopping().clone();
        let tasks = parts.tasks.clone();
        tasks.spawn("approval expiry", async move {
            while tokio::time::timeout(SWEEP, stopping.cancelled()).await.is_err() {
                if let Err(error) = approvals::expire(&parts).await {
                    tracing::warn!(%error, "open approvals could not be looked at for expiry");
                }
            }
        });
        outbox::start(agent.parts());
        schedule::start(&agent);
        instances::live(&agent);
        Ok(agent)
    }

    /// Connects a platform: what waits for it is sent from now on.
    pub fn connect(&self, adapter: Arc<dyn Adapter>) {
        self.parts().outbox.connect(adapter);
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.parts.sessions
    }

    /// Publishes a change of a target for everyone who watches.
    pub fn target_changed(&self, target: serde_json::Value) {
        self.parts().bus.publish(Happening::Target { target });
    }

    /// Whether `principal` may see status, targets and what happens.
    pub fn may_look(&self, principal: &Principal) -> Result<(), Error> {
        reads_everything(principal)
    }

    /// Starts to watch everything that happens. For principals who may read everything.
    pub fn watch(&self, principal: &Principal, after: Option<&Position>) -> Result<Subscription, Error> {
        reads_everything(principal)?;
        Ok(self.parts().bus.subscribe(after))
    }

    pub async fn create_conversation(&self, principal: &Principal) -> Result<Conversation, Error> {
        reads_everything(principal)?;
        conversations::create(self.parts(), principal).await
    }

    /// Newest first.
    pub async fn conversations(&self, principal: &Principal, limit: i64) -> Result<Vec<Conversation>, Error> {
        reads_everything(principal)?;
        let room = conversations::room(self.parts(), principal).await?;
        Ok(self
            .parts()
            .store
            .conversations(&[room.id], limit.clamp(1, MAX_ROWS))
            .await?)
    }

    /// Oldest first: the last `limit` before the message `before`.
    pub async fn messages(
        &self,
        principal: &Principal,
        conversation_id: &str,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        reads_everything(principal)?;
        let conversation = conversations::find(self.parts(), principal, conversation_id).await?;
        Ok(self
            .parts()
            .store
            .messages(&conversation.id, before, limit.clamp(1, MAX_ROWS))
            .await?)
    }

    /// Takes a message. When this returns it is stored; the answer comes over [`Agent::watch`] and into the history.
    ///
    /// While the database does not answer, a message for a model is answered all the same, over [`Agent::watch`] alone;
    /// nothing acts then, because no intent can be written.
    pub async fn say(
        &self,
        principal: &Principal,
        conversation_id: &str,
        text: &str,
        external_id: Option<String>,
    ) -> Result<Said, Error> {
        reads_everything(principal)?;
        conversations::check_text(text)?;
        match conversations::find(self.parts(), principal, conversation_id).await {
            Ok(_) | Err(Error::Store(_)) => {}
            Err(error) => return Err(error),
        }
        let taken = self
            .take(principal, conversation_id, text, external_id, plain::parse(text))
            .await?;
        if let Some(text) = taken.says {
            // Shown to whoever watches now, and kept nowhere.
            let message = conversations::event(self.parts(), conversation_id, text);
            self.parts().bus.publish(Happening::Message { message });
        }
        Ok(taken.said)
    }

    /// Does `work` to its end, also when whoever waits for it leaves: between two of its rows nobody else would go on with
    /// it before the next start.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, end) = oneshot::channel();
        self.parts().tasks.spawn_one_of_many("request", async move {
            // Who left is told nothing.
            drop(done.send(work.await));
        });
        end.await.unwrap_or(Err(Error::BrokeOff))
    }

    /// Takes a message of somebody who may say it in this conversation.
    pub(crate) async fn take(
        &self,
        principal: &Principal,
        conversation_id: &str,
        text: &str,
        external_id: Option<String>,
        command: Option<(Plain, Needs)>,
    ) -> Result<Taken, Error> {
        let (agent, principal) = (self.clone(), principal.clone());
        let (conversation_id, text) = (conversation_id.to_owned(), text.to_owned());
        self.to_its_end(async move {
            agent
                .take_whole(&principal, &conversation_id, &text, external_id, command)
                .await
        })
        .await
    }

    async fn take_whole(
        &self,
        principal: &Principal,
        conversation_id: &str,
        text: &str,
        external_id: Option<String>,
        command: Option<(Plain, Needs)>,
    ) -> Result<Taken, Error> {
        let parts = self.parts();
        if parts.tasks.stopping().is_cancelled() {
            return Err(Error::Stopping);
        }
        let mut run = answer::queued_run(parts, principal, conversation_id);
        let kept = command.as_ref().and_then(|(plain, _)| plain.kept());
        let message = Message {
            id: self.parts().fresh_id(),
            conversation_id: conversation_id.to_owned(),
            run_id: command.is_none().then(|| run.id.clone()),
            person_id: Some(principal.person_id.clone()),
            trust: principal.trust.level(),
            role: MessageRole::User,
            text: kept.unwrap_or_else(|| text.to_owned()),
            detail: json!({ "via": principal.surface.as_str(), "name": principal.name }),
            external_id,
            created_at: parts.now(),
        };
        let place = match self.store_said(principal, &message, &run).await {
            Ok(Stored::New(place)) => place,
            Ok(Stored::Before(first)) => return Ok(Taken::before(*first)),
            // Beside others it is refused: whoever sent it asks another one, or again.
            Err(Error::Store(error)) if command.is_none() && parts.shared.is_none() => {
                tracing::warn!(run.id = run.id, %error, "a message is answered and not kept, because the database does not answer");
                let message = message.clone();
                parts.bus.publish(Happening::Message { message });
                run.waits = false;
                Some(self.inner.parts.sessions.reserve(parts, conversation_id)?)
            }
            Err(error) => {
                // To stop takes no row.
                if matches!((&command, &error), (Some((Plain::Stop, _)), Error::Store(_))) {
                    instances::stop(parts, conversation_id, None).await;
                }
                return Err(error);
            }
        };
        let mut says = None;
        if let Some((plain, needs)) = command {
            let asked = Asked {
                principal,
                conversation_id,
            };
            says = self.obey(asked, &message.id, plain, needs).await?;
        } else if let Some(place) = place {
            place.fill(Inbound {
                principal: principal.clone(),
                message: message.clone(),
                run,
                stop: CancellationToken::new(),
                api: None,
                steer: None,
                errand: None,
            });
        }
        let said = Said { message, is_new: true };
        Ok(Taken { said, says })
    }

    /// Stores a message with its run.
    async fn store_said(&self, principal: &Principal, message: &Message, run: &Run) -> Result<Stored, Error> {
        let parts = self.parts();
        let (conversation, external_id) = (message.conversation_id.as_str(), message.external_id.as_deref());
        let run = message.run_id.is_some().then_some(run);
        let place = match run.map(|_| self.inner.parts.sessions.reserve(parts, conversation)) {
            Some(Err(full)) => {
                // What was taken before needs no place now.
                let first = conversations::delivered(parts, conversation, external_id).await?;
                return first.map(|first| Stored::Before(Box::new(first))).ok_or(full);
            }
            Some(Ok(place)) => Some(place),
            None => None,
        };
        if conversations::take(parts, principal, run, message).await? {
            return Ok(Stored::New(place));
        }
        let first = conversations::delivered(parts, conversation, external_id).await?;
        Ok(Stored::Before(Box::new(first.unwrap_or_else(|| message.clone()))))
    }

    /// Hands a stored message to its conversation's task. Its run is closed when there is no room.
    pub(crate) async fn queue(&self, inbound: Inbound) -> Result<(), Error> {
        match self
            .inner
            .parts
            .sessions
            .reserve(self.parts(), &inbound.message.conversation_id)
        {
            Ok(place) => {
                place.fill(inbound);
                Ok(())
            }
            Err(error) => {
                answer::close_unused(self.parts(), inbound.run, "busy").await;
                Err(error)
            }
        }
    }

    /// Stops the running turn of a conversation and those that wait. Returns whether there were any.
    pub async fn cancel(&self, principal: &Principal, conversation_id: &str) -> Result<bool, Error> {
        reads_everything(principal)?;
        match conversations::find(self.parts(), principal, conversation_id).await {
            // Who may see everything may stop a turn also while nobody can tell where it belongs.
            Ok(_) | Err(Error::Store(_)) => Ok(instances::stop(self.parts(), conversation_id, None).await),
            Err(error) => Err(error),
        }
    }

    /// Cards, newest first.
    pub async fn approvals(
        &self,
        principal: &Principal,
        status: Option<ApprovalStatus>,
        limit: i64,
    ) -> Result<Vec<ApprovalView>, Error> {
        reads_cards(principal)?;
        let rows = self.parts().store.approvals(status, limit.clamp(1, MAX_ROWS)).await?;
        Ok(rows.into_iter().map(ApprovalView::from).collect())
    }

    pub async fn approval(&self, principal: &Principal, id: &str) -> Result<ApprovalView, Error> {
        reads_cards(principal)?;
        let row = self.parts().store.approval(id).await?;
        row.map(ApprovalView::from)
            .ok_or_else(|| Error::NoApproval(id.chars().take(16).collect()))
    }

    /// Decides a card. An approved act runs in the background.
    pub async fn decide(
        &self,
        principal: &Principal,
        id: &str,
        yes: bool,
        note: Option<String>,
    ) -> Result<ApprovalView, Error> {
        let verdict = if yes { Verdict::Yes } else { Verdict::No };
        self.decide_whole(principal, id, verdict, note).await
    }

    async fn decide_whole(
        &self,
        principal: &Principal,
        id: &str,
        verdict: Verdict,
        note: Option<String>,
    ) -> Result<ApprovalView, Error> {
        let (parts, principal, id) = (self.parts().clone(), principal.clone(), id.to_owned());
        self.to_its_end(async move {
            let card = approvals::decide(&parts, &principal, &id, verdict, note).await?;
            Ok(card.into())
        })
        .await
    }

    /// Approves a card, and acts of its kind by its requester, in its room, on its target, for an hour.
    pub async fn approve_for_an_hour(
        &self,
        principal: &Principal,
        id: &str,
        note: Option<String>,
    ) -> Result<ApprovalView, Error> {
        self.decide_whole(principal, id, Verdict::YesForAnHour, note).await
    }

    /// Raises a new card for an act whose card expired, went stale, failed, or was denied.
    pub async fn ask_again(&self, principal: &Principal, id: &str) -> Result<ApprovalView, Error> {
        reads_cards(principal).map_err(|_| Error::Forbidden)?;
        let (parts, principal, id) = (self.parts().clone(), principal.clone(), id.to_owned());
        self.to_its_end(async move { Ok(approvals::ask_again(&parts, &principal, &id).await?.into()) })
            .await
    }

    /// Audit entries, newest first. The first page also says whether the whole chain holds, which reads every entry.
    pub async fn audit(
        &self,
        principal: &Principal,
        before: Option<i64>,
        limit: i64,
    ) -> Result<(Vec<AuditEntry>, Option<AuditCheck>), Error> {
        reads_everything(principal)?;
        let store = &self.parts().store;
        let entries = store.audit(before, limit.clamp(1, MAX_ROWS)).await?;
        let check = if before.is_none() {
            Some(store.check_audit().await?)
        } else {
            None
        };
        Ok((entries, check))
    }
}

/// Conversations, audit and events are the owner's; a key without `ops` has no part in them.
fn reads_everything(principal: &Principal) -> Result<(), Error> {
    if principal.trust >= Trust::Operator {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

fn reads_cards(principal: &Principal) -> Result<(), Error> {
    if principal.trust >= Trust::Operator || principal.may_approve {
        Ok(())
    } else {
        Err(Error::MayNotApprove)
    }
}
