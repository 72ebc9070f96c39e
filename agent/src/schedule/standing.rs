//! Who asked for what runs later, as they stand now.

use jarvis_gateway::caller::{Caller, Key, Scope, Waits};
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::records::KeyRow;
use jarvis_tools::risk::Trust;

use crate::people::{self, Directory};
use crate::principal::{OWNER, Principal, Surface};

/// The person as a principal of now, in the conversation that they asked in.
pub(crate) async fn here(
    (store, directory): (&Store, &Directory),
    person_id: &str,
    conversation_id: &str,
    at: Millis,
) -> Result<Option<Principal>, jarvis_memory::Error> {
    let Some(conversation) = store.conversation(conversation_id).await? else {
        return Ok(None);
    };
    let principal = match store.room_by_id(&conversation.room_id).await? {
        Some(room) if room.platform != "local" && room.platform != "key" => {
            people::absent(store, directory, person_id, room).await?
        }
        Some(_) | None => now(store, person_id, at).await?,
    };
    Ok(principal.map(|principal| Principal {
        surface: Surface::Schedule,
        ..principal
    }))
}

/// The person as a principal of now, in the owner's own places, for what runs by itself. `None` when they may not ask for anything any more: their
/// key was revoked or has expired, or they are forgotten.
async fn now(store: &Store, person_id: &str, now: Millis) -> Result<Option<Principal>, jarvis_memory::Error> {
    if person_id == OWNER {
        return Ok(Some(Principal::of(&Caller::Loopback, Surface::Schedule)));
    }
    if let Some(id) = person_id.strip_prefix("key:") {
        let row = store.keys().await?.into_iter().find(|row| row.id == id);
        return Ok(row
            .filter(|row| is_valid(row, now))
            .map(|row| Principal::of(&Caller::from(key(row)), Surface::Schedule)));
    }
    Ok(None)
}

/// The trust with which a job of this person runs: what they have now, never more than at the making or an operator's.
pub(crate) fn bounded(principal: Principal, max_trust: i64) -> Principal {
    let most = Trust::from_level(max_trust).min(Trust::Operator);
    Principal {
        trust: principal.trust.min(most),
        // A job asks; it approves nothing.
        may_approve: false,
        ..principal
    }
}

fn is_valid(row: &KeyRow, now: Millis) -> bool {
    row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > now)
}

fn key(row: KeyRow) -> Key {
    let scopes: Vec<Scope> = row
        .scopes
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    Key {
        id: row.id,
        name: row.name,
        scopes,
        allowance: row.allowance,
        expires_at: row.expires_at,
        // What runs by itself has nobody who waits for it.
        waits: Waits::default(),
    }
}
