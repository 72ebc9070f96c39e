//! What comes in from platforms.

use jarvis_memory::people::Identity;
use jarvis_memory::records::{Message, MessageRole};
use jarvis_tools::risk::Trust;
use serde_json::json;

use super::Here;
use super::standing::{self, Standing};
use crate::agent::{Agent, Said};
use crate::conversations;
use crate::error::Error;
use crate::plain;
use crate::platform::Incoming;
use crate::principal::{Account, Principal};

/// An id of a platform is not longer; what is, is no id.
const LONGEST_ID: usize = 200;
/// Characters of a name that are kept.
const LONGEST_HANDLE: usize = 100;

/// What became of a platform's message.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Nothing of it was kept.
    Ignored(Ignored),
    /// It is kept as what was said before a question, and not answered.
    Kept,
    /// It was taken; what Jarvis says to it comes to the room's adapter.
    Taken(Box<Said>),
    /// A plain command whose answer is kept nowhere: the adapter shows it at once, in this room.
    Says(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Another program, or a webhook.
    Bot,
    /// It speaks to somebody else, and its author is a stranger.
    NotForJarvis,
    Empty,
    /// Its author was forgotten after it was written.
    Forgotten,
    /// The same message came before.
    Repeated,
    /// An event without the ids that it needs.
    Malformed,
}

impl Agent {
    /// Takes a message of a platform. Who its author is, and what that gives them here, comes from the event's ids, the
    /// configuration and the rows, never from the text or from a name.
    ///
    /// 1. Bots are not answered, and what somebody wrote before they were forgotten is not taken in again.
    /// 2. What does not speak to Jarvis is kept as context when a member or more wrote it; of strangers nothing is kept.
    /// 3. The same message again is ignored.
    /// 4. A plain command is carried out by code, everything else begins a turn in the conversation of the room.
    pub async fn hear(&self, incoming: Incoming) -> Result<Heard, Error> {
        if let Some(why) = unheard(&incoming) {
            return Ok(Heard::Ignored(why));
        }
        let (room, author, parts) = (&incoming.room, &incoming.author, self.parts());
        let directory = parts.directory();
        let (known, forgotten) = tokio::try_join!(
            parts.store.person_of_account(&room.platform, &author.account),
            parts.store.forgotten_at(&room.platform, &author.account)
        )?;
        if forgotten.is_some_and(|at| incoming.at <= at) {
            return Ok(Heard::Ignored(Ignored::Forgotten));
        }
        let standing = standing::of(room, author, known.as_ref(), &directory);
        if !incoming.addressed && standing.trust < Trust::Member {
            return Ok(Heard::Ignored(Ignored::NotForJarvis));
        }
        conversations::check_text(&incoming.text)?;
        let here = Here::of(room, standing.trust, &directory);
        let principal = self.met(&incoming, known, standing, here).await?;
        let conversation = conversations::of_room(parts, &principal).await?;
        if !incoming.addressed {
            return self.overhear(&principal, &conversation.id, incoming).await;
        }
        let plain = plain::parse(&incoming.text);
        let taken = self
            .take(&principal, &conversation.id, &incoming.text, Some(incoming.id), plain)
            .await?;
        Ok(match taken.says {
            Some(words) => Heard::Says(words),
            None if taken.said.is_new => Heard::Taken(Box::new(taken.said)),
            None => Heard::Ignored(Ignored::Repeated),
        })
    }

    /// The author as a principal. An account that was never seen gets a person of its own.
    async fn met(
        &self,
        incoming: &Incoming,
        known: Option<jarvis_memory::people::Known>,
        standing: Standing,
        here: Here,
    ) -> Result<Principal, Error> {
        let store = &self.parts().store;
        let (platform, author) = (&incoming.room.platform, &incoming.author);
        let handle: String = author.handle.trim().chars().filter(|c| !c.is_control()).collect();
        let account = Account {
            id: author.account.clone(),
            handle: handle.chars().take(LONGEST_HANDLE).collect(),
            why: standing.why,
        };
        let Some(known) = known else {
            let person_id = self.meet(platform, &account, &here).await?;
            return Ok(Principal::on_platform(person_id, account, standing.trust, here));
        };
        let is_renamed = known.identities.iter().any(|identity| {
            identity.platform == *platform && identity.account == account.id && identity.handle != account.handle
        });
        if is_renamed {
            store.set_handle(platform, &account.id, &account.handle).await?;
        }
        Ok(Principal::on_platform(known.person_id, account, standing.trust, here))
    }

    /// A person for an account that was never seen; the id of theirs when somebody else was faster.
    async fn meet(&self, platform: &str, account: &Account, here: &Here) -> Result<String, Error> {
        let store = &self.parts().store;
        let identity = Identity {
            platform: platform.to_owned(),
            account: account.id.clone(),
            handle: account.handle.clone(),
            linked_at: self.parts().now(),
        };
        let fresh = Principal::on_platform(self.parts().fresh_id(), account.clone(), Trust::Public, here.clone());
        store.meet(&identity, &fresh.person()).await?;
        let known = store.person_of_account(platform, &account.id).await?;
        Ok(known.map_or(fresh.person_id, |known| known.person_id))
    }

    /// Keeps what was not said to Jarvis, for what is asked later.
    async fn overhear(&self, principal: &Principal, conversation_id: &str, incoming: Incoming) -> Result<Heard, Error> {
        let message = Message {
            id: self.parts().fresh_id(),
            conversation_id: conversation_id.to_owned(),
            run_id: None,
            person_id: Some(principal.person_id.clone()),
            trust: principal.trust.level(),
            role: MessageRole::User,
            text: incoming.text,
            detail: json!({ "via": principal.surface.as_str(), "name": principal.name, "overheard": true }),
            external_id: Some(incoming.id),
            created_at: self.parts().now(),
        };
        if conversations::add(self.parts(), message).await? {
            Ok(Heard::Kept)
        } else {
            Ok(Heard::Ignored(Ignored::Repeated))
        }
    }

    /// What is configured about people and places is another from now on.
    pub fn set_directory(&self, directory: super::Directory) {
        self.parts().directory.set(directory);
    }
}

fn unheard(incoming: &Incoming) -> Option<Ignored> {
    let Incoming { room, author, id, .. } = incoming;
    let ids = [&room.platform, &room.room, &author.account, id];
    let is_id = |id: &&String| !id.is_empty() && id.len() <= LONGEST_ID;
    // A platform cannot be one of the places that are the owner's own.
    let is_taken = room.platform == "local" || room.platform == "key";
    if !ids.iter().all(is_id) || is_taken {
        return Some(Ignored::Malformed);
    }
    if author.is_bot {
        return Some(Ignored::Bot);
    }
    incoming.text.trim().is_empty().then_some(Ignored::Empty)
}
