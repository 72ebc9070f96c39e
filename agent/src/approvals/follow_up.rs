//! A look at what came of an approved act: one turn of a model that nobody asks for just now.

use jarvis_gateway::usage::MicroUsd;
use jarvis_memory::records::{Approval, ApprovalStatus, Message, MessageRole, Run};
use jarvis_tools::risk::Trust;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::conversations;
use crate::execute::Origin;
use crate::go_on;
use crate::parts::Parts;
use crate::principal::{Principal, Surface};
use crate::schedule::{After, Errand, standing};
use crate::session::Inbound;

/// An act that is approved out of such a turn has one too. So many in a row; what comes of the next act is told as an
/// event alone, until a person asks for something.
const LONGEST_CHAIN: i64 = 3;
/// Messages among which the one that asked for the act is looked for.
const LOOKED_AT: i64 = 200;

/// A turn that is to come.
pub(super) struct FollowUp {
    principal: Principal,
    run: Run,
    asked: Message,
    place_in_chain: i64,
    saw_private: bool,
    tainted: bool,
    more: Option<MicroUsd>,
}

impl FollowUp {
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// What the event says of it, so that a card out of the turn is traced back to the message that began it all.
    pub(super) fn detail(&self) -> Value {
        let goes_on = self.more.is_some();
        json!({ "run": self.run.id, "asked": self.asked.id, "place": self.place_in_chain, "goes_on": goes_on })
    }
}

/// Whether a model is to look at how this card ended. When nobody can tell, none is.
pub(super) async fn planned(parts: &Parts, approval: &Approval) -> Option<FollowUp> {
    let ended = matches!(approval.status, ApprovalStatus::Done | ApprovalStatus::Failed);
    let more = go_on::allows(approval).filter(|_| approval.status == ApprovalStatus::Done);
    if !(parts.approvals.follow_up || more.is_some()) || !ended || parts.tasks.stopping().is_cancelled() {
        return None;
    }
    plan(parts, approval, more).await.unwrap_or_else(|error| {
        tracing::warn!(approval.id = approval.id, %error, "no model looks at what came of an act");
        None
    })
}

async fn plan(
    parts: &Parts,
    approval: &Approval,
    more: Option<MicroUsd>,
) -> Result<Option<FollowUp>, jarvis_memory::Error> {
    let (Some(conversation_id), Some(run_id), Some(person_id)) =
        (&approval.conversation_id, &approval.run_id, &approval.requester_id)
    else {
        return Ok(None);
    };
    // Clients that keep their own history are not there any more.
    if conversation_id.starts_with("api-") {
        return Ok(None);
    }
    let messages = parts.store.messages(conversation_id, None, LOOKED_AT).await?;
    let Some((asked, place_in_chain)) = asked_in(&messages, run_id) else {
        return Ok(None);
    };
    // Who asked again for an act of somebody else has no words of their own in it; a job has a shorter leash.
    let theirs = asked.person_id.as_ref() == Some(person_id) && asked.detail.get("job").is_none();
    if !theirs || place_in_chain > LONGEST_CHAIN {
        return Ok(None);
    }
    let directory = parts.directory();
    let known = (&parts.store, directory.as_ref());
    let Some(principal) = standing::here(known, person_id, conversation_id, parts.now()).await? else {
        return Ok(None);
    };
    let principal = Principal {
        surface: Surface::FollowUp,
        ..standing::bounded(principal, asked.trust)
    };
    if conversations::find(parts, &principal, conversation_id).await.is_err() {
        return Ok(None);
    }
    let before = parts.store.run(run_id).await?;
    Ok(Some(FollowUp {
        run: answer::queued_run(parts, &principal, conversation_id),
        principal,
        asked: asked.clone(),
        place_in_chain,
        saw_private: before.as_ref().is_none_or(|run| run.saw_private),
        // The outcome of an act is outside text; to go on is none.
        tainted: more.is_none() || before.is_none_or(|run| run.tainted),
        more,
    }))
}

/// The message that the run goes back to, and the place in the chain that what follows the run has.
fn asked_in<'a>(messages: &'a [Message], run_id: &str) -> Option<(&'a Message, i64)> {
    let people = || messages.iter().filter(|message| message.role == MessageRole::User);
    if let Some(asked) = people().find(|message| message.run_id.as_deref() == Some(run_id)) {
        return Some((asked, 1));
    }
    let followed = messages
        .iter()
        .filter(|message| message.role == MessageRole::Event)
        .filter_map(|message| message.detail.get("follow_up"))
        .find(|followed| followed.get("run").and_then(Value::as_str) == Some(run_id))?;
    let asked = followed.get("asked").and_then(Value::as_str)?;
    let place = followed.get("place").and_then(Value::as_i64)?;
    Some((people().find(|message| message.id == asked)?, place.saturating_add(1)))
}

/// Whether the run is the look at what came of an act.
pub(crate) async fn is_follow_up(parts: &Parts, run: &Run) -> Result<bool, jarvis_memory::Error> {
    let messages = parts.store.messages(&run.conversation_id, None, LOOKED_AT).await?;
    Ok(asked_in(&messages, &run.id).is_some_and(|(_, place)| place > 1))
}

/// Begins it about `event`, which opened its run. A conversation in which too much waits goes without.
pub(super) async fn start(parts: &Parts, approval: &Approval, follow_up: FollowUp, event: Message) {
    let FollowUp {
        principal,
        run,
        asked,
        saw_private,
        tainted,
        more,
        ..
    } = follow_up;
    let Ok(place) = parts.sessions.reserve(parts, &run.conversation_id) else {
        answer::close_unused(parts, run, "busy").await;
        if more.is_some() {
            tell_too_much_waits(parts, &event.conversation_id).await;
        }
        return;
    };
    let origin = Origin {
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        conversation_id: Some(run.conversation_id.clone()),
        run_id: run.id.clone(),
        approval_id: Some(approval.id.clone()),
        tainted: true,
        trace: None,
    };
    let begun = origin.event("follow_up");
    if let Err(error) = parts.store.append_audit(&begun, parts.now()).await {
        tracing::warn!(approval.id = approval.id, %error, "no model looks at what came of an act");
        return answer::close_unused(parts, run, "no_audit").await;
    }
    let trusted = asked.trust.min(principal.trust.level()) >= Trust::Operator.level();
    place.fill(Inbound {
        principal,
        message: event,
        run,
        stop: CancellationToken::new(),
        api: None,
        steer: None,
        errand: Some(Errand {
            may_use: Vec::new(),
            grounded: true,
            tainted,
            after: Some(After {
                words: if trusted { asked.text } else { String::new() },
                saw_private,
                more,
            }),
        }),
    });
}

/// Who approved to go on, and was told that it is, hears that it is not.
async fn tell_too_much_waits(parts: &Parts, conversation_id: &str) {
    let text = "Too much waits in this conversation, so the answer is not gone on with. Ask again when it is quieter.";
    let detail = json!({ "why": "busy" });
    if let Err(error) = conversations::add_event(parts, conversation_id, None, text.to_owned(), detail).await {
        tracing::warn!(conversation.id = conversation_id, %error, "nobody is told that an answer is not gone on with");
    }
}
