//! Messages that waited in an instance that is dead: nothing was done for them yet, so they are run by another one.

use jarvis_memory::records::{Message, Run};
use jarvis_tools::risk::Trust;
use tokio_util::sync::CancellationToken;

use crate::conversations;
use crate::parts::Parts;
use crate::principal::{Principal, Surface};
use crate::schedule::standing;
use crate::session::Inbound;

/// Adopts a run that waits and puts it into its conversation's queue. `false` when that cannot be: its turn has begun, a
/// program waited for the answer and is gone, or nobody can tell any more what its author may.
pub(crate) async fn begin(parts: &Parts, run: &Run) -> Result<bool, jarvis_memory::Error> {
    if !run.waits || parts.shared.is_none() {
        return Ok(false);
    }
    let Some(message) = parts.store.message_of_run(&run.id).await? else {
        return Ok(false);
    };
    let Some(principal) = author(parts, &message).await? else {
        return Ok(false);
    };
    let Ok(place) = parts.sessions.reserve(parts, &run.conversation_id) else {
        return Ok(false);
    };
    if parts.store.adopt_run(&run.id, None).await? {
        tracing::info!(
            run.id = run.id,
            "a message that waited in an instance that is dead is answered here"
        );
        place.fill(Inbound {
            principal,
            message,
            run: run.clone(),
            stop: CancellationToken::new(),
            api: None,
            steer: None,
            errand: None,
        });
    }
    Ok(true)
}

/// Who said it, with what they have now and had then.
async fn author(parts: &Parts, message: &Message) -> Result<Option<Principal>, jarvis_memory::Error> {
    // What the API and jobs ask says nothing of where it was said, or has a claim of its own.
    let via = message.detail.get("via").and_then(serde_json::Value::as_str);
    let (Some(via), None, Some(person_id)) = (via, message.detail.get("job"), &message.person_id) else {
        return Ok(None);
    };
    let directory = parts.directory();
    let known = (&parts.store, directory.as_ref());
    let principal = standing::here(known, person_id, &message.conversation_id, parts.now()).await?;
    let Some(principal) = principal.map(|principal| principal.at_most(Trust::from_level(message.trust))) else {
        return Ok(None);
    };
    let surface = if principal.room.is_own() {
        Surface::from_header(Some(via))
    } else {
        Surface::Platform(via.into())
    };
    let principal = Principal { surface, ..principal };
    let may = conversations::find(parts, &principal, &message.conversation_id).await;
    Ok(may.is_ok().then_some(principal))
}
