//! Keeping, listing, finding and forgetting memories, for people and for programs.

use jarvis_gateway::caller::Scope as May;
use jarvis_gateway::clock::Clock;
use jarvis_memory::Store;
use jarvis_memory::recall::{Kept, Memory, Remembered, Whose};
use jarvis_memory::records::AuditEvent;
use jarvis_tools::risk::Trust;
use serde_json::{Value, json};

use super::MOST_CHARS;
use super::place::Place;
use super::vectors::find;
use super::view::{FoundView, MemoryView, short};
use crate::agent::Agent;
use crate::error::Error;
use crate::output_gate;
use crate::parts::{Parts, fresh_id};
use crate::principal::Principal;

/// Memories that a list shows.
const LISTED: i64 = 200;
/// Accounts of one name that are looked at.
const NAMESAKES: i64 = 2;

/// Whom a fact is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    Asker,
    /// The room, or the house.
    Place,
    /// Somebody by the name of their account on this platform, when one account alone has it.
    Named(String),
}

pub(super) struct Fact<'a> {
    pub(super) text: &'a str,
    pub(super) about: About,
    pub(super) source: Option<String>,
}

/// A fact as it would be kept, or why it cannot be.
pub(super) async fn fact(
    store: &Store,
    place: &Place,
    clock: &dyn Clock,
    fact: Fact<'_>,
) -> Result<Result<Memory, String>, jarvis_memory::Error> {
    let text = fact.text.trim();
    let count = text.chars().count();
    if text.is_empty() {
        return Ok(Err("there is nothing to remember: the text is empty".to_owned()));
    }
    if count > MOST_CHARS {
        let why = format!("a memory has at most {MOST_CHARS} characters; this one has {count}. Keep one fact of it");
        return Ok(Err(why));
    }
    if output_gate::holds_redacted(text) {
        return Ok(Err("it holds a secret that was taken out".to_owned()));
    }
    let subject_id = match &fact.about {
        About::Asker => Some(place.person_id.clone()),
        About::Place => None,
        About::Named(name) => {
            let known = store.accounts_called(&place.room.platform, name, NAMESAKES).await?;
            match known.as_slice() {
                [one] => {
                    let person = store.person_of_account(&one.platform, &one.account).await?;
                    person.map(|person| person.person_id)
                }
                _ => None,
            }
        }
    };
    let (audience, whose) = place.audience();
    Ok(Ok(Memory {
        id: fresh_id(clock),
        subject_id,
        author_id: Some(place.person_id.clone()),
        audience,
        whose,
        text: text.to_owned(),
        source_message: fact.source,
        author_trust: place.trust.level(),
        at: clock.now(),
    }))
}

impl Agent {
    /// Keeps a fact about the one who says it, where they are.
    pub async fn remember(&self, principal: &Principal, text: &str) -> Result<MemoryView, Error> {
        let (agent, principal, text) = (self.clone(), principal.clone(), text.to_owned());
        self.to_its_end(async move { agent.remember_whole(&principal, &text).await })
            .await
    }

    async fn remember_whole(&self, principal: &Principal, text: &str) -> Result<MemoryView, Error> {
        may_remember(principal)?;
        let parts = self.parts();
        let place = Place::of(parts, principal).await?;
        parts.store.put_person(&principal.person()).await?;
        let fact = Fact {
            text: &parts.gate.hide(text),
            about: About::Asker,
            source: None,
        };
        let memory = fact_of(parts, &place, fact).await?;
        audit(parts, principal, "memory.add", json!({ "memory": short(&memory.id) })).await?;
        match parts.store.keep_memory(&memory, None).await? {
            Kept::New => Ok(MemoryView::from(Remembered {
                memory,
                subject: Some(principal.name.clone()),
                author: Some(principal.name.clone()),
            })),
            Kept::Known => Err(Error::NotRemembered("it is remembered already".to_owned())),
            Kept::Full => Err(Error::NotRemembered(
                "so much is remembered of you that nothing more is; `/memory forget ID` makes room".to_owned(),
            )),
            Kept::NothingToReplace => Err(Error::NotRemembered("there is nothing to replace".to_owned())),
        }
    }

    /// What is known of the one who asks, and what they said about others, the newest first. Where others read along, what
    /// may be found there alone.
    pub async fn memories(&self, principal: &Principal) -> Result<Vec<MemoryView>, Error> {
        may_look(principal)?;
        let place = Place::of(self.parts(), principal).await?;
        let found = self.listed(&place, None).await?;
        Ok(found.into_iter().map(MemoryView::from).collect())
    }

