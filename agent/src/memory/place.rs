//! Where somebody is, as far as it decides who may find what is said there, and what they may find.

use jarvis_memory::Store;
use jarvis_memory::recall::{Audience, Scope};
use jarvis_memory::records::Room;
use jarvis_tools::risk::Trust;

use crate::conversations;
use crate::parts::Parts;
use crate::people::CurrentDirectory;
use crate::principal::Principal;
use crate::schedule::standing;

/// A place with the one who asks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) person_id: String,
    pub(super) trust: Trust,
    pub(super) room: Room,
}

impl Place {
    pub(super) async fn of(parts: &Parts, principal: &Principal) -> Result<Self, jarvis_memory::Error> {
        Ok(Self {
            person_id: principal.person_id.clone(),
            trust: principal.trust,
            room: conversations::room(parts, principal).await?,
        })
    }

    /// Where a call of a tool was made. Roles are told by events alone, so that whoever is no operator by the configuration
    /// or by a grant counts as a member, who is the least that a tool of memory is offered to. `None` when the person or
    /// the place is gone.
    pub(super) async fn of_call(
        (store, directory): (&Store, &CurrentDirectory),
        (person_id, conversation_id): (&str, &str),
        now: jarvis_gateway::clock::Millis,
    ) -> Result<Option<Self>, jarvis_memory::Error> {
        let Some(conversation) = store.conversation(conversation_id).await? else {
            return Ok(None);
        };
        let Some(room) = store.room_by_id(&conversation.room_id).await? else {
            return Ok(None);
        };
        let here = standing::here((store, &directory.now()), person_id, conversation_id, now).await?;
        Ok(here.map(|here| Self {
            person_id: person_id.to_owned(),
            trust: here.trust.max(Trust::Member),
            room,
        }))
    }

    /// What may be found here. The house opens to the account that the configuration names, and to no linked one.
    pub(super) fn scope(&self) -> Scope {
        Scope::of(&self.room, &self.person_id, self.is_owner())
    }

    /// Who may find what is said here, and whose it is.
    pub(super) fn audience(&self) -> (Audience, String) {
        Audience::of_room(&self.room, Some(&self.person_id))
    }

    /// Nobody else reads along.
    pub(super) fn is_confidential(&self) -> bool {
        !self.room.public && (self.room.direct || self.is_home())
    }

    pub(super) fn is_owner(&self) -> bool {
        self.trust == Trust::Owner
    }

    fn is_home(&self) -> bool {
        self.room.platform == "local"
    }

    /// The owner in their own place, where what belongs to the house is theirs to look at.
    pub(super) fn is_house(&self) -> bool {
        self.is_home() && self.is_owner()
    }
}
