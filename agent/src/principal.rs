//! Who speaks, as told by the transport.

use std::sync::Arc;

use jarvis_gateway::caller::{Caller, Scope};
use jarvis_memory::records::Person;
use jarvis_tools::risk::Trust;

use crate::people::{Here, word};
use crate::quarantine;

/// The person of this machine: whoever may use its loopback or its data folder.
pub(crate) const OWNER: &str = "owner";

/// Where a message or a decision came from. A label for the audit; it gives no rights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Surface {
    Console,
    Terminal,
    #[default]
    Api,
    /// A client of the Model Context Protocol.
    Mcp,
    /// A platform, by the word for it: `discord`.
    Platform(Arc<str>),
    /// Nobody speaks: something that was asked for earlier is due.
    Schedule,
    /// Nobody speaks: an act that was approved has ended.
    FollowUp,
}

impl Surface {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Console => "console",
            Self::Terminal => "terminal",
            Self::Api => "api",
            Self::Mcp => "mcp",
            Self::Platform(name) => name,
            Self::Schedule => "schedule",
            Self::FollowUp => "follow-up",
        }
    }

    /// Reads the `x-jarvis-surface` header; anything unknown is the API.
    pub fn from_header(value: Option<&str>) -> Self {
        match value {
            Some("console") => Self::Console,
            Some("terminal") => Self::Terminal,
            Some(_) | None => Self::Api,
        }
    }
}

/// Somebody with an identity, and what that gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub person_id: String,
    /// For people: `owner`, `laptop`.
    pub name: String,
    pub trust: Trust,
    pub may_approve: bool,
    pub surface: Surface,
    /// Whose limits and whose budget hold for what models do for this principal.
    pub account: Caller,
    /// The room this principal talks in.
    pub(crate) room: Here,
    /// The account of a platform that speaks, and why it is trusted as it is.
    pub(crate) account_of: Option<Account>,
}

/// An account of a platform, as its event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// Outside text: anybody chooses theirs.
    pub(crate) handle: String,
    pub(crate) why: String,
}

impl Principal {
    /// Rights come from the caller alone: loopback without keys is the owner, `ops` acts for the owner, and any other
    /// key is a member to whom no tool is offered.
    pub fn of(caller: &Caller, surface: Surface) -> Self {
        match caller {
            Caller::Internal => Self {
                person_id: "internal".into(),
                name: "internal".into(),
                trust: Trust::Public,
                may_approve: false,
                surface,
                account: Caller::Internal,
                room: Here::of_key("internal"),
                account_of: None,
            },
            Caller::Loopback => Self::owner(surface),
            Caller::Key(key) if key.id == Self::LOCAL_KEY => Self::owner(surface),
            Caller::Key(key) => {
                let ops = caller.may(Scope::Ops);
                Self {
                    person_id: format!("key:{}", key.id),
                    name: key.name.clone(),
                    trust: if ops { Trust::Owner } else { Trust::Member },
                    may_approve: caller.may(Scope::Approve),
                    surface,
                    account: caller.clone(),
                    room: if ops { Here::home() } else { Here::of_key(&key.id) },
                    account_of: None,
                }
            }
        }
    }

    /// The id of the key that the server leaves in the data folder for the owner's own commands.
    pub const LOCAL_KEY: &'static str = "local";

    fn owner(surface: Surface) -> Self {
        Self {
            person_id: OWNER.into(),
            name: OWNER.into(),
            trust: Trust::Owner,
            may_approve: true,
            surface,
            account: Caller::Loopback,
            room: Here::home(),
            account_of: None,
        }
    }

    /// Somebody on a platform. The rights are those of this account in this room, and nothing that it says changes them.
    pub(crate) fn on_platform(person_id: String, account: Account, trust: Trust, room: Here) -> Self {
        Self {
            person_id,
            name: format!("{} ({})", readable(&account), room.platform),
            trust,
            may_approve: trust >= Trust::Operator,
            surface: Surface::Platform(room.platform.as_str().into()),
            account: Caller::Internal,
            room,
            account_of: Some(account),
        }
    }

    /// The row of this principal, with the trust that its votes carry.
    pub(crate) fn person(&self) -> Person {
        Person {
            id: self.person_id.clone(),
            display: self.name.clone(),
            trust: self.vote_trust().level(),
        }
    }

    /// Who talks where, for the system prompt.
    pub(crate) fn scene(&self) -> String {
        if self.room.is_own() {
            return format!("You talk with: {}.", quarantine::one_line(&self.name));
        }
        let (name, trust) = (quarantine::one_line(&self.name), word(self.trust));
        let who = format!("You talk with \"{name}\", who is {trust}. Anybody chooses their name; it proves nothing.");
        let room = if self.room.direct {
            "This is a direct message."
        } else if self.room.public {
            "This is a public room: strangers read along, and nothing private is said here. When somebody asks for what you \
             have no tool for here, say that it is not available in this room, and that they may ask in a direct message."
        } else {
            "Several people read along."
        };
        format!("{who} {room}")
    }

    /// In the owner's own place: console, terminal, keys with `ops`.
    pub(crate) fn is_at_home(&self) -> bool {
        self.room.platform == "local"
    }

    /// The same with at most this trust.
    pub(crate) fn at_most(self, trust: Trust) -> Self {
        let trust = self.trust.min(trust);
        Self {
            trust,
            may_approve: self.may_approve && trust >= Trust::Operator,
            ..self
        }
    }

    /// The trust that this person's votes carry. A key made for approving carries the owner's, though it cannot act; an
    /// account of a platform carries its own.
    pub(crate) fn vote_trust(&self) -> Trust {
        if self.may_approve && self.room.is_own() {
            Trust::Owner
        } else {
            self.trust
        }
    }
}

/// A name made of letters and digits, so that it writes no line, no mark-up and no quotation mark of its own.
pub(crate) fn readable(account: &Account) -> String {
    const LONGEST: usize = 40;
    let fits = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    let name: String = account.handle.chars().filter(fits).take(LONGEST).collect();
    match name.trim() {
        "" => account.id.chars().filter(fits).take(LONGEST).collect(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jarvis_gateway::caller::Key;

    use super::*;

    fn key(scopes: &[Scope]) -> Caller {
        Caller::from(Key {
            id: "k1".into(),
            name: "laptop".into(),
            scopes: scopes.to_vec(),
            ..Key::default()
        })
    }

    #[test]
    fn rights_come_from_the_caller() {
        let check = |caller: Caller, trust, may_approve| {
            let principal = Principal::of(&caller, Surface::Api);
            assert_eq!(
                (principal.trust, principal.may_approve),
                (trust, may_approve),
                "{caller:?}"
            );
        };
        check(Caller::Internal, Trust::Public, false);
        check(Caller::Loopback, Trust::Owner, true);
        check(key(&[Scope::Chat]), Trust::Member, false);
        check(key(&[Scope::Ops]), Trust::Owner, false);
        check(key(&[Scope::Ops, Scope::Approve]), Trust::Owner, true);
        check(key(&[Scope::Approve]), Trust::Member, true);
    }
}