    async fn listed(&self, place: &Place, ending: Option<&str>) -> Result<Vec<Remembered>, jarvis_memory::Error> {
        let person = place.person_id.as_str();
        let whose = if place.is_house() {
            Whose::House(person)
        } else if place.is_confidential() || place.room.platform == "key" {
            Whose::Person(person)
        } else {
            Whose::PersonHere(person)
        };
        self.parts().store.memories(whose, &place.scope(), ending, LISTED).await
    }

    /// What was said or remembered before, as far as it may be found where the principal is; the best first.
    pub async fn recall(&self, principal: &Principal, query: &str) -> Result<Vec<FoundView>, Error> {
        may_remember(principal)?;
        let parts = self.parts();
        let place = Place::of(parts, principal).await?;
        let found = find(&parts.store, parts.embedder.as_ref(), query, &place.scope()).await?;
        Ok(found.into_iter().map(FoundView::from).collect())
    }

    /// Forgets a memory that a list shows, by the end of its id, with all that it took the place of.
    pub async fn forget_memory(&self, principal: &Principal, id: &str) -> Result<(), Error> {
        let (agent, principal, id) = (self.clone(), principal.clone(), id.to_owned());
        self.to_its_end(async move { agent.forget_whole(&principal, &id).await })
            .await
    }

    async fn forget_whole(&self, principal: &Principal, id: &str) -> Result<(), Error> {
        may_look(principal)?;
        let parts = self.parts();
        let missing = || Error::NoMemory(id.chars().take(40).collect());
        // A beginning that fits everything names nothing.
        let ending =
            Some(id).filter(|id| id.len() >= 4 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        let place = Place::of(parts, principal).await?;
        let found = self.listed(&place, Some(ending.ok_or_else(missing)?)).await?;
        let [found] = <[Remembered; 1]>::try_from(found).map_err(|_| missing())?;
        let arguments = json!({ "memory": short(&found.memory.id) });
        audit(parts, principal, "memory.forget", arguments).await?;
        if parts.store.forget_memory(&found.memory.id).await? {
            Ok(())
        } else {
            Err(missing())
        }
    }

    /// Whether something is learned by itself of the one who asks.
    pub async fn is_learned_about(&self, principal: &Principal) -> Result<bool, Error> {
        may_look(principal)?;
        Ok(self.parts().store.is_remembered(&principal.person_id).await?)
    }

    /// The wish of the one who asks that something is learned of them by itself, or is not.
    pub async fn set_learning(&self, principal: &Principal, on: bool) -> Result<(), Error> {
        may_look(principal)?;
        let parts = self.parts();
        let kind = if on { "memory.on" } else { "memory.off" };
        parts.store.put_person(&principal.person()).await?;
        audit(parts, principal, kind, Value::Null).await?;
        parts.store.set_remembered(&principal.person_id, on).await?;
        Ok(())
    }
}

async fn fact_of(parts: &Parts, place: &Place, of: Fact<'_>) -> Result<Memory, Error> {
    fact(&parts.store, place, parts.clock.as_ref(), of)
        .await?
        .map_err(Error::NotRemembered)
}

/// A key has a part in it when it may chat: what it said is its own.
fn may_look(principal: &Principal) -> Result<(), Error> {
    let may = principal.account.may(May::Chat) || principal.account.may(May::Ops);
    if may { Ok(()) } else { Err(Error::Forbidden) }
}

/// Strangers are not remembered.
fn may_remember(principal: &Principal) -> Result<(), Error> {
    may_look(principal)?;
    if principal.trust >= Trust::Member {
        Ok(())
    } else {
        Err(Error::NotRemembered(
            "it takes a member to be remembered here".to_owned(),
        ))
    }
}

/// Who and which, and none of the words: the audit is kept when a person is forgotten.
async fn audit(parts: &Parts, principal: &Principal, kind: &str, arguments: Value) -> Result<(), Error> {
    let event = AuditEvent {
        kind: kind.to_owned(),
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        arguments: Some(arguments).filter(|arguments| !arguments.is_null()),
        ..AuditEvent::default()
    };
    parts.store.append_audit(&event, parts.now()).await?;
    Ok(())
}
