//! What other instances were told that is for a turn of this one: to stop, and what its author writes meanwhile.

use jarvis_memory::records::Message;
use tokio_util::sync::CancellationToken;

use crate::parts::Parts;
use crate::session::Inbound;

/// Stops the turns of a conversation and what waits there, in whichever instance: all, or what one person asked for.
/// Returns whether there was any.
pub(crate) async fn stop(parts: &Parts, conversation_id: &str, person_id: Option<&str>) -> bool {
    let here = match person_id {
        Some(person) => parts.sessions.cancel_of(conversation_id, person),
        None => parts.sessions.cancel(conversation_id),
    };
    if parts.shared.is_none() {
        return here;
    }
    match parts.store.ask_to_stop(conversation_id, person_id).await {
        Ok(elsewhere) => here || elsewhere,
        Err(error) => {
            tracing::warn!(conversation.id = conversation_id, %error, "other instances could not be asked to stop a turn");
            here
        }
    }
}

pub(super) async fn look(parts: &Parts) {
    if parts.sessions.are_quiet() {
        return;
    }
    if let Err(error) = looked(parts).await {
        tracing::debug!(%error, "what other instances were told waits until the database answers");
    }
}

async fn looked(parts: &Parts) -> Result<(), jarvis_memory::Error> {
    for run_id in parts.store.asked_to_stop().await? {
        parts.sessions.cancel_run(&run_id);
    }
    for (message, holder) in parts.store.waiting_elsewhere().await? {
        join(parts, message, &holder).await?;
    }
    Ok(())
}

/// Adopts a message of the running turn's author, which so joins that turn. Any other waits for a turn of its own, and so
/// does what an API request or a job asks: somebody waits there for the answer.
async fn join(parts: &Parts, message: Message, holder: &str) -> Result<(), jarvis_memory::Error> {
    let is_spoken = message.detail.get("via").is_some() && message.detail.get("job").is_none();
    let author = parts.sessions.author(&message.conversation_id).filter(|author| {
        is_spoken && message.person_id.as_ref() == Some(&author.person_id) && message.trust == author.trust.level()
    });
    let (Some(principal), Some(run_id)) = (author, message.run_id.as_deref()) else {
        return Ok(());
    };
    let Some(run) = parts.store.run(run_id).await? else {
        return Ok(());
    };
    let Ok(place) = parts.sessions.reserve(parts, &message.conversation_id) else {
        return Ok(());
    };
    if parts.store.adopt_run(&run.id, Some(holder)).await? {
        place.fill(Inbound {
            principal,
            message,
            run,
            stop: CancellationToken::new(),
            api: None,
            steer: None,
            errand: None,
        });
    }
    Ok(())
}
