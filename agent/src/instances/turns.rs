//! Waiting for the turn of a message, when instances share its conversation.

use std::time::Duration;

use jarvis_memory::Begun;
use tokio::time::Instant;

use crate::parts::Parts;
use crate::session::Inbound;

/// How often it is asked, at first and at most.
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(300);
/// An older message is waited for while its instance can be expected to run it: it may have lost it by a fault.
const IN_ORDER: Duration = Duration::from_mins(5);

/// Waits until it is this message's turn. `false` when it is not for this instance any more: another one has it, or the
/// process stops and leaves it to another one.
pub(crate) async fn comes(parts: &Parts, inbound: &Inbound) -> bool {
    let (mut pause, since) = (FIRST, Instant::now());
    let stopping = parts.tasks.stopping().clone();
    loop {
        // Its turn is to say so.
        if inbound.stop.is_cancelled() {
            return true;
        }
        match parts.store.begin_turn(&inbound.run, since.elapsed() < IN_ORDER).await {
            Ok(Begun::Yes) => return true,
            Ok(Begun::Not) => return false,
            Ok(Begun::Later) => {}
            Err(error) => {
                tracing::warn!(run.id = inbound.run.id, %error, "a turn waits because the database does not answer");
            }
        }
        tokio::select! {
            () = stopping.cancelled() => return false,
            () = inbound.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        pause = LONGEST.min(pause * 2);
    }
}
