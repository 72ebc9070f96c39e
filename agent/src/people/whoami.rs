//! What Jarvis knows of the one who asks, and of everybody.

use jarvis_memory::people::{Identity, Known};
use jarvis_tools::risk::Trust;
use serde::Serialize;

use super::config::{Directory, word};
use super::standing;
use crate::agent::Agent;
use crate::answer;
use crate::error::Error;
use crate::parts::Parts;
use crate::principal::Principal;

/// People that one request is told of at most.
const MOST_PEOPLE: i64 = 500;

/// Somebody in a room: `GET /v1/jarvis/whoami`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhoAmI {
    pub person: String,
    pub name: String,
    pub trust: Trust,
    /// Where that trust comes from, for people.
    pub why: String,
    pub may_approve: bool,
    /// Where the question came from: `console`, `terminal`, `api`, or a platform.
    pub surface: String,
    pub room: RoomView,
    pub accounts: Vec<Identity>,
    /// What this person is offered in this room.
    pub tools: Vec<String>,
}

/// What holds in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoomView {
    pub platform: String,
    pub direct: bool,
    pub public: bool,
    pub ceiling: Trust,
}

/// A person by everything that is known: `GET /v1/jarvis/people`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonView {
    pub person: String,
    pub name: String,
    /// What the person has everywhere, without roles: accounts that the configuration lists have more.
    pub trust: Trust,
    pub owner: bool,
    pub accounts: Vec<Identity>,
}

impl Agent {
    pub async fn whoami(&self, principal: &Principal) -> Result<WhoAmI, Error> {
        of(self.parts(), principal).await
    }

    /// Everybody who was ever heard on a platform.
    pub async fn people(&self, principal: &Principal) -> Result<Vec<PersonView>, Error> {
        self.may_look(principal)?;
        let directory = self.parts().directory();
        let people = self.parts().store.known_people(MOST_PEOPLE).await?;
        Ok(people.into_iter().map(|known| seen(known, &directory)).collect())
    }
}

fn seen(known: Known, directory: &Directory) -> PersonView {
    PersonView {
        trust: standing::of_person(&known, directory).map_or(Trust::Public, |(trust, _)| trust),
        owner: standing::is_owner(&known, directory),
        person: known.person_id,
        name: known.display,
        accounts: known.identities,
    }
}

pub(crate) async fn of(parts: &Parts, principal: &Principal) -> Result<WhoAmI, Error> {
    let known = parts.store.known_person(&principal.person_id).await?;
    let here = &principal.room;
    let why = match &principal.account_of {
        Some(account) => account.why.clone(),
        None if principal.trust == Trust::Owner => "this machine, or a key with the scope `ops`, is the owner's".into(),
        None => "a key without the scope `ops`".into(),
    };
    let tools = answer::offered(parts, principal);
    Ok(WhoAmI {
        person: principal.person_id.clone(),
        name: principal.name.clone(),
        trust: principal.trust,
        why,
        may_approve: principal.may_approve,
        surface: principal.surface.as_str().to_owned(),
        room: RoomView {
            platform: here.platform.clone(),
            direct: here.direct,
            public: here.public,
            ceiling: here.ceiling,
        },
        accounts: known.map(|known| known.identities).unwrap_or_default(),
        tools: tools.into_iter().map(|spec| spec.name).collect(),
    })
}

/// In words. Where others read along, other accounts are not told.
pub(crate) async fn in_words(parts: &Parts, principal: &Principal) -> Result<String, Error> {
    let who = of(parts, principal).await?;
    let mut lines = vec![format!("You are **{}**.", who.name)];
    if principal.room.is_confidential() {
        let accounts: Vec<String> = who.accounts.iter().map(account).collect();
        lines.push(format!("- Person: `{}`", who.person));
        lines.push(match accounts.as_slice() {
            [] => "- Accounts on platforms: none. `/link discord:NAME` adds one.".to_owned(),
            some => format!("- Accounts: {}", some.join(", ")),
        });
    } else if let Some(here) = &principal.account_of {
        lines.push(format!(
            "- Account: {} on {}; ask in a direct message for the rest",
            here.id, who.room.platform
        ));
    }
    lines.push(format!("- Trust: {}, because {}", word(who.trust), who.why));
    let kind = match (who.room.direct, who.room.public) {
        (true, _) => "between the two of us",
        (false, true) => "public",
        (false, false) => "not public",
    };
    lines.push(format!(
        "- This room is {kind}; nobody counts for more than {} here",
        word(who.room.ceiling)
    ));
    lines.push(match who.tools.as_slice() {
        [] => "- Tools for you here: none; we can talk".to_owned(),
        tools => format!("- Tools for you here: {}", tools.join(", ")),
    });
    if who.may_approve {
        lines.push("- You may decide cards, up to your own trust".to_owned());
    }
    Ok(lines.join("\n"))
}

/// An account for people. The name is outside text; the id tells who it is.
pub(crate) fn account(identity: &Identity) -> String {
    let name: String = identity
        .handle
        .chars()
        .filter(|c| c.is_alphanumeric() || "_-. ".contains(*c))
        .take(40)
        .collect();
    format!(
        "{} on {} (`{}:{}`)",
        name.trim(),
        identity.platform,
        identity.platform,
        identity.account
    )
}
